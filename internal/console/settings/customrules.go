package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// maxScriptBytes bounds a custom rule's script.
const maxScriptBytes = 16 << 10

func (s *Service) customRuleRoutes() []route.Route {
	const path = "/custom-rules"
	return []route.Route{
		{
			Method: http.MethodGet, Path: path, Permission: api.PermPolicyCustomRules, Prisma: true, List: true,
			Summary: "Lists the custom rules.", Response: []api.CustomRule{}, Handle: s.listCustomRules,
		},
		{
			Method: http.MethodPut, Path: path + "/{id}", Permission: api.PermPolicyCustomRules, Write: true, Prisma: true,
			Summary: "Adds or replaces a custom rule.", Request: api.CustomRule{}, Handle: s.putCustomRule,
		},
		{
			Method: http.MethodDelete, Path: path + "/{id}", Permission: api.PermPolicyCustomRules, Write: true, Prisma: true,
			Summary: "Deletes a custom rule that no policy refers to.", Handle: s.deleteCustomRule,
		},
	}
}

// ruleKinds are the kinds of documents that refer to custom rules.
func ruleKinds() []api.Kind { return []api.Kind{api.KindRuntimePolicy, api.KindFirewallPolicy} }

// ruleDocumentID is a custom rule's id as a document's, so that their order is that of the numbers.
func ruleDocumentID(id int) string { return fmt.Sprintf("%010d", id) }

func (s *Service) listCustomRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	all, err := readAll[api.CustomRule](ctx, s, api.KindCustomRule)
	if err != nil {
		return route.Answer{}, err
	}
	return listAnswer(c, all, func(r *api.CustomRule) string { return r.Name + " " + r.Description })
}

// ruleID reads the id of a path.
func ruleID(c *route.Call) (int, error) {
	id, err := strconv.Atoi(c.Path["id"])
	if err != nil || id <= 0 || id > math.MaxInt32 {
		return 0, invalid("id", "take the largest id there is and add one", "%q isn't the number of a custom rule", clip(c.Path["id"]))
	}
	return id, nil
}

// readCustomRule reads and checks what a client writes.
func readCustomRule(raw []byte, id int) (api.CustomRule, error) {
	var r api.CustomRule
	if err := checkDepth(raw); err != nil {
		return r, err
	}
	if err := decode(raw, "", &r); err != nil {
		return r, err
	}
	if err := checkName("name", strings.ReplaceAll(r.Name, "/", "_")); err != nil {
		return r, err
	}
	switch {
	case r.ID != 0 && r.ID != id:
		return r, invalid("_id", "", "%d isn't the number in the path, %d", r.ID, id)
	case !slices.Contains(api.CustomRuleTypes(), r.Type):
		return r, invalid("type", "use one of: "+strings.Join(api.CustomRuleTypes(), " "), "%q isn't a type of custom rule", clip(r.Type))
	case strings.TrimSpace(r.Script) == "":
		return r, invalid("script", `such as proc.name = "wget"`, "it's empty")
	case len(r.Script) > maxScriptBytes:
		return r, invalid("script", "", "%d bytes are too many, it may have %d", len(r.Script), maxScriptBytes)
	}
	r.ID = id
	return r, nil
}

func (s *Service) putCustomRule(ctx context.Context, c *route.Call) (route.Answer, error) {
	id, err := ruleID(c)
	if err != nil {
		return route.Answer{}, err
	}
	written, err := readCustomRule(c.Body, id)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
		all, err := readAll[api.CustomRule](ctx, s, api.KindCustomRule)
		if err != nil {
			return edit{}, err
		}
		for _, r := range all {
			if r.ID != id && r.Name == written.Name {
				return edit{}, invalid("name", "", "%q is the name of rule %d already", clip(r.Name), r.ID)
			}
		}
		d, err := s.read(ctx, api.KindCustomRule, ruleDocumentID(id))
		if err != nil {
			return edit{}, err
		}
		written.Owner, written.Modified, written.Usages = c.Principal.Username, unix(s.now()), nil
		body := marshal(written)
		return edit{changes: []api.DocumentChange{to(d, body)}, before: d.Body, after: body}, nil
	})
}

func (s *Service) deleteCustomRule(ctx context.Context, c *route.Call) (route.Answer, error) {
	id, err := ruleID(c)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
		d, err := s.read(ctx, api.KindCustomRule, ruleDocumentID(id))
		if err != nil {
			return edit{}, err
		}
		if d.Version == 0 {
			return edit{}, autodefend.Errorf(autodefend.CodeNotFound, "there is no custom rule %d", id).WithHint("GET /custom-rules lists them")
		}
		found, _, err := s.references(ctx, ruleKinds(), refersToRule(id))
		if err != nil {
			return edit{}, err
		}
		if len(found) > 0 {
			return edit{}, inUse("the custom rule", strconv.Itoa(id), found)
		}
		return edit{changes: []api.DocumentChange{to(d, nil)}, before: d.Body}, nil
	})
}

// refersToRule finds a custom rule by its number in members called customRules.
func refersToRule(id int) func(string, json.RawMessage) (json.RawMessage, bool) {
	return func(name string, raw json.RawMessage) (json.RawMessage, bool) {
		var refs []api.CustomRuleRef
		if !strings.EqualFold(name, "customRules") || json.Unmarshal(raw, &refs) != nil {
			return nil, false
		}
		return nil, slices.ContainsFunc(refs, func(r api.CustomRuleRef) bool { return r.ID == id })
	}
}
