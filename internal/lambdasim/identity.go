package lambdasim

import (
	"net/http"
	"strings"
	"time"
)

// identity is who a request says it comes from and what it is addressed to.
type identity struct {
	accessKey, region, service string
}

// parseAuthorization reads the access key and the credential scope.
func parseAuthorization(header string) (identity, bool) {
	_, rest, ok := strings.Cut(header, "Credential=")
	if !ok {
		return identity{}, false
	}
	scope, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) != 5 || parts[4] != "aws4_request" {
		return identity{}, false
	}
	return identity{accessKey: parts[0], region: parts[2], service: parts[3]}, true
}

// resolve maps an access key to its account and principal. Preconditions: w.mu
// is held.
func (w *World) resolve(id identity, now time.Time) (*account, string, *apiError) {
	if strings.Contains(id.accessKey, "EXPIRED") {
		return nil, "", errExpiredToken(id.service)
	}
	if s, ok := w.sessions[id.accessKey]; ok {
		if !s.expires.IsZero() && now.After(s.expires) {
			return nil, "", errExpiredToken(id.service)
		}
		return s.account, s.arn, nil
	}
	if strings.HasPrefix(id.accessKey, "ASIA") {
		return nil, "", errUnknownToken(id.service)
	}
	a := w.first
	if digits := twelveDigits(id.accessKey); digits != "" {
		a = w.accounts[digits]
	}
	if a == nil {
		return nil, "", errUnknownToken(id.service)
	}
	return a, "arn:" + a.partition() + ":iam::" + a.spec.ID + ":user/simulated", nil
}

// twelveDigits returns the first run of twelve digits in a key, or "".
func twelveDigits(key string) string {
	run := 0
	for i := range len(key) {
		if key[i] < '0' || key[i] > '9' {
			run = 0
			continue
		}
		if run++; run == 12 {
			return key[i-11 : i+1]
		}
	}
	return ""
}

// errMissingToken answers a request without credentials.
func errMissingToken() *apiError {
	return newError(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
}

// errExpiredToken answers expired credentials.
func errExpiredToken(service string) *apiError {
	code := "ExpiredTokenException"
	if isQueryService(service) {
		code = "ExpiredToken"
	}
	return newError(http.StatusForbidden, code, "The security token included in the request is expired")
}

// errUnknownToken answers credentials that belong to no account, and every
// call to a region that the account has not enabled.
func errUnknownToken(service string) *apiError {
	code := "UnrecognizedClientException"
	if isQueryService(service) {
		code = "InvalidClientTokenId"
	}
	return newError(http.StatusForbidden, code, "The security token included in the request is invalid.")
}

// isQueryService reports whether a service speaks the query protocol, which
// has names of its own for the errors of credentials.
func isQueryService(service string) bool {
	return service == "sts" || service == "iam" || service == "ec2"
}

// denied returns the answer when the account denies the action to everyone.
func (c *call) denied(action, resource string) *apiError {
	reason, ok := c.account.denies[action]
	if !ok {
		return nil
	}
	tail := "because no identity-based policy allows the " + action + " action"
	if strings.Contains(reason, "SCP") {
		tail = "with an explicit deny in a service control policy"
	}
	e := newError(http.StatusForbidden, "AccessDeniedException",
		"User: %s is not authorized to perform: %s on resource: %s %s", c.principal, action, resource, tail)
	e.sender, e.upperMessage = "", true
	return e
}
