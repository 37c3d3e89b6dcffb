package access

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// getCurrentRole tells what the caller may do, which for an API token is less than its owner's role.
func (s *Service) getCurrentRole(ctx context.Context, c *route.Call) (route.Answer, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	r := d.roles[c.Principal.Role].Role
	r.Name, r.Perms = c.Principal.Role, []api.RolePermission{}
	for _, name := range api.PermNames() {
		if readWrite, has := c.Principal.Permissions[name]; has {
			r.Perms = append(r.Perms, api.RolePermission{Name: name, ReadWrite: readWrite})
		}
	}
	return route.Answer{JSON: r}, nil
}

func (s *Service) getCurrentToken(ctx context.Context, c *route.Call) (route.Answer, error) {
	if c.Principal.Session == "" {
		return route.Answer{}, invalid("the call has no session").WithHint("log in with POST /authenticate")
	}
	v, _, err := s.storedSession(ctx, c.Principal.Session)
	if err != nil {
		return route.Answer{}, err
	}
	if v == nil {
		return route.Answer{}, sessionOver()
	}
	token, err := s.signer.sign(*v, c.Principal.Role, s.now())
	return route.Answer{JSON: api.AuthenticationResponse{Token: token}, Header: unstored()}, err
}

func (s *Service) getPreferences(ctx context.Context, c *route.Call) (route.Answer, error) {
	d, err := s.documents.Document(ctx, api.KindPreferences, key(owner(c.Principal)))
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return route.Answer{JSON: json.RawMessage(`{}`)}, nil
	}
	if err != nil {
		return route.Answer{}, fmt.Errorf("read preferences: %w", err)
	}
	return route.Answer{JSON: json.RawMessage(d.Body)}, nil
}

// putPreferences keeps any JSON object. It isn't audited: it changes what its owner's screen looks like.
func (s *Service) putPreferences(ctx context.Context, c *route.Call) (route.Answer, error) {
	if _, err := decode[map[string]any](c); err != nil {
		return route.Answer{}, err
	}
	body := bytes.TrimSpace(c.Body)
	if len(body) == 0 || body[0] != '{' {
		return route.Answer{}, invalid("body: isn't a JSON object")
	}
	change := api.DocumentChange{Kind: api.KindPreferences, ID: key(owner(c.Principal)), Version: api.Any, Body: body}
	return route.Answer{}, s.documents.Write(ctx, []api.DocumentChange{change}, nil)
}

// getCurrentCollections returns the stored collections that the caller sees.
func (s *Service) getCurrentCollections(ctx context.Context, c *route.Call) (route.Answer, error) {
	documents, err := s.documents.Documents(ctx, api.KindCollection)
	if err != nil {
		return route.Answer{}, fmt.Errorf("read collections: %w", err)
	}
	list := []json.RawMessage{}
	for _, d := range documents {
		named, err := read[namedDocument](d)
		if err != nil {
			return route.Answer{}, err
		}
		if len(c.Principal.Collections) == 0 || slices.Contains(c.Principal.Collections, named.Name) {
			list = append(list, json.RawMessage(d.Body))
		}
	}
	return counted(list), nil
}

// namedDocument is what of a collection matters here.
type namedDocument struct {
	Name string `json:"name"`
}

// checkCollections checks that the collections of permissions exist.
func (s *Service) checkCollections(ctx context.Context, permissions api.UserPermissions) error {
	wanted := permissions.Collections()
	if len(wanted) == 0 {
		return nil
	}
	documents, err := s.documents.Documents(ctx, api.KindCollection)
	if err != nil {
		return fmt.Errorf("read collections: %w", err)
	}
	known := make(map[string]bool, len(documents))
	for _, d := range documents {
		named, err := read[namedDocument](d)
		if err != nil {
			return err
		}
		known[named.Name] = true
	}
	for _, name := range wanted {
		if !known[name] {
			return invalid("permissions.collections: there's no collection %q", printable(name)).WithHint("GET /collections lists them")
		}
	}
	return nil
}

// getCurrentProjects returns this Console: it has no projects besides.
func (s *Service) getCurrentProjects(context.Context, *route.Call) (route.Answer, error) {
	return counted([]api.UserProject{{ID: centralProject, Connected: true}}), nil
}

// centralProject is Prisma's name for a Console that has projects, or none.
const centralProject = "Central Console"

// getCloudAccounts returns the accounts that have functions; nothing to callers who see some collections only, as accounts
// aren't theirs.
func (s *Service) getCloudAccounts(ctx context.Context, c *route.Call) (route.Answer, error) {
	ids := []string{}
	if s.inventory == nil || len(c.Principal.Collections) > 0 {
		return counted(ids), nil
	}
	coverage, err := s.inventory.Coverage(ctx)
	if err != nil {
		return route.Answer{}, fmt.Errorf("read cloud accounts: %w", err)
	}
	for _, one := range coverage {
		if one.Account != "" && !slices.Contains(ids, one.Account) {
			ids = append(ids, one.Account)
		}
	}
	slices.Sort(ids)
	return counted(ids), nil
}
