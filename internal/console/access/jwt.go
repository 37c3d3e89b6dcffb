package access

import (
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer names the Console in the tokens that it makes.
const issuer = "autodefend"

// claims are those of a session's token. Clients look at exp and decide when to renew; all else is for the curious, as what
// counts is stored.
type claims struct {
	jwt.Claims
	Role string `json:"role,omitempty"`
}

// sessionSigner makes and checks the tokens of sessions: JWT with HS256. The first key signs, any of them checks.
type sessionSigner struct {
	keys   [][]byte
	signer jose.Signer
}

func newSessionSigner(secrets [][]byte) (*sessionSigner, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secrets[0]}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("make session signer: %w", err)
	}
	return &sessionSigner{keys: secrets, signer: signer}, nil
}

// sign makes the token of a session, which ends when the session does.
func (s *sessionSigner) sign(v session, role string, now time.Time) (string, error) {
	token, err := jwt.Signed(s.signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer: issuer, Subject: v.Username, ID: v.ID, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(v.Expires),
		},
		Role: role,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign session: %w", err)
	}
	return token, nil
}

// read checks a token's signature and time and returns the id of its session.
func (s *sessionSigner) read(token string, now time.Time) (string, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return "", unknown("the token isn't one of this Console").WithHint("log in again with POST /authenticate")
	}
	c, err := s.claims(parsed)
	if err != nil {
		return "", unknown("the token isn't one of this Console").WithHint("log in again with POST /authenticate")
	}
	if c.Expiry == nil || c.ID == "" || c.ValidateWithLeeway(jwt.Expected{Issuer: issuer, Time: now}, 0) != nil {
		return "", unknown("the token expired").WithHint("log in again with POST /authenticate, and renew with GET /authenticate/renew in time")
	}
	return c.ID, nil
}

// claims returns what a token says, once one of the keys shows that it's true.
func (s *sessionSigner) claims(token *jwt.JSONWebToken) (claims, error) {
	var err error
	for _, key := range s.keys {
		var c claims
		if err = token.Claims(key, &c); err == nil {
			return c, nil
		}
	}
	return claims{}, err
}
