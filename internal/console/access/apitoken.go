package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// An API token is apiTokenPrefix, its id and, after a dot, its secret.
const apiTokenPrefix = "ada1."

// newAPIToken makes the text of a token and the hash that is stored of it.
func newAPIToken(id string) (string, []byte) {
	secret := randomText(secretSize)
	hash := sha256.Sum256([]byte(secret))
	return apiTokenPrefix + id + "." + secret, hash[:]
}

func (s *Service) byAPIToken(ctx context.Context, text string) (route.Principal, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Principal{}, err
	}
	id, secret, _ := strings.Cut(strings.TrimPrefix(text, apiTokenPrefix), ".")
	hash := sha256.Sum256([]byte(secret))
	token, known := d.tokens[id]
	if !known || subtle.ConstantTimeCompare(hash[:], token.Hash) != 1 {
		return route.Principal{}, unknown("the API token isn't known").WithHint("it may have been deleted: make another with POST /api-tokens")
	}
	return s.principalOfToken(d, token)
}

// principalOfToken is what a token may do now: what its scopes and its owner both may.
func (s *Service) principalOfToken(d *directory, token apiToken) (route.Principal, error) {
	if !s.now().Before(token.Expires) {
		return route.Principal{}, unknown("the API token ended on %s", token.Expires.UTC().Format("2006-01-02")).
			WithHint("make another with POST /api-tokens")
	}
	owner, known := d.users[key(token.Owner)]
	if !known || owner.UID != token.OwnerUID {
		return route.Principal{}, unknown("the owner of the API token is gone")
	}
	g, err := d.grantOfToken(&owner, token)
	if err != nil {
		return route.Principal{}, err
	}
	p := g.principal(owner.Username+"/"+token.Name, "")
	if len(token.Scopes) > 0 {
		p.Permissions = within(p.Permissions, token.Scopes)
	}
	return p, nil
}

// grantOfToken is what the Console itself gives a token's owner, and no more of it than the login had that made the token:
// groups of the provider restrict a token, but being in them, which the provider may have ended since, gives it nothing.
func (d *directory) grantOfToken(owner *user, token apiToken) (grant, error) {
	if owner.AuthType == api.AuthOIDC && token.Groups == nil {
		return grant{}, unknown("the API token doesn't tell which groups of the OpenID Connect provider its owner was in").
			WithHint("make another with POST /api-tokens")
	}
	own, ok := d.grantTo(owner, nil)
	if !ok {
		return grant{}, unknown("the owner of the API token has no role")
	}
	if len(token.Groups) == 0 {
		return own, nil
	}
	login, ok := d.grantTo(owner, token.Groups)
	if !ok {
		return grant{}, unknown("the owner of the API token has no role")
	}
	both, ok := own.both(login)
	if !ok {
		return grant{}, unknown("the owner of the API token sees none of the collections that the token was made for").
			WithHint("make another with POST /api-tokens")
	}
	return both, nil
}

// within returns the permissions that are among the scopes too.
func within(permissions map[api.PermName]bool, scopes []api.RolePermission) map[api.PermName]bool {
	both := map[api.PermName]bool{route.AnyUser: true}
	for _, scope := range scopes {
		if readWrite, has := permissions[scope.Name]; has && scope.Name != route.AnyUser {
			both[scope.Name] = both[scope.Name] || readWrite && scope.ReadWrite
		}
	}
	return both
}

// isToken reports whether the caller is an API token: names of users have no slash.
func isToken(p route.Principal) bool { return strings.Contains(p.Username, "/") }

// owner is the user behind a principal.
func owner(p route.Principal) string {
	name, _, _ := strings.Cut(p.Username, "/")
	return name
}

// Sizes of random values, in bytes.
const (
	idSize     = 16
	secretSize = 32
)

func randomText(size int) string {
	return base64.RawURLEncoding.EncodeToString(randomBytes(size))
}
