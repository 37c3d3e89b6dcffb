package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

// Bounds of a collection's lists.
const (
	maxListEntries = 2000
	maxEntryBytes  = 512
)

func (s *Service) collectionRoutes() []route.Route {
	const path = "/collections"
	return []route.Route{
		{
			Method: http.MethodGet, Path: path, Permission: api.PermCollections, Prisma: true, List: true,
			Summary: "Lists the collections.", Response: []api.Collection{}, Handle: s.listCollections,
			Query: []route.Param{
				{Name: "excludePrisma", Summary: "Leave out collections that come from Prisma Cloud.", Type: "boolean"},
				{Name: "prisma", Summary: "Only collections that come from Prisma Cloud, or only others.", Type: "boolean"},
				{Name: "system", Summary: "Only built-in collections, or only others.", Type: "boolean"},
			},
		},
		{
			Method: http.MethodPost, Path: path, Permission: api.PermCollections, Write: true, Prisma: true,
			Summary: "Adds a collection.", Request: api.Collection{}, Handle: s.addCollection,
		},
		{
			Method: http.MethodPut, Path: path + "/{name}", Permission: api.PermCollections, Write: true, Prisma: true,
			Summary: "Replaces a collection. Another name renames it, wherever it is used.", Request: api.Collection{}, Handle: s.putCollection,
		},
		{
			Method: http.MethodDelete, Path: path + "/{name}", Permission: api.PermCollections, Write: true, Prisma: true,
			Summary: "Deletes a collection that nothing uses.", Handle: s.deleteCollection,
		},
		{
			Method: http.MethodGet, Path: path + "/{name}/usages", Permission: api.PermCollections, Prisma: true,
			Summary: "Lists what uses a collection.", Response: []api.CollectionUsage{}, Handle: s.collectionUsages,
		},
	}
}

// collections are all collections as they were read at one time.
type collections struct {
	list      []api.Collection // the built-in one first
	raws      map[string]json.RawMessage
	documents map[string]api.Document // without the built-in one
}

func (s *Service) collections(ctx context.Context) (collections, error) {
	all := api.EveryFunction()
	known := collections{
		list:      []api.Collection{all},
		raws:      map[string]json.RawMessage{all.Name: marshal(all)},
		documents: make(map[string]api.Document),
	}
	documents, err := s.Documents.Documents(ctx, api.KindCollection)
	if err != nil {
		return known, err
	}
	for _, d := range documents {
		var c api.Collection
		if err := stored(d, &c); err != nil {
			return known, err
		}
		known.list = append(known.list, c)
		known.raws[c.Name], known.documents[c.Name] = d.Body, d
	}
	return known, nil
}

// Collections returns all collections as policies know them.
func (s *Service) Collections(ctx context.Context) ([]policy.Collection, error) {
	known, err := s.collections(ctx)
	if err != nil {
		return nil, err
	}
	return known.forPolicies(), nil
}

func (known *collections) forPolicies() []policy.Collection {
	all := make([]policy.Collection, len(known.list))
	for i, c := range known.list {
		all[i] = policy.Collection{
			Name: c.Name, Functions: c.Functions, Labels: c.Labels, AccountIDs: c.AccountIDs, AppIDs: c.AppIDs,
			Clusters: c.Clusters, Containers: c.Containers, Hosts: c.Hosts, Images: c.Images, Namespaces: c.Namespaces,
		}
	}
	return all
}

