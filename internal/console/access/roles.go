package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) getRoles(ctx context.Context, _ *route.Call) (route.Answer, error) {
	own, err := readAll[api.Role](ctx, s, api.KindRole)
	if err != nil {
		return route.Answer{}, err
	}
	slices.SortFunc(own, func(a, b api.Role) int { return strings.Compare(key(a.Name), key(b.Name)) })
	return counted(append(api.SystemRoles(), own...)), nil
}

func (s *Service) postRole(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, err := readRole(c)
	if err != nil {
		return route.Answer{}, err
	}
	if isSystemRole(r.Name) {
		return route.Answer{}, systemRoleError(r.Name)
	}
	err = s.writeRole(ctx, c, api.Role{}, 0, &r)
	if autodefend.ErrorCode(err) == autodefend.CodeConflict {
		err = autodefend.Errorf(autodefend.CodeConflict, "name: there is a role %q already", r.Name).WithHint("change it with PUT /rbac/roles")
	}
	return route.Answer{}, err
}

func (s *Service) putRole(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, err := readRole(c)
	if err != nil {
		return route.Answer{}, err
	}
	before, version, err := s.storedRole(ctx, r.Name)
	if err != nil {
		return route.Answer{}, err
	}
	r.Name = before.Name
	return route.Answer{}, s.writeRole(ctx, c, before, version, &r)
}

func (s *Service) deleteRole(ctx context.Context, c *route.Call) (route.Answer, error) {
	before, version, err := s.storedRole(ctx, c.Path["name"])
	if err != nil {
		return route.Answer{}, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	if who := d.holders(before.Name); len(who) > 0 {
		const shown = 5
		more := ""
		if len(who) > shown {
			more = fmt.Sprintf(" and %d more", len(who)-shown)
			who = who[:shown]
		}
		return route.Answer{}, autodefend.Errorf(autodefend.CodeConflict, "role %q is in use by %s%s", before.Name, strings.Join(who, ", "), more).
			WithHint("give them another role first")
	}
	return route.Answer{}, s.writeRole(ctx, c, before, version, nil)
}

// holders are the users and groups that have a role.
func (d *directory) holders(name string) []string {
	var who []string
	for _, u := range d.users {
		if u.Role == name {
			who = append(who, "user "+u.Username)
		}
	}
	for _, g := range d.groups {
		if g.Role == name {
			who = append(who, "group "+g.GroupName)
		}
	}
	slices.Sort(who)
	return who
}

func readRole(c *route.Call) (api.Role, error) {
	r, err := decode[api.Role](c)
	if err != nil {
		return r, err
	}
	r.System = false
	if r.Perms == nil {
		r.Perms = []api.RolePermission{}
	}
	return r, r.Check()
}

func (s *Service) storedRole(ctx context.Context, name string) (api.Role, int64, error) {
	if isSystemRole(name) {
		return api.Role{}, 0, systemRoleError(name)
	}
	d, err := s.documents.Document(ctx, api.KindRole, key(name))
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return api.Role{}, 0, autodefend.Errorf(autodefend.CodeNotFound, "there's no role %q", printable(name)).WithHint("GET /rbac/roles lists them")
	}
	if err != nil {
		return api.Role{}, 0, fmt.Errorf("read role: %w", err)
	}
	r, err := read[api.Role](d)
	return r, d.Version, err
}

func isSystemRole(name string) bool {
	return slices.ContainsFunc(api.SystemRoles(), func(r api.Role) bool { return strings.EqualFold(r.Name, name) })
}

func systemRoleError(name string) error {
	return autodefend.Errorf(autodefend.CodeConflict, "role %q comes with the Console and can't be changed", name).
		WithHint("add a role of another name with POST /rbac/roles")
}

// writeRole writes a role, or deletes it when after is nil. Whoever changes a role must be allowed what it allows, before
// and after.
func (s *Service) writeRole(ctx context.Context, c *route.Call, before api.Role, version int64, after *api.Role) error {
	change := api.DocumentChange{Kind: api.KindRole, ID: key(before.Name), Version: version}
	var was []byte
	var err error
	if version != 0 {
		if err := mayGrantRole(c.Principal, before); err != nil {
			return err
		}
		if was, err = json.Marshal(before); err != nil {
			return fmt.Errorf("audit role: %w", err)
		}
	}
	if after != nil {
		if err := mayGrantRole(c.Principal, *after); err != nil {
			return err
		}
		change.ID = key(after.Name)
		if change.Body, err = json.Marshal(after); err != nil {
			return fmt.Errorf("write role: %w", err)
		}
	}
	return s.documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtRole, s.now(), was, change.Body))
}

func mayGrantRole(p route.Principal, r api.Role) error {
	permissions := make(map[api.PermName]bool, len(r.Perms))
	for _, permission := range r.Perms {
		if permission.Name != api.PermUser && permission.Name != api.PermNone {
			permissions[permission.Name] = permission.ReadWrite
		}
	}
	return mayManage(p, permissions)
}
