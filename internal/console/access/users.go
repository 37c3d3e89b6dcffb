package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// administratorsDocument is written with everything that takes an administrator away, from the version at which the others
// were counted: of two at the same time, one is a conflict, and the last administrator stays.
const administratorsDocument = "administrators"

func (s *Service) getUsers(ctx context.Context, _ *route.Call) (route.Answer, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	list := make([]api.User, 0, len(d.users))
	for _, u := range d.users {
		list = append(list, u.public())
	}
	slices.SortFunc(list, func(a, b api.User) int { return strings.Compare(key(a.Username), key(b.Username)) })
	return counted(list), nil
}

func (s *Service) postUser(ctx context.Context, c *route.Call) (route.Answer, error) {
	u, err := s.readUser(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	next := user{User: u, UID: randomText(idSize), Epoch: randomText(idSize)}
	if u.AuthType == api.AuthBasic {
		next.Given = s.wireTime()
		if next.Hash, err = s.newHash(ctx, "password", u.Password, u.Username); err != nil {
			return route.Answer{}, err
		}
	} else if u.Password != "" {
		return route.Answer{}, invalid("password: users of an OpenID Connect provider have none here")
	}
	err = s.writeUser(ctx, c, userChange{after: &next})
	if autodefend.ErrorCode(err) == autodefend.CodeConflict {
		err = autodefend.Errorf(autodefend.CodeConflict, "username: there is a user %q already", u.Username).WithHint("change it with PUT /users")
	}
	return route.Answer{}, err
}

func (s *Service) putUser(ctx context.Context, c *route.Call) (route.Answer, error) {
	u, err := s.readUser(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	before, version, err := s.storedUser(ctx, u.Username)
	if err != nil {
		return route.Answer{}, err
	}
	if u.Password != "" && key(before.Username) == key(owner(c.Principal)) {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "password: is your own, which takes the old one").
			WithHint("use PUT /users/password with oldPassword and newPassword")
	}
	next := user{User: u, UID: before.UID, Epoch: before.Epoch, Hash: before.Hash, Given: before.Given}
	next.Username = before.Username
	if u.Password != "" || u.Role != before.Role || u.AuthType != before.AuthType || !slices.Equal(u.Permissions.Collections(), before.Permissions.Collections()) {
		next.Epoch = randomText(idSize)
	}
	switch {
	case u.AuthType != api.AuthBasic:
		next.Hash, next.Given = "", time.Time{}
	case u.Password != "" || before.Hash == "":
		next.Given = s.wireTime()
		if next.Hash, err = s.newHash(ctx, "password", u.Password, u.Username); err != nil {
			return route.Answer{}, err
		}
	}
	return route.Answer{}, s.writeUser(ctx, c, userChange{before: &before, version: version, after: &next})
}

// deleteUser tries again when a session of the user's was renewed meanwhile.
func (s *Service) deleteUser(ctx context.Context, c *route.Call) (route.Answer, error) {
	return route.Answer{}, s.retry(ctx, func() error { return s.removeUser(ctx, c) })
}

func (s *Service) removeUser(ctx context.Context, c *route.Call) error {
	before, version, err := s.storedUser(ctx, c.Path["username"])
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		freed, freeErr := s.freeName(ctx, c, c.Path["username"])
		if freed || freeErr != nil {
			return freeErr
		}
	}
	if err != nil {
		return err
	}
	return s.writeUser(ctx, c, userChange{before: &before, version: version})
}

// readUser reads and checks a user that somebody wrote, but for the password.
func (s *Service) readUser(ctx context.Context, c *route.Call) (api.User, error) {
	u, err := decode[api.User](c)
	if err != nil {
		return u, err
	}
	if u.AuthType == "" {
		u.AuthType = api.AuthBasic
	}
	u.LastModified = s.wireTime()
	if err := u.Check(); err != nil {
		return u, err
	}
	return u, s.checkGrant(ctx, c, u.Role, u.Permissions)
}

// checkGrant checks that a role and collections exist, and that the caller may give them.
func (s *Service) checkGrant(ctx context.Context, c *route.Call, name string, permissions api.UserPermissions) error {
	d, err := s.directory(ctx)
	if err != nil {
		return err
	}
	if name != "" {
		r, known := d.roles[name]
		if !known {
			return invalid("role: there's no role %q", printable(name)).WithHint("GET /rbac/roles lists them")
		}
		if err := mayManage(c.Principal, r.permissions); err != nil {
			return err
		}
	}
	if err := mayShow(c.Principal, permissions.Collections()); err != nil {
		return err
	}
	return s.checkCollections(ctx, permissions)
}

