package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/expression"
)

// policyKind is what the policies of runtime and firewall differ in.
type policyKind struct {
	kind  api.Kind
	id    string // the member _id
	other string // that of the other one
	empty string // what is read before anything was written
	// check examines a policy whose collections are filled in.
	check func(raw []byte) ([]policy.Remark, error)
}

func runtimeKind() policyKind {
	return policyKind{
		kind: api.KindRuntimePolicy, id: "serverlessRuntime", other: "the firewall's is PUT to /policies/firewall/app/serverless",
		empty: `{"_id":"serverlessRuntime","learningDisabled":false,"rules":[]}`, check: checkRuntime,
	}
}

func firewallKind() policyKind {
	return policyKind{
		kind: api.KindFirewallPolicy, id: "serverlessAppFirewall", other: "the runtime's is PUT to /policies/runtime/serverless",
		empty: `{"_id":"serverlessAppFirewall","minPort":0,"maxPort":0,"rules":[]}`, check: checkFirewall,
	}
}

func checkRuntime(raw []byte) ([]policy.Remark, error) {
	if policy.IsWAAS(raw) {
		return nil, invalid("rules", "PUT it to /policies/firewall/app/serverless", "it is a policy of the firewall")
	}
	p, err := policy.Parse(raw)
	if err != nil {
		return nil, err
	}
	return p.Check()
}

func checkFirewall(raw []byte) ([]policy.Remark, error) {
	p, err := policy.ParseWAAS(raw)
	if err != nil {
		return nil, err
	}
	return p.Check(expression.Check)
}

func (s *Service) policyRoutes() []route.Route {
	runtime, firewall := runtimeKind(), firewallKind()
	const (
		runtimePath  = "/policies/runtime/serverless"
		firewallPath = "/policies/firewall/app/serverless"
	)
	return []route.Route{
		{
			Method: http.MethodGet, Path: runtimePath, Permission: api.PermPolicyRuntimeServerless, Prisma: true,
			Summary: "Returns the runtime policy for functions.", Response: api.RuntimePolicy{}, Handle: s.getPolicy(runtime),
		},
		{
			Method: http.MethodPut, Path: runtimePath, Permission: api.PermPolicyRuntimeServerless, Write: true, Prisma: true,
			Summary: "Replaces the runtime policy for functions.", Request: api.RuntimePolicy{}, MaxBody: policy.MaxSize, Handle: s.putPolicy(runtime),
		},
		{
			Method: http.MethodPost, Path: runtimePath, Permission: api.PermPolicyRuntimeServerless, Write: true, Prisma: true,
			Summary: "Adds rules to the runtime policy, or replaces those of the same name: one rule, a list, or a policy. New rules come first.",
			Request: api.RuntimeRule{}, MaxBody: policy.MaxSize, Handle: s.postRules(runtime),
		},
		{
			Method: http.MethodGet, Path: firewallPath, Permission: api.PermPolicyWAAS, Prisma: true,
			Summary: "Returns the firewall's policy for functions.", Response: api.FirewallPolicy{}, Handle: s.getPolicy(firewall),
		},
		{
			Method: http.MethodPut, Path: firewallPath, Permission: api.PermPolicyWAAS, Write: true, Prisma: true,
			Summary: "Replaces the firewall's policy for functions.", Request: api.FirewallPolicy{}, MaxBody: policy.MaxSize, Handle: s.putPolicy(firewall),
		},
	}
}

// getPolicy answers with the policy as it was written, its collections filled in.
func (s *Service) getPolicy(k policyKind) route.Handler {
	return func(ctx context.Context, _ *route.Call) (route.Answer, error) {
		raw, err := s.policy(ctx, k)
		if err != nil {
			return route.Answer{}, err
		}
		return route.Answer{Raw: raw, Media: "application/json"}, nil
	}
}

// policy reads a policy with its collections filled in.
func (s *Service) policy(ctx context.Context, k policyKind) (json.RawMessage, error) {
	d, err := s.read(ctx, k.kind, "")
	if err != nil {
		return nil, err
	}
	doc, err := storedRules(d, k)
	if err != nil {
		return nil, err
	}
	known, err := s.collections(ctx)
	if err != nil {
		return nil, err
	}
	doc.fill(known.raws)
	return doc.raw(), nil
}

// storedRules reads what a policy's document holds.
func storedRules(d api.Document, k policyKind) (ruleDocument, error) {
	body := d.Body
	if d.Version == 0 {
		body = []byte(k.empty)
	}
	doc, _, ok := readRules(body)
	if !ok {
		return doc, autodefend.Errorf(autodefend.CodeInternal, "the stored document of kind %s can't be read", k.kind)
	}
	return doc, nil
}

// putPolicy replaces a policy.
func (s *Service) putPolicy(k policyKind) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
			known, err := s.collections(ctx)
			if err != nil {
				return edit{}, err
			}
			draft, given, _, err := s.draft(k, c.Body, known)
			if err != nil {
				return edit{}, err
			}
			if given == singleRule {
				return edit{}, invalid("rules", "send a policy, or POST the rule to add it", "this is a single rule, and it would replace all others")
			}
			return s.policyEdit(ctx, k, known, func(was ruleDocument) (ruleDocument, error) {
				for i := range draft.rules {
					sign(&draft.rules[i], predecessor(&was, &draft.rules[i]), c.Principal.Username, s.now())
				}
				return draft, nil
			})
		})
	}
}

// predecessor is the stored rule that a written one takes the place of; nil for a new one.
func predecessor(was *ruleDocument, rule *object) *object {
	at := -1
	if previous := rule.text("previousName"); previous != "" {
		at = was.find(previous)
	}
	if at < 0 {
		at = was.find(rule.text("name"))
	}
	if at < 0 {
		return nil
	}
	return &was.rules[at]
}

