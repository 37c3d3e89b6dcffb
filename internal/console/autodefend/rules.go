package autodefend

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// getRules answers the list of rules as it is stored.
func (s *Service) getRules(ctx context.Context, _ *route.Call) (route.Answer, error) {
	d, err := s.cfg.Documents.Document(ctx, api.KindAutoDeploy, "")
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return list([]api.AutoDeployRule{}, 0), nil
	}
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{Raw: d.Body, Media: "application/json"}, nil
}

// replacement is a new list of rules in the place of the stored one.
type replacement struct {
	rules []api.AutoDeployRule
	was   *state
	// before and after are the covers of the lists.
	before, after []cover
}

// replace reads and checks a new list.
func (s *Service) replace(ctx context.Context, body []byte) (*replacement, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "rules: the body is empty").
			WithHint("the list is an array as GET /api/v1/settings/serverless-auto-deploy gives it; [] removes all rules")
	}
	rules, err := api.ParseAutoDeploy(body)
	if err != nil {
		return nil, err
	}
	known, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	if err := api.CheckAutoDeploy(rules, known); err != nil {
		return nil, err
	}
	if err := s.seal(rules); err != nil {
		return nil, err
	}
	was, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	r := &replacement{rules: rules, was: was}
	if r.before, err = s.covers(ctx, was.rules, was.states); err != nil {
		return nil, err
	}
	r.after, err = s.covers(ctx, rules, was.states)
	return r, err
}

// stamp gives the rules the time of their last change: the stored one where nothing changed. An evaluation that begins later
// is taken for one of the rule as it is, so that it's done right before the list is written.
func (s *Service) stamp(r *replacement) {
	for i := range r.rules {
		old, _, ok := r.was.rule(r.rules[i].Name)
		if ok && old.Same(r.rules[i]) {
			r.rules[i].LastModified = old.LastModified
		} else {
			r.rules[i].LastModified = s.now()
		}
	}
}

// names reads what rules may name.
func (s *Service) names(ctx context.Context) (api.AutoDeployKnown, error) {
	credentials, err := s.cfg.Documents.Documents(ctx, api.KindCredential)
	if err != nil {
		return api.AutoDeployKnown{}, err
	}
	collections, err := s.cfg.Collections.Collections(ctx)
	if err != nil {
		return api.AutoDeployKnown{}, err
	}
	ids, names := map[string]bool{}, map[string]bool{api.AllCollection: true}
	for _, d := range credentials {
		ids[d.ID] = true
	}
	for _, c := range collections {
		names[c.Name] = true
	}
	return api.AutoDeployKnown{
		Credential: func(id string) bool { return ids[id] },
		Collection: func(name string) bool { return names[name] },
		Runtime:    s.knownRuntime,
		Recipe: func(name string) bool {
			_, ok := s.recipe(name)
			return ok
		},
	}, nil
}

// shrunk are the covers of the old rules that are gone or whose scope changed.
func (r *replacement) shrunk() []cover {
	var out []cover
	for _, old := range r.before {
		at := slices.IndexFunc(r.after, func(c cover) bool { return c.rule.Name == old.rule.Name })
		if at < 0 || !sameScope(old.rule, r.after[at].rule) {
			out = append(out, old)
		}
	}
	return out
}

// sameScope reports whether two rules are about the same functions, as far as their own members say.
func sameScope(a, b api.AutoDeployRule) bool {
	return a.CredentialID == b.CredentialID && a.AWSRegionType == b.AWSRegionType && a.Region == b.Region &&
		slices.Equal(a.Collections, b.Collections) && slices.Equal(a.Runtimes, b.Runtimes) && slices.Equal(a.Own.Regions, b.Own.Regions)
}

// sameCover reports whether two covers are of the same rule with the same functions.
func sameCover(a, b cover) bool {
	return a.rule.Name == b.rule.Name && sameScope(a.rule, b.rule) && reflect.DeepEqual(a.scope, b.scope)
}

// putRules replaces the whole list. Functions that only rules covered which are gone, or whose scope changed, lose the
// Defender: a job for each such rule takes it from them.
func (s *Service) putRules(ctx context.Context, c *route.Call) (route.Answer, error) {
	r, err := s.replace(ctx, c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	var preview api.AutoDeployPreview
	if len(r.shrunk()) > 0 {
		if preview, err = s.foresee(ctx, r); err != nil {
			return route.Answer{}, err
		}
	}
	if err := confirmed(preview, c.Query.Get("confirm")); err != nil {
		return route.Answer{}, err
	}
	s.stamp(r)
	changes, err := s.changes(r, preview, c)
	if err != nil {
		return route.Answer{}, err
	}
	before, err := json.Marshal(r.was.rules)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.cfg.Documents.Write(ctx, changes, journal.Audit(c, api.MgmtRule, s.now(), before, changes[0].Body))
}

// byRecipe is a rule with its recipe, and with each that it had before: what one attached only the same one takes off.
func (s *Service) byRecipe(rule api.AutoDeployRule, had []string) ([]api.AutoDeployRule, error) {
	rules := []api.AutoDeployRule{rule}
	now, _ := s.recipe(rule.Own.Recipe)
	for _, name := range had {
		if name == now.Name {
			continue
		}
		before, err := rule.WithRecipe(name)
		if err != nil {
			return nil, err
		}
		rules = append(rules, before)
	}
	return rules, nil
}

// changes are the documents that a new list writes: the list first.
func (s *Service) changes(r *replacement, preview api.AutoDeployPreview, c *route.Call) ([]api.DocumentChange, error) {
	body, err := json.Marshal(r.rules)
	if err != nil {
		return nil, err
	}
	if r.rules == nil {
		body = []byte("[]")
	}
	changes := []api.DocumentChange{{Kind: api.KindAutoDeploy, Version: r.was.version, Body: body}}
	jobs, err := s.removals(r, max(preview.Allowed, len(preview.Undefend)), c.Principal.Username)
	if err != nil {
		return nil, err
	}
	changes = append(changes, jobs...)
	for name := range r.was.states {
		_, _, was := r.was.rule(name) // the state of one that wasn't goes with its evaluation
		if was && !slices.ContainsFunc(r.rules, func(rule api.AutoDeployRule) bool { return rule.Name == name }) {
			changes = append(changes, api.DocumentChange{Kind: api.KindRuleStatus, ID: idRule + name, Version: api.Any})
		}
	}
	return changes, nil
}

// removals are the documents of the jobs that take the Defender from what a new list doesn't cover any more: at most from so
// many functions together.
func (s *Service) removals(r *replacement, allow int, by string) ([]api.DocumentChange, error) {
	var changes []api.DocumentChange
	change := ""
	for _, old := range r.shrunk() {
		rules, err := s.byRecipe(old.rule, r.was.states[old.rule.Name].Recipes)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			job := api.AutoDeployJob{
				ID: s.cfg.NewRun(), Kind: api.RunRemoval, By: by, Rule: rule, Scope: old.snapshot(), Allow: allow, Created: s.now(),
			}
			change = cmp.Or(change, job.ID)
			job.Change = change
			queued, _, err := s.queued(job)
			if err != nil {
				return nil, err
			}
			changes = append(changes, queued...)
		}
	}
	if change == "" {
		return nil, nil
	}
	shared, err := put(api.KindRuleStatus, idAllowance+change, allowance{Allow: allow})
	return append(changes, shared), err
}
