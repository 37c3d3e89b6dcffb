package settings

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) networkListRoutes() []route.Route {
	const path = "/policies/firewall/app/network-list"
	return []route.Route{
		{
			Method: http.MethodGet, Path: path, Permission: api.PermPolicyWAAS, Prisma: true, List: true,
			Summary: "Lists the network lists.", Response: []api.NetworkList{}, Handle: s.listNetworkLists,
		},
		{
			Method: http.MethodPost, Path: path, Permission: api.PermPolicyWAAS, Write: true, Prisma: true,
			Summary: "Adds a network list.", Request: api.NetworkList{}, Handle: s.addNetworkList,
		},
		{
			Method: http.MethodPut, Path: path, Permission: api.PermPolicyWAAS, Write: true, Prisma: true,
			Summary: "Replaces a network list; previousName renames it.", Request: api.NetworkList{}, Handle: s.putNetworkList,
		},
		{
			Method: http.MethodDelete, Path: path + "/{id}", Permission: api.PermPolicyWAAS, Write: true, Prisma: true,
			Summary: "Deletes a network list that no policy refers to.", Handle: s.deleteNetworkList,
		},
		{
			Method: http.MethodPost, Path: "/policies/firewall/app/apispec", Permission: api.PermPolicyWAAS, Prisma: true,
			Summary: "Reads the paths of an API from its OpenAPI description in JSON or YAML. Nothing is stored.", Request: "", Response: api.APISpec{},
			MaxBody: maxAPISpec, Handle: readAPISpec,
		},
	}
}

func (s *Service) listNetworkLists(ctx context.Context, c *route.Call) (route.Answer, error) {
	all, err := readAll[api.NetworkList](ctx, s, api.KindNetworkList)
	if err != nil {
		return route.Answer{}, err
	}
	return listAnswer(c, all, func(l *api.NetworkList) string { return l.Name + " " + l.Description })
}

// readNetworkList reads and checks what a client writes.
func readNetworkList(raw []byte) (api.NetworkList, error) {
	var l api.NetworkList
	if err := checkDepth(raw); err != nil {
		return l, err
	}
	if err := decodeLists(raw, &l, "subnets"); err != nil {
		return l, err
	}
	if l.Name == "" {
		l.Name = l.ID
	}
	if err := checkName("name", l.Name); err != nil {
		return l, err
	}
	if len(l.Subnets) > maxListEntries {
		return l, invalid("subnets", "", "%d entries are too many, there may be %d", len(l.Subnets), maxListEntries)
	}
	for i, e := range l.Subnets {
		if !isNetwork(e) {
			return l, invalid(fmt.Sprintf("subnets[%d]", i), "such as 203.0.113.9 or 10.0.0.0/8", "%q is no address and no network", clip(e))
		}
	}
	if l.Subnets == nil {
		l.Subnets = []string{}
	}
	l.ID = l.Name
	return l, nil
}

func isNetwork(s string) bool {
	if strings.Contains(s, "/") {
		_, err := netip.ParsePrefix(s)
		return err == nil
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

func (s *Service) addNetworkList(ctx context.Context, c *route.Call) (route.Answer, error) {
	written, err := readNetworkList(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
		d, err := s.read(ctx, api.KindNetworkList, written.ID)
		if err != nil {
			return edit{}, err
		}
		if d.Version > 0 {
			return edit{}, autodefend.Errorf(autodefend.CodeConflict, "name: there is a network list %q already", clip(written.Name)).WithHint("PUT replaces it")
		}
		return s.networkListEdit(c, d, written), nil
	})
}

// networkListEdit makes the write of a list in the place of a document.
func (s *Service) networkListEdit(c *route.Call, d api.Document, l api.NetworkList) edit {
	l.Owner, l.Modified, l.PreviousName = c.Principal.Username, s.now(), ""
	body := marshal(l)
	return edit{
		changes: []api.DocumentChange{{Kind: d.Kind, ID: l.ID, Version: d.Version, Body: body}}, before: d.Body, after: body,
	}
}

func (s *Service) putNetworkList(ctx context.Context, c *route.Call) (route.Answer, error) {
	written, err := readNetworkList(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
		d, err := s.read(ctx, api.KindNetworkList, written.ID)
		if err != nil || written.PreviousName == "" || written.PreviousName == written.ID {
			return s.networkListEdit(c, d, written), err
		}
		if d.Version > 0 {
			return edit{}, invalid("name", "", "there is a network list %q already", clip(written.Name))
		}
		was, err := s.read(ctx, api.KindNetworkList, written.PreviousName)
		if err != nil {
			return edit{}, err
		}
		if was.Version == 0 {
			return edit{}, invalid("previousName", "leave it out to add a list", "there is no network list %q", clip(written.PreviousName))
		}
		if err := s.networkListFree(ctx, was.ID); err != nil {
			return edit{}, err
		}
		e := s.networkListEdit(c, d, written)
		e.changes, e.before = append(e.changes, to(was, nil)), was.Body
		return e, nil
	})
}

// networkListFree refuses to take away a list that a policy refers to.
func (s *Service) networkListFree(ctx context.Context, id string) error {
	names := isMember(id, "subnets", "exceptionSubnets", "excludedNetworkLists", "alert", "allow", "prevent")
	found, _, err := s.references(ctx, []api.Kind{api.KindFirewallPolicy}, names)
	if err == nil && len(found) > 0 {
		err = inUse("the network list", id, found)
	}
	return err
}

func (s *Service) deleteNetworkList(ctx context.Context, c *route.Call) (route.Answer, error) {
	return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
		d, err := s.read(ctx, api.KindNetworkList, c.Path["id"])
		if err == nil && d.Version == 0 {
			err = autodefend.Errorf(autodefend.CodeNotFound, "there is no network list %q", clip(c.Path["id"]))
		}
		if err == nil {
			err = s.networkListFree(ctx, d.ID)
		}
		return edit{changes: []api.DocumentChange{to(d, nil)}, before: d.Body}, err
	})
}