func (s *Service) listCollections(ctx context.Context, c *route.Call) (route.Answer, error) {
	known, err := s.collections(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	keep, err := collectionFilter(c)
	if err != nil {
		return route.Answer{}, err
	}
	all := slices.DeleteFunc(known.list, func(x api.Collection) bool { return !keep(&x) })
	return listAnswer(c, all, func(x *api.Collection) string { return x.Name + " " + x.Description })
}

// collectionFilter reads the parameters that choose collections.
func collectionFilter(c *route.Call) (func(*api.Collection) bool, error) {
	exclude, _, err := flag(c, "excludePrisma")
	if err != nil {
		return nil, err
	}
	prisma, wantPrisma, err := flag(c, "prisma")
	if err != nil {
		return nil, err
	}
	system, wantSystem, err := flag(c, "system")
	if err != nil {
		return nil, err
	}
	visible := c.Principal.Collections
	return func(x *api.Collection) bool {
		switch {
		case exclude && x.Prisma, wantPrisma && x.Prisma != prisma, wantSystem && x.System != system:
			return false
		default:
			return len(visible) == 0 || slices.Contains(visible, x.Name) || slices.Contains(visible, api.AllCollection)
		}
	}, nil
}

// flag reads a parameter that is true or false, and whether it's there.
func flag(c *route.Call, name string) (bool, bool, error) {
	text := c.Query.Get(name)
	if text == "" {
		return false, false, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, false, invalid(name, "", "want true or false, have %q", clip(text))
	}
	return on, true, nil
}

// readCollection reads and checks what a client writes.
func readCollection(raw []byte) (api.Collection, error) {
	var c api.Collection
	if err := checkDepth(raw); err != nil {
		return c, err
	}
	if err := decodeLists(raw, &c, slices.Collect(maps.Keys(c.Lists()))...); err != nil {
		return c, err
	}
	if err := checkName("name", c.Name); err != nil {
		return c, err
	}
	if c.Color != "" && !isColor(c.Color) {
		return c, invalid("color", "such as #3FA2F7", "%q isn't a colour", clip(c.Color))
	}
	lists := c.Lists()
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		if err := checkEntries(name, *lists[name]); err != nil {
			return c, err
		}
	}
	if c.Name == api.AllCollection {
		return c, autodefend.Errorf(autodefend.CodeConflict, "name: %q is built in", c.Name).WithHint("choose another name")
	}
	c.System, c.Prisma = false, false
	c.Default()
	return c, nil
}

// decodeLists is decode for objects of which clients send some lists as single strings.
func decodeLists(raw []byte, to any, members ...string) error {
	o, ok := readObject(raw)
	if !ok {
		return decode(raw, "", to)
	}
	for _, name := range members {
		if one := o.get(name); len(one) > 0 && one[0] == '"' {
			o.set(name, rawArray([]json.RawMessage{one}))
		}
	}
	return decode(o.raw(), "", to)
}