// mayShow fails when collections are more than the caller sees; none is everything.
func mayShow(p route.Principal, collections []string) error {
	if len(p.Collections) == 0 {
		return nil
	}
	for _, name := range collections {
		if !slices.Contains(p.Collections, name) {
			return autodefend.Errorf(autodefend.CodeDenied, "permissions.collections: you don't see %q", printable(name))
		}
	}
	if len(collections) == 0 {
		return autodefend.Errorf(autodefend.CodeDenied, "permissions.collections: without collections one sees more than you do").
			WithHint("name some of yours")
	}
	return nil
}

// mayManage fails when a role may do what the caller may not: managing users mustn't be a way to become mightier.
func mayManage(p route.Principal, permissions map[api.PermName]bool) error {
	for name, readWrite := range permissions {
		if !p.Can(name, readWrite) {
			return autodefend.Errorf(autodefend.CodeDenied, "the role may do what you may not: %s", name).
				WithHint("ask somebody who may, such as an administrator")
		}
	}
	return nil
}

func (s *Service) storedUser(ctx context.Context, username string) (user, int64, error) {
	d, err := s.documents.Document(ctx, api.KindUser, key(username))
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return user{}, 0, autodefend.Errorf(autodefend.CodeNotFound, "there's no user %q", printable(username)).WithHint("GET /users lists them")
	}
	if err != nil {
		return user{}, 0, fmt.Errorf("read user: %w", err)
	}
	u, err := read[user](d)
	return u, d.Version, err
}

func (s *Service) newHash(ctx context.Context, field, password, username string) (string, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return "", err
	}
	if err := checkPassword(field, password, username, s.words, d.logon.StrongPassword); err != nil {
		return "", err
	}
	return s.hashing.hashPassword(ctx, password)
}

// userChange is one user before and after; nil when it didn't exist, or won't.
type userChange struct {
	before, after *user
	version       int64 // of before
}

// writeUser changes a user, with everything that hangs on it, or nothing.
func (s *Service) writeUser(ctx context.Context, c *route.Call, change userChange) error {
	d, err := s.directory(ctx)
	if err != nil {
		return err
	}
	for _, u := range []*user{change.before, change.after} {
		if err := d.mayWrite(c.Principal, u); err != nil {
			return err
		}
	}
	changes, audit, err := s.userChanges(c, change)
	if err != nil {
		return err
	}
	if change.takesAdministrator() {
		guard, err := s.anotherAdministrator(ctx, change.before.Username)
		if err != nil {
			return err
		}
		changes = append(changes, guard)
	}
	if change.after == nil {
		more, err := s.dependents(ctx, change.before.Username)
		if err != nil {
			return err
		}
		changes = append(changes, more...)
	}
	return s.documents.Write(ctx, changes, audit)
}

// mayWrite fails when a user gets more than the caller has, by a role of its own or by groups; nil gets nothing.
func (d *directory) mayWrite(p route.Principal, u *user) error {
	if u == nil {
		return nil
	}
	g, ok := d.grantTo(u, nil)
	if !ok {
		return nil
	}
	if err := mayManage(p, g.role.permissions); err != nil {
		return err
	}
	if mayShow(p, g.collections) != nil {
		return autodefend.Errorf(autodefend.CodeDenied, "the user sees collections that you don't").
			WithHint("ask somebody who does, such as an administrator")
	}
	return nil
}

func (u userChange) takesAdministrator() bool {
	return isAdministrator(u.before) && !isAdministrator(u.after)
}

// isAdministrator holds for administrators with a password: a provider that is out of order locks nobody else out.
func isAdministrator(u *user) bool {
	return u != nil && u.Role == api.RoleAdministrator && u.AuthType == api.AuthBasic
}

// userChanges are the user's own document and the audit.
func (s *Service) userChanges(c *route.Call, change userChange) ([]api.DocumentChange, *api.MgmtAudit, error) {
	own := api.DocumentChange{Kind: api.KindUser, Version: change.version}
	var was, is []byte
	var err error
	if change.before != nil {
		own.ID = key(change.before.Username)
		if was, err = audited(change.before); err != nil {
			return nil, nil, err
		}
	}
	if change.after != nil {
		own.ID = key(change.after.Username)
		change.after.Password = ""
		if own.Body, err = json.Marshal(change.after); err != nil {
			return nil, nil, fmt.Errorf("write user: %w", err)
		}
		if is, err = audited(change.after); err != nil {
			return nil, nil, err
		}
	}
	return []api.DocumentChange{own}, journal.Audit(c, api.MgmtUser, s.now(), was, is), nil
}

// audited is a user for the difference of an audit, which tells that the password changed and not what to.
func audited(u *user) ([]byte, error) {
	shown := u.public()
	shown.Password = u.Hash
	body, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("audit user: %w", err)
	}
	return body, nil
}

