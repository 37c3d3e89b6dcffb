package access

import (
	"context"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/route"
)

// Request is what a caller proves who it is with.
type Request struct {
	// Authorization is the header's value: Bearer or Basic.
	Authorization string
	// Cookie is the value of the cookie [CookieName], used when there's no Authorization.
	Cookie   string
	SourceIP string
}

// CookieName is that of the cookie in which a browser keeps its login.
const CookieName = "__Host-autodefend"

// maxCredential bounds what is looked at, in bytes.
const maxCredential = 8 << 10

// Authenticate returns who calls. Errors have [autodefend.CodeDenied] when that isn't known, whatever the reason,
// [autodefend.CodeThrottled] after too many wrong passwords, and [autodefend.CodeUnavailable] when the storage can't tell.
func (s *Service) Authenticate(ctx context.Context, r Request) (route.Principal, error) {
	if len(r.Authorization) > maxCredential || len(r.Cookie) > maxCredential {
		return route.Principal{}, unknown("the credentials are longer than any that were issued")
	}
	if r.Authorization == "" {
		if r.Cookie == "" {
			return route.Principal{}, unknown("the call needs authentication").
				WithHint("send Authorization: Bearer TOKEN, of POST /authenticate or an API token, or Basic")
		}
		return s.bySession(ctx, r.Cookie)
	}
	scheme, credential, _ := strings.Cut(r.Authorization, " ")
	credential = strings.TrimSpace(credential)
	switch strings.ToLower(scheme) {
	case "bearer":
		return s.byBearer(ctx, credential)
	case "basic":
		return s.byBasic(ctx, credential, r.SourceIP)
	default:
		return route.Principal{}, unknown("Authorization: the scheme isn't supported").WithHint("use Bearer or Basic")
	}
}

// byBearer tells the three kinds of tokens apart by how they begin.
func (s *Service) byBearer(ctx context.Context, token string) (route.Principal, error) {
	switch {
	case strings.HasPrefix(token, defenderPrefix):
		return s.byDefenderToken(ctx, token)
	case strings.HasPrefix(token, apiTokenPrefix):
		return s.byAPIToken(ctx, token)
	default:
		return s.bySession(ctx, token)
	}
}

// unknown is the error of callers who aren't known.
func unknown(format string, args ...any) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeDenied, format, args...)
}