func isColor(s string) bool {
	return regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`).MatchString(s)
}

// checkEntries checks the entries of a list of patterns.
func checkEntries(name string, entries []string) error {
	if len(entries) > maxListEntries {
		return invalid(name, "", "%d entries are too many, there may be %d", len(entries), maxListEntries)
	}
	for i, e := range entries {
		at := fmt.Sprintf("%s[%d]", name, i)
		switch {
		case strings.TrimSpace(e) == "":
			return invalid(at, `"*" means everything`, "it's empty")
		case len(e) > maxEntryBytes:
			return invalid(at, "", "%d bytes are too many, it may have %d", len(e), maxEntryBytes)
		case strings.ContainsFunc(e, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return invalid(at, "", "%q has control characters", clip(e))
		}
	}
	return nil
}

// unlimited refuses callers who see some collections only: what they would write decides who sees what, themselves included.
func unlimited(c *route.Call) error {
	if len(c.Principal.Collections) == 0 {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeDenied, "who is limited to collections doesn't write them").
		WithHint("ask somebody who sees everything, such as an administrator")
}

func (s *Service) addCollection(ctx context.Context, c *route.Call) (route.Answer, error) {
	if err := unlimited(c); err != nil {
		return route.Answer{}, err
	}
	written, err := readCollection(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	written.Owner, written.Modified = c.Principal.Username, s.now()
	return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
		d, err := s.read(ctx, api.KindCollection, written.Name)
		if err != nil {
			return edit{}, err
		}
		if d.Version > 0 {
			return edit{}, autodefend.Errorf(autodefend.CodeConflict, "name: there is a collection %q already", clip(written.Name)).
				WithHint("PUT /collections/{name} replaces it")
		}
		body := marshal(written)
		return edit{changes: []api.DocumentChange{to(d, body)}, after: body}, nil
	})
}

// storedCollection reads a collection that a path names.
func (s *Service) storedCollection(ctx context.Context, name string) (api.Document, error) {
	if name == api.AllCollection {
		return api.Document{}, autodefend.Errorf(autodefend.CodeConflict, "the collection %q is built in and stays as it is", name)
	}
	d, err := s.read(ctx, api.KindCollection, name)
	if err == nil && d.Version == 0 {
		err = autodefend.Errorf(autodefend.CodeNotFound, "there is no collection %q", clip(name)).WithHint("GET /collections lists them")
	}
	return d, err
}

func (s *Service) putCollection(ctx context.Context, c *route.Call) (route.Answer, error) {
	if err := unlimited(c); err != nil {
		return route.Answer{}, err
	}
	written, err := readCollection(withName(c.Body, c.Path["name"]))
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
		d, err := s.storedCollection(ctx, c.Path["name"])
		if err != nil {
			return edit{}, err
		}
		written.Owner, written.Modified = c.Principal.Username, s.now()
		body := marshal(written)
		e := edit{before: d.Body, after: body}
		if written.Name == d.ID {
			e.changes = []api.DocumentChange{to(d, body)}
			return e, nil
		}
		renamed, err := s.renameCollection(ctx, d.ID, written.Name)
		e.changes = append(renamed, to(d, nil), api.DocumentChange{Kind: api.KindCollection, ID: written.Name, Body: body})
		return e, err
	})
}

// withName gives an object without a name the one of the path.
func withName(raw []byte, name string) []byte {
	o, ok := readObject(raw)
	if !ok || o.text("name") != "" {
		return raw
	}
	o.set("name", marshal(name))
	return o.raw()
}

// renameCollection changes what names a collection.
func (s *Service) renameCollection(ctx context.Context, from, to string) ([]api.DocumentChange, error) {
	taken, err := s.read(ctx, api.KindCollection, to)
	if err != nil {
		return nil, err
	}
	if taken.Version > 0 {
		return nil, autodefend.Errorf(autodefend.CodeConflict, "name: there is a collection %q already", clip(to))
	}
	_, changes, err := s.references(ctx, collectionKinds(), namesCollection(from, to))
	return changes, err
}

func (s *Service) deleteCollection(ctx context.Context, c *route.Call) (route.Answer, error) {
	if err := unlimited(c); err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtSettings, func() (edit, error) {
		d, err := s.storedCollection(ctx, c.Path["name"])
		if err != nil {
			return edit{}, err
		}
		found, _, err := s.references(ctx, collectionKinds(), namesCollection(d.ID, ""))
		if err != nil {
			return edit{}, err
		}
		if len(found) > 0 {
			return edit{}, inUse("the collection", d.ID, found)
		}
		return edit{changes: []api.DocumentChange{to(d, nil)}, before: d.Body}, nil
	})
}

// inUse refuses to delete what others need.
func inUse(what, name string, found []reference) error {
	return autodefend.Errorf(autodefend.CodeConflict, "%s %q is used by %s", what, clip(name), inWords(found)).
		WithHint("change those first")
}

func (s *Service) collectionUsages(ctx context.Context, c *route.Call) (route.Answer, error) {
	name := c.Path["name"]
	if name != api.AllCollection {
		if _, err := s.storedCollection(ctx, name); err != nil {
			return route.Answer{}, err
		}
	}
	found, _, err := s.references(ctx, collectionKinds(), namesCollection(name, ""))
	if err != nil {
		return route.Answer{}, err
	}
	usages := []api.CollectionUsage{}
	for _, r := range found {
		usages = append(usages, api.CollectionUsage{Name: r.owner, Type: usageType(r.kind)})
	}
	return listAnswer(c, usages, func(u *api.CollectionUsage) string { return u.Name })
}

// usageType is Prisma's collection.UsageType.
func usageType(kind api.Kind) string {
	switch kind {
	case api.KindRuntimePolicy, api.KindFirewallPolicy:
		return "policy"
	case api.KindUser, api.KindAPIToken:
		return "user"
	case api.KindGroup:
		return "group"
	default:
		return "settings"
	}
}
