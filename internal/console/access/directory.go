package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// user is a user as it is stored.
type user struct {
	api.User
	// UID tells this user from an earlier one of the same name, whose tokens mustn't open anything.
	UID string `json:"uid"`
	// Epoch changes with everything that ends the user's sessions.
	Epoch string `json:"epoch"`
	// Hash is the password's, in PHC's format; "" for users of a provider.
	Hash string `json:"hash,omitempty"`
	// Given is when somebody else set the password; zero once the user has chosen one.
	Given time.Time `json:"passwordGiven,omitzero"`
}

// public is the user as it is shown.
func (u user) public() api.User {
	shown := u.User
	shown.Password = ""
	if shown.Permissions == nil {
		shown.Permissions = api.UserPermissions{}
	}
	return shown
}

// apiToken is an API token as it is stored.
type apiToken struct {
	api.APIToken
	// OwnerUID is the owner's [user].UID.
	OwnerUID string `json:"ownerUID"`
	// Groups are those that the provider told at the login that made the token; nil when that wasn't one at a provider.
	Groups []string `json:"groups"`
	// Hash is SHA-256 of the secret, which is as random as a key and needs no slower one.
	Hash []byte `json:"hash"`
}

// directory is everything that decides about principals but for sessions, as of one moment. It isn't changed.
type directory struct {
	users  map[string]user // by key
	groups []api.Group     // by name
	roles  map[string]role // by name
	tokens map[string]apiToken
	logon  api.LogonSettings
	oidc   oidcSettings
}

// role is a role with its permissions ready for a principal.
type role struct {
	api.Role
	permissions map[api.PermName]bool
}

func directoryKinds() []api.Kind {
	return []api.Kind{api.KindUser, api.KindGroup, api.KindRole, api.KindAPIToken, api.KindSettings}
}

// key is the id of a name's document: names that differ in case only would be mistaken for each other.
func key(name string) string { return strings.ToLower(name) }

func (s *Service) directory(ctx context.Context) (*directory, error) {
	generation, err := s.documents.Generation(ctx, directoryKinds()...)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return s.people.get(generation, func() (*directory, error) { return s.readDirectory(ctx) })
}

func (s *Service) readDirectory(ctx context.Context) (*directory, error) {
	d := &directory{users: map[string]user{}, roles: map[string]role{}, tokens: map[string]apiToken{}}
	for _, r := range api.SystemRoles() {
		d.addRole(r)
	}
	users, err := readAll[user](ctx, s, api.KindUser)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		d.users[key(u.Username)] = u
	}
	if d.groups, err = readAll[api.Group](ctx, s, api.KindGroup); err != nil {
		return nil, err
	}
	roles, err := readAll[api.Role](ctx, s, api.KindRole)
	if err != nil {
		return nil, err
	}
	for _, r := range roles {
		d.addRole(r)
	}
	tokens, err := readAll[apiToken](ctx, s, api.KindAPIToken)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		d.tokens[t.ID] = t
	}
	if d.logon, err = readOr(ctx, s, api.SettingsLogon, defaultLogon()); err != nil {
		return nil, err
	}
	d.oidc, err = readOr(ctx, s, api.SettingsOIDC, oidcSettings{})
	return d, err
}

func (d *directory) addRole(r api.Role) {
	permissions := map[api.PermName]bool{route.AnyUser: true}
	for _, p := range r.Perms {
		if p.Name != api.PermUser && p.Name != api.PermNone {
			permissions[p.Name] = permissions[p.Name] || p.ReadWrite
		}
	}
	d.roles[r.Name] = role{r, permissions}
}