// anotherAdministrator fails when there is no administrator but this one, and otherwise returns what makes that stay true.
func (s *Service) anotherAdministrator(ctx context.Context, username string) (api.DocumentChange, error) {
	guard := api.DocumentChange{Kind: api.KindSettings, ID: administratorsDocument, Body: []byte(`{}`)}
	d, err := s.documents.Document(ctx, guard.Kind, guard.ID)
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return guard, fmt.Errorf("read users: %w", err)
	}
	guard.Version = d.Version
	users, err := readAll[user](ctx, s, api.KindUser)
	if err != nil {
		return guard, err
	}
	for _, u := range users {
		if isAdministrator(&u) && key(u.Username) != key(username) {
			return guard, nil
		}
	}
	return guard, autodefend.Errorf(autodefend.CodeConflict, "%q is the last administrator with a password", username).
		WithHint("make another user one first")
}

// dependents are what goes with the user: its API tokens, sessions, preferences, identity and places in groups. Its own
// sessions would end by their epoch, but one from before there was such a user, by the provider, would hold again.
func (s *Service) dependents(ctx context.Context, username string) ([]api.DocumentChange, error) {
	name := key(username)
	tokens, err := deletions(ctx, s, api.KindAPIToken, func(t apiToken) bool { return key(t.Owner) == name })
	if err != nil {
		return nil, err
	}
	sessions, err := deletions(ctx, s, api.KindSession, func(v session) bool { return key(v.Username) == name })
	if err != nil {
		return nil, err
	}
	groups, err := s.withoutUser(ctx, name)
	if err != nil {
		return nil, err
	}
	changes := slices.Concat(tokens, sessions, groups)
	for _, kind := range []api.Kind{api.KindPreferences, api.KindIdentity} {
		d, err := s.documents.Document(ctx, kind, name)
		if err == nil {
			changes = append(changes, api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version})
		} else if autodefend.ErrorCode(err) != autodefend.CodeNotFound {
			return nil, fmt.Errorf("read %s: %w", kind, err)
		}
	}
	return changes, nil
}

// deletions remove the documents of a kind that go.
func deletions[T any](ctx context.Context, s *Service, kind api.Kind, goes func(T) bool) ([]api.DocumentChange, error) {
	documents, err := s.documents.Documents(ctx, kind)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	var changes []api.DocumentChange
	for _, d := range documents {
		v, err := read[T](d)
		if err != nil {
			return nil, err
		}
		if goes(v) {
			changes = append(changes, api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version})
		}
	}
	return changes, nil
}

// withoutUser takes a user out of its groups.
func (s *Service) withoutUser(ctx context.Context, name string) ([]api.DocumentChange, error) {
	documents, err := s.documents.Documents(ctx, api.KindGroup)
	if err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	var changes []api.DocumentChange
	for _, d := range documents {
		g, err := read[api.Group](d)
		if err != nil {
			return nil, err
		}
		left := slices.DeleteFunc(slices.Clone(g.User), func(u api.GroupUser) bool { return key(u.Username) == name })
		if len(left) == len(g.User) {
			continue
		}
		g.User = left
		body, err := json.Marshal(g)
		if err != nil {
			return nil, fmt.Errorf("write group: %w", err)
		}
		changes = append(changes, api.DocumentChange{Kind: api.KindGroup, ID: d.ID, Version: d.Version, Body: body})
	}
	return changes, nil
}

func (s *Service) putPassword(ctx context.Context, c *route.Call) (route.Answer, error) {
	request, err := decode[api.UserPassword](c)
	if err != nil {
		return route.Answer{}, err
	}
	if isToken(c.Principal) {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "an API token can't change passwords").WithHint("log in with the password")
	}
	before, version, err := s.storedUser(ctx, c.Principal.Username)
	if err != nil {
		return route.Answer{}, err
	}
	if before.AuthType != api.AuthBasic {
		return route.Answer{}, invalid("the password of %q is the OpenID Connect provider's", before.Username).WithHint("change it there")
	}
	a := attempt{username: before.Username, password: request.OldPassword, sourceIP: c.SourceIP, api: c.API}
	if _, err := s.verify(ctx, a); err != nil {
		if autodefend.ErrorCode(err) == autodefend.CodeDenied {
			err = autodefend.Errorf(autodefend.CodeDenied, "oldPassword: is wrong")
		}
		return route.Answer{}, err
	}
	next := before
	next.Epoch, next.LastModified, next.Given = randomText(idSize), s.wireTime(), time.Time{}
	if next.Hash, err = s.newHash(ctx, "newPassword", request.NewPassword, before.Username); err != nil {
		return route.Answer{}, err
	}
	if request.NewPassword == request.OldPassword {
		return route.Answer{}, invalid("newPassword: is the old one")
	}
	changes, audit, err := s.userChanges(c, userChange{before: &before, version: version, after: &next})
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.documents.Write(ctx, changes, audit)
}

// counted is a whole list with its length.
func counted[T any](list []T) route.Answer {
	if list == nil {
		list = []T{}
	}
	return route.Answer{JSON: list, Header: map[string]string{"Total-Count": strconv.Itoa(len(list))}}
}

// wireTime is now as the API writes it.
func (s *Service) wireTime() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
