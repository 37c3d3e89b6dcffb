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

func (s *Service) sortedGroups(ctx context.Context) ([]api.Group, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(slices.Values(d.groups), func(a, b api.Group) int {
		return strings.Compare(key(a.GroupName), key(b.GroupName))
	}), nil
}

func (s *Service) getGroups(ctx context.Context, _ *route.Call) (route.Answer, error) {
	groups, err := s.sortedGroups(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	return counted(groups), nil
}

func (s *Service) getGroupNames(ctx context.Context, _ *route.Call) (route.Answer, error) {
	groups, err := s.sortedGroups(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	names := make([]string, 0, len(groups))
	for _, g := range groups {
		names = append(names, g.GroupName)
	}
	return counted(names), nil
}

func (s *Service) postGroup(ctx context.Context, c *route.Call) (route.Answer, error) {
	g, err := s.readGroup(ctx, c, "")
	if err != nil {
		return route.Answer{}, err
	}
	g.ID, g.Owner = g.GroupName, c.Principal.Username
	err = s.writeGroup(ctx, c, groupChange{after: &g})
	if autodefend.ErrorCode(err) == autodefend.CodeConflict {
		err = autodefend.Errorf(autodefend.CodeConflict, "groupName: there is a group %q already", g.GroupName).
			WithHint("change it with PUT /groups/{name}")
	}
	return route.Answer{}, err
}

// putGroup changes the group of the path, or renames it when the body has another name.
func (s *Service) putGroup(ctx context.Context, c *route.Call) (route.Answer, error) {
	name := c.Path["name"]
	before, version, err := s.storedGroup(ctx, name)
	if err != nil {
		return route.Answer{}, err
	}
	g, err := s.readGroup(ctx, c, before.GroupName)
	if err != nil {
		return route.Answer{}, err
	}
	g.ID, g.Owner = g.GroupName, before.Owner
	return route.Answer{}, s.writeGroup(ctx, c, groupChange{before: &before, version: version, after: &g})
}

func (s *Service) deleteGroup(ctx context.Context, c *route.Call) (route.Answer, error) {
	before, version, err := s.storedGroup(ctx, c.Path["name"])
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.writeGroup(ctx, c, groupChange{before: &before, version: version})
}

// readGroup reads and checks a group that somebody wrote; name is used when it has none.
func (s *Service) readGroup(ctx context.Context, c *route.Call, name string) (api.Group, error) {
	g, err := decode[api.Group](c)
	if err != nil {
		return g, err
	}
	if g.GroupName == "" {
		g.GroupName = name
	}
	g.LastModified = s.wireTime()
	if g.User == nil {
		g.User = api.GroupUsers{}
	}
	if err := g.Check(); err != nil {
		return g, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return g, err
	}
	for i, member := range g.User {
		u, known := d.users[key(member.Username)]
		if !known {
			return g, invalid("user[%d].username: there's no user %q", i, printable(member.Username)).WithHint("GET /users lists them")
		}
		g.User[i].Username = u.Username
	}
	return g, s.checkGrant(ctx, c, g.Role, g.Permissions)
}

func (s *Service) storedGroup(ctx context.Context, name string) (api.Group, int64, error) {
	d, err := s.documents.Document(ctx, api.KindGroup, key(name))
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return api.Group{}, 0, autodefend.Errorf(autodefend.CodeNotFound, "there's no group %q", printable(name)).WithHint("GET /groups/names lists them")
	}
	if err != nil {
		return api.Group{}, 0, fmt.Errorf("read group: %w", err)
	}
	g, err := read[api.Group](d)
	return g, d.Version, err
}

// groupChange is one group before and after; nil when it didn't exist, or won't.
type groupChange struct {
	before, after *api.Group
	version       int64 // of before
}

// writeGroup changes a group. Whoever loses a place in a group may see more than before, so that callers who see some
// collections only write none.
func (s *Service) writeGroup(ctx context.Context, c *route.Call, change groupChange) error {
	if len(c.Principal.Collections) > 0 {
		return autodefend.Errorf(autodefend.CodeDenied, "who is limited to collections doesn't write groups: you are").
			WithHint("ask somebody who sees everything, such as an administrator")
	}
	if change.before != nil {
		d, err := s.directory(ctx)
		if err != nil {
			return err
		}
		if err := mayManage(c.Principal, d.roles[change.before.Role].permissions); err != nil {
			return err
		}
	}
	changes, was, is, err := change.documents()
	if err != nil {
		return err
	}
	return s.documents.Write(ctx, changes, journal.Audit(c, api.MgmtGroup, s.now(), was, is))
}

// documents are the changes of documents, and the group as JSON before and after.
func (g groupChange) documents() ([]api.DocumentChange, []byte, []byte, error) {
	var changes []api.DocumentChange
	var was, is []byte
	var err error
	if g.before != nil {
		if was, err = json.Marshal(g.before); err != nil {
			return nil, nil, nil, fmt.Errorf("audit group: %w", err)
		}
	}
	renamed := g.before != nil && g.after != nil && key(g.before.GroupName) != key(g.after.GroupName)
	if g.after == nil || renamed {
		changes = append(changes, api.DocumentChange{Kind: api.KindGroup, ID: key(g.before.GroupName), Version: g.version})
	}
	if g.after != nil {
		if is, err = json.Marshal(g.after); err != nil {
			return nil, nil, nil, fmt.Errorf("write group: %w", err)
		}
		own := api.DocumentChange{Kind: api.KindGroup, ID: key(g.after.GroupName), Version: g.version, Body: is}
		if renamed {
			own.Version = 0
		}
		changes = append(changes, own)
	}
	return changes, was, is, nil
}