// readAll reads all documents of a kind, by id.
func readAll[T any](ctx context.Context, s *Service, kind api.Kind) ([]T, error) {
	documents, err := s.documents.Documents(ctx, kind)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	values := make([]T, 0, len(documents))
	for _, d := range documents {
		v, err := read[T](d)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// readOr reads settings, or returns what holds without.
func readOr[T any](ctx context.Context, s *Service, name string, otherwise T) (T, error) {
	d, err := s.documents.Document(ctx, api.KindSettings, name)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return otherwise, nil
	}
	if err != nil {
		return otherwise, fmt.Errorf("read settings %s: %w", name, err)
	}
	return read[T](d)
}

func read[T any](d api.Document) (T, error) {
	var v T
	if err := json.Unmarshal(d.Body, &v); err != nil {
		return v, fmt.Errorf("read %s %q: %w", d.Kind, d.ID, err)
	}
	return v, nil
}

// grant is what somebody gets.
type grant struct {
	role        role
	collections []string
}

// grantTo returns what a user gets, or what somebody whom a provider knows and the Console doesn't gets, for whom u is nil.
// The user's own role comes first; without one it is that of the mightiest of the groups, with its collections.
func (d *directory) grantTo(u *user, claimed []string) (grant, bool) {
	groups := d.groupsOf(u, claimed)
	if u != nil && u.Role != "" {
		r, known := d.roles[u.Role]
		g := grant{role: r, collections: u.Permissions.Collections()}
		if len(g.collections) == 0 && !u.unrestricted() {
			g.collections = collectionsOf(groups)
		}
		return g.free(), known
	}
	var best grant
	found := false
	for _, group := range groups {
		r, known := d.roles[group.Role]
		if known && (!found || r.mightier(best.role)) {
			best, found = grant{r, group.Permissions.Collections()}, true
		}
	}
	return best.free(), found
}

// both is what two grants have in common, with the role of the first. It reports false when each has collections and none
// is the other's: no collections would be everything.
func (g grant) both(other grant) (grant, bool) {
	g.role.permissions = within(g.role.permissions, other.role.Perms)
	switch {
	case len(other.collections) == 0:
		return g, true
	case len(g.collections) == 0:
		g.collections = other.collections
		return g, true
	}
	g.collections = slices.DeleteFunc(slices.Clone(g.collections), func(name string) bool { return !slices.Contains(other.collections, name) })
	return g, len(g.collections) > 0
}

// free lifts the restriction of administrators: they could lift it themselves.
func (g grant) free() grant {
	if g.role.Name == api.RoleAdministrator {
		g.collections = nil
	}
	return g
}

// unrestricted reports whether the user was given everything explicitly.
func (u *user) unrestricted() bool {
	return slices.ContainsFunc(u.Permissions, func(p api.UserPermission) bool {
		return slices.Contains(p.Collections, api.AllCollections)
	})
}

func (d *directory) groupsOf(u *user, claimed []string) []api.Group {
	var groups []api.Group
	for _, g := range d.groups {
		listed := u != nil && slices.ContainsFunc(g.User, func(m api.GroupUser) bool { return key(m.Username) == key(u.Username) })
		if listed || g.OIDCGroup && slices.Contains(claimed, g.GroupName) {
			groups = append(groups, g)
		}
	}
	return groups
}

func collectionsOf(groups []api.Group) []string {
	var all api.UserPermissions
	for _, g := range groups {
		all = append(all, g.Permissions...)
	}
	return all.Collections()
}

// mightier compares roles by how much they write, then by how much they read, then by name.
func (r role) mightier(than role) bool {
	a, b := r.writes(), than.writes()
	if a != b {
		return a > b
	}
	if len(r.permissions) != len(than.permissions) {
		return len(r.permissions) > len(than.permissions)
	}
	return r.Name < than.Name
}

func (r role) writes() int {
	n := 0
	for _, readWrite := range r.permissions {
		if readWrite {
			n++
		}
	}
	return n
}

// principal makes the principal of a grant. Its permissions are shared and mustn't be changed.
func (g grant) principal(username, session string) route.Principal {
	return route.Principal{
		Username: username, Role: g.role.Name, Session: session, Permissions: g.role.permissions, Collections: g.collections,
	}
}

func defaultLogon() api.LogonSettings {
	return api.LogonSettings{SessionTimeoutSec: api.DefaultSessionTimeout}
}

// checkGiven fails when a user's password is one that somebody else set, and its time is over.
func (d *directory) checkGiven(u user, now time.Time) error {
	hours := d.logon.FirstPasswordHours
	if hours == 0 || u.Given.IsZero() || now.Before(u.Given.Add(time.Duration(hours)*time.Hour)) {
		return nil
	}
	return unknown("the password was to be changed within %d hours after it was set", hours).
		WithHint("an administrator can set another one with PUT /users; change that with PUT /users/password")
}

// timeout is how long a login lives without being renewed.
func (d *directory) timeout() time.Duration {
	return time.Duration(d.logon.SessionTimeoutSec) * time.Second
}