// policyEdit makes the write of a policy out of the stored one.
func (s *Service) policyEdit(
	ctx context.Context, k policyKind, known collections, next func(was ruleDocument) (ruleDocument, error),
) (edit, error) {
	d, err := s.read(ctx, k.kind, "")
	if err != nil {
		return edit{}, err
	}
	was, err := storedRules(d, k)
	if err != nil {
		return edit{}, err
	}
	now, err := next(was.clone())
	if err != nil {
		return edit{}, err
	}
	e := edit{before: d.Body}
	if e.changes, err = s.renamedRules(ctx, k, renames(&was, &now)); err != nil {
		return edit{}, err
	}
	used := make(map[string]bool)
	for i := range now.rules {
		now.rules[i].remove("previousName")
		for _, name := range collectionNames(&now.rules[i]) {
			used[name] = true
		}
		nameOnly(&now.rules[i])
	}
	if now.top.text("_id") == "" {
		now.top.set("_id", marshal(k.id))
	}
	raw := now.raw()
	if len(raw) > policy.MaxSize {
		return edit{}, invalid("", "", "%d bytes are more than the %d that a policy may have", len(raw), policy.MaxSize)
	}
	e.changes, e.after = append(e.changes, to(d, raw)), raw
	for name := range used {
		if collection, isStored := known.documents[name]; isStored {
			e.hold(collection)
		}
	}
	return e, nil
}

// draft reads and checks what a client writes: a policy, a list of rules or a rule.
func (s *Service) draft(k policyKind, raw []byte, known collections) (ruleDocument, form, []policy.Remark, error) {
	if len(raw) > policy.MaxSize {
		return ruleDocument{}, wholePolicy, nil, invalid("", "", "%d bytes are more than the %d that a policy may have", len(raw), policy.MaxSize)
	}
	if err := checkDepth(raw); err != nil {
		return ruleDocument{}, wholePolicy, nil, err
	}
	doc, given, ok := readRules(raw)
	if !ok {
		_, err := k.check(raw)
		if err == nil {
			err = invalid("rules", "", "want a list of objects whose collections are objects with names")
		}
		return doc, given, nil, mistakes(err)
	}
	if id := doc.top.text("_id"); id != "" && id != k.id {
		return doc, given, nil, invalid("_id", k.other, "want %q, have %q", k.id, id)
	}
	errs := scopeMistakes(&doc, known)
	for i := range doc.rules {
		if at := secretIn(rulePath(i), doc.rules[i].raw()); at != "" {
			errs = append(errs, invalid(at, "leave it out", "rules for functions hold no secrets"))
		}
	}
	filled := doc.clone()
	filled.fill(known.raws)
	remarks, err := k.check(filled.raw())
	if err != nil {
		errs = append(errs, err)
	}
	return doc, given, remarks, mistakes(errors.Join(errs...))
}

// scopeMistakes finds rules without collections, and collections that don't exist.
func scopeMistakes(doc *ruleDocument, known collections) []error {
	var errs []error
	for i := range doc.rules {
		names := collectionNames(&doc.rules[i])
		if len(names) == 0 {
			errs = append(errs, invalid(rulePath(i)+".collections", `for every function: [{"name": "All"}]`, "a rule needs at least one collection"))
		}
		for j, name := range names {
			if _, ok := known.raws[name]; ok {
				continue
			}
			at := fmt.Sprintf("%s.collections[%d].name", rulePath(i), j)
			errs = append(errs, invalid(at, "POST it to /collections first", "there is no collection %q", clip(name)))
		}
	}
	return errs
}

// clip shortens foreign text for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return string([]rune(s[:most])) + "..."
}

// postRules adds rules or replaces those of the same name.
func (s *Service) postRules(k policyKind) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		return route.Answer{}, s.change(ctx, c, api.MgmtRule, func() (edit, error) {
			known, err := s.collections(ctx)
			if err != nil {
				return edit{}, err
			}
			draft, _, _, err := s.draft(k, c.Body, known)
			if err != nil {
				return edit{}, err
			}
			return s.policyEdit(ctx, k, known, func(was ruleDocument) (ruleDocument, error) {
				return s.merge(was, draft, c.Principal.Username)
			})
		})
	}
}

// merge puts rules into a policy: in the place of those of the same or the previous name, and new ones before all others.
func (s *Service) merge(was, draft ruleDocument, owner string) (ruleDocument, error) {
	var added []object
	replaced := make(map[int]bool)
	for i := range draft.rules {
		rule := draft.rules[i]
		name, previous := rule.text("name"), rule.text("previousName")
		at := was.find(name)
		if previous != "" && previous != name {
			renamed := was.find(previous)
			switch {
			case renamed >= 0 && at >= 0:
				return was, invalid(rulePath(i)+".name", "", "%q is the name of another rule already", clip(name))
			case renamed < 0 && at < 0:
				return was, invalid(rulePath(i)+".previousName", "leave it out to add a rule", "there is no rule %q", clip(previous))
			case renamed >= 0:
				at = renamed
			}
		}
		if at < 0 {
			sign(&rule, nil, owner, s.now())
			added = append(added, rule)
			continue
		}
		if replaced[at] {
			return was, invalid(rulePath(i)+".previousName", "", "another rule takes the place of %q already", clip(previous))
		}
		replaced[at] = true
		sign(&rule, &was.rules[at], owner, s.now())
		was.rules[at] = rule
	}
	for _, m := range draft.top.members {
		if m.name == "learningDisabled" || m.name == "minPort" || m.name == "maxPort" {
			was.top.set(m.name, m.raw)
		}
	}
	was.rules = slices.Concat(added, was.rules)
	return was, nil
}
