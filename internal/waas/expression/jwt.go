package expression

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// maxJWT bounds a token, in bytes: headers of requests are shorter.
const maxJWT = 16 << 10

// webToken is a JSON Web Token, decoded.
type webToken struct{ header, payload, signature string }

// parseJWT splits a token, with or without "Bearer " in front; false when it is none.
func parseJWT(s string) (webToken, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 7 && strings.EqualFold(s[:7], "bearer ") {
		s = strings.TrimSpace(s[7:])
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(s) > maxJWT {
		return webToken{}, false
	}
	var decoded [3]string
	for i, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
		if err != nil {
			return webToken{}, false
		}
		decoded[i] = string(b)
	}
	return webToken{decoded[0], decoded[1], decoded[2]}, true
}

func jwtHeader(s string) string {
	t, _ := parseJWT(s)
	return t.header
}

func jwtPayload(s string) string {
	t, _ := parseJWT(s)
	return t.payload
}

// memberOf returns the member of a JSON object as text: a string without its quotes, anything else as JSON.
func memberOf(object, name string) string {
	members := jsonObject(object)
	raw, ok := members[name]
	if !ok {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
		return text
	}
	return string(raw)
}

// jsonObject returns an object's members; nil when it is none.
func jsonObject(s string) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &members) != nil {
		return nil
	}
	return members
}

// jwtValid tells whether a token is one and could hold now. Whether its signature is right it can't know.
func jwtValid(s string, now time.Time) bool {
	t, ok := parseJWT(s)
	if !ok {
		return false
	}
	head, claims := jsonObject(t.header), jsonObject(t.payload)
	if head == nil || claims == nil || !signatureFits(memberOf(t.header, "alg"), head, len(t.signature)) {
		return false
	}
	return timely(claims, now)
}

// signatureFits tells whether a signature has the length of its algorithm, and a symmetric algorithm no public key.
func signatureFits(algorithm string, head map[string]json.RawMessage, length int) bool {
	lengths := map[string][]int{
		"HS256": {32}, "HS384": {48}, "HS512": {64}, "ES256": {64}, "ES256K": {64}, "ES384": {96}, "ES512": {132}, "EdDSA": {64, 114},
	}
	if want, fixed := lengths[algorithm]; fixed && !slices.Contains(want, length) {
		return false
	}
	if !strings.HasPrefix(algorithm, "HS") {
		return true
	}
	for _, key := range []string{"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"} {
		if _, given := head[key]; given {
			return false
		}
	}
	return true
}

// timely tells whether now is within the times of the claims.
func timely(claims map[string]json.RawMessage, now time.Time) bool {
	seconds := float64(now.UnixMilli()) / 1000
	for _, c := range []struct {
		name   string
		future bool // has to lie in the future
	}{{"exp", true}, {"iat", false}, {"nbf", false}} {
		raw, given := claims[c.name]
		if !given {
			continue
		}
		var at float64
		if json.Unmarshal(raw, &at) != nil || c.future != (at > seconds) {
			return false
		}
	}
	return true
}
