package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// A Defender's token is defenderPrefix, claims and, after a dot, the first macSize bytes of their HMAC-SHA256, both in
// base64 for URLs without padding. The claims are account, region, the time of issue in Unix seconds and the function,
// divided by commas. It has no end and isn't stored anywhere: 100,000 functions cost nothing, and revoking is done by
// refusing what was issued before a time.
const (
	defenderPrefix = "adt1."
	macSize        = 16
	claimCount     = 4
	// maxClaims bounds the claims, in bytes; a function's ARN and a region fit.
	maxClaims = 512
)

// DefenderToken makes the token that a Defender in a function calls with. Issued is now when it is 0, and the key is the
// newest when there's no other of that id. Names that no account, region or function has give "", which opens nothing.
func (s *Service) DefenderToken(id route.FunctionIdentity) string {
	if id.Issued == 0 {
		id.Issued = s.now().Unix()
	}
	if strings.Contains(id.Account+id.Region, ",") {
		return ""
	}
	claims := strings.Join([]string{id.Account, id.Region, strconv.FormatInt(id.Issued, 10), id.Function}, ",")
	if len(claims) > maxClaims || strings.ContainsFunc(claims, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	signed := defenderPrefix + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return signed + "." + base64.RawURLEncoding.EncodeToString(defenderMAC(s.defenderKey(id.Key), signed))
}

// defenderKey is the key of an id, or else the newest.
func (s *Service) defenderKey(id string) []byte {
	all := s.keys.DefenderTokens()
	for _, key := range all {
		if key.ID == id {
			return key.Key
		}
	}
	return all[0].Key
}

func defenderMAC(key []byte, signed string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return mac.Sum(nil)[:macSize]
}

func (s *Service) byDefenderToken(ctx context.Context, token string) (route.Principal, error) {
	id, ok := s.readDefenderToken(token)
	if !ok {
		return route.Principal{}, unknown("the Defender's token isn't one of this Console").
			WithHint("apply the auto-defend rule again, or set the function's policy anew")
	}
	revoked, err := s.revocations(ctx)
	if err != nil {
		return route.Principal{}, err
	}
	if revoked.refuse(id) {
		return route.Principal{}, unknown("the Defender's token was revoked").
			WithHint("apply the auto-defend rule again, or set the function's policy anew")
	}
	if id.Key != "" {
		s.oldKeys.Add(1)
	}
	return route.Principal{
		Username: "defender:" + id.Function, Role: api.RoleDefender,
		Permissions: map[api.PermName]bool{route.Function: true}, Function: id,
	}, nil
}

// readDefenderToken checks a token's MAC and reads its claims.
func (s *Service) readDefenderToken(token string) (route.FunctionIdentity, bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < len(defenderPrefix) {
		return route.FunctionIdentity{}, false
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
	if err != nil {
		return route.FunctionIdentity{}, false
	}
	key, ok := s.keyOf(token[:dot], mac)
	if !ok {
		return route.FunctionIdentity{}, false
	}
	claims, err := base64.RawURLEncoding.Strict().DecodeString(token[len(defenderPrefix):dot])
	if err != nil {
		return route.FunctionIdentity{}, false
	}
	parts := strings.SplitN(string(claims), ",", claimCount)
	if len(parts) != claimCount {
		return route.FunctionIdentity{}, false
	}
	issued, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return route.FunctionIdentity{}, false
	}
	return route.FunctionIdentity{Account: parts[0], Region: parts[1], Function: parts[3], Issued: issued, Key: key}, true
}

// keyOf returns the id of the key that a token was made with, "" for the newest.
func (s *Service) keyOf(signed string, mac []byte) (string, bool) {
	for i, key := range s.keys.DefenderTokens() {
		if hmac.Equal(mac, defenderMAC(key.Key, signed)) {
			if i == 0 {
				return "", true
			}
			return key.ID, true
		}
	}
	return "", false
}

// revocations are those of all functions, by the function's name.
type revocations struct {
	byFunction map[string][]api.RevokedFunction
	count      int
}

func (s *Service) revocations(ctx context.Context) (*revocations, error) {
	generation, err := s.documents.Generation(ctx, api.KindRevokedFunction)
	if err != nil {
		return nil, fmt.Errorf("read revoked functions: %w", err)
	}
	return s.revoked.get(generation, func() (*revocations, error) {
		all, err := readAll[api.RevokedFunction](ctx, s, api.KindRevokedFunction)
		if err != nil {
			return nil, err
		}
		r := &revocations{byFunction: map[string][]api.RevokedFunction{}, count: len(all)}
		for _, f := range all {
			r.byFunction[f.Function] = append(r.byFunction[f.Function], f)
		}
		return r, nil
	})
}

// refuse reports whether a token was revoked: whether there's a function that both the token and a revocation mean. A
// token without a function's name opens every function, so a revocation of any of them stops it.
func (r *revocations) refuse(id route.FunctionIdentity) bool {
	if r.count == 0 {
		return false
	}
	if id.Function == "" {
		for _, list := range r.byFunction {
			if refusedBy(list, id) {
				return true
			}
		}
		return false
	}
	return refusedBy(r.byFunction[id.Function], id) || refusedBy(r.byFunction[""], id)
}

func refusedBy(list []api.RevokedFunction, id route.FunctionIdentity) bool {
	for _, f := range list {
		if f.Refuses(id.Account, id.Region, id.Function, id.Issued) {
			return true
		}
	}
	return false
}
