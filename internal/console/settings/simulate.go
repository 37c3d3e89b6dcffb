package settings

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

// Bounds of a simulation.
const (
	simulationLimit    = 1000
	maxSimulationLimit = 10_000
	maxSimulationTime  = 20 * time.Second
	simulationPage     = 500
	maxSamples         = 100
	maxSampleText      = 500
)

// noEffect is the effect of what isn't even recorded.
const noEffect = "none"

func (s *Service) simulationRoutes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodPost, Path: "/policies/runtime/serverless/simulate", Permission: api.PermPolicyRuntimeServerless,
			Summary: "Tells what a runtime policy would have done to audits that are stored. Nothing is changed.",
			Request: api.SimulationRequest{}, Response: api.Simulation{}, MaxBody: policy.MaxSize,
			Handle: s.simulate(runtimeKind(), api.StreamRuntime, api.PermMonitorRuntimeServerless),
		},
		{
			Method: http.MethodPost, Path: "/policies/firewall/app/serverless/simulate", Permission: api.PermPolicyWAAS,
			Summary: "Tells what a firewall's policy would have done to audits that are stored, by inspecting their events again. Nothing is changed.",
			Request: api.SimulationRequest{}, Response: api.Simulation{}, MaxBody: policy.MaxSize,
			Handle: s.simulate(firewallKind(), api.StreamFirewall, api.PermMonitorWAAS),
		},
	}
}

// trial judges stored audits by a policy.
type trial interface {
	// judge says what the policy does to what an audit is of; false when the audit doesn't tell enough.
	judge(ctx context.Context, a *api.AuditRecord, labels map[string]string) (judgement, bool)
}

// judgement is what a policy does to one audit's act or event.
type judgement struct {
	effect string // none when there is no audit
	rule   string
	why    string
}

// simulate answers with what a policy would have done.
func (s *Service) simulate(k policyKind, stream api.Stream, monitor api.PermName) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		if !c.Principal.Can(monitor, false) {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "the answer shows audits, and the role doesn't").
				WithHint("the permission %s is needed too", string(monitor))
		}
		if s.Audits == nil {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "this Console stores no audits")
		}
		q, err := s.readSimulation(c.Body)
		if err != nil {
			return route.Answer{}, err
		}
		scopes, err := s.Scopes(ctx, c.Principal.Collections)
		if err != nil {
			return route.Answer{}, err
		}
		run := simulation{
			service: s, limit: q.Limit, labels: make(map[functionKey]map[string]string), outcomes: make(map[[2]string]*api.SimulationOutcome),
			query:  api.AuditQuery{Stream: stream, From: q.From, To: q.To, Scopes: scopes},
			answer: api.Simulation{From: q.From, To: q.To, Samples: []api.SimulationSample{}, Remarks: []api.PolicyRemark{}},
		}
		if run.trial, err = s.trial(ctx, k, q.Policy, &run); err != nil {
			return route.Answer{}, err
		}
		ctx, cancel := context.WithTimeout(ctx, maxSimulationTime)
		defer cancel()
		if !s.simulates.TryLock() {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeThrottled, "another simulation is running").WithHint("try again in some seconds")
		}
		defer s.simulates.Unlock()
		if err := run.all(ctx); err != nil {
			return route.Answer{}, err
		}
		return route.Answer{JSON: run.result()}, nil
	}
}

// readSimulation reads what is to be tried on what.
func (s *Service) readSimulation(raw []byte) (api.SimulationRequest, error) {
	var q api.SimulationRequest
	if err := checkDepth(raw); err != nil {
		return q, err
	}
	if err := decode(raw, "", &q); err != nil {
		return q, err
	}
	if q.To.IsZero() {
		q.To = s.now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	if q.Limit == 0 {
		q.Limit = simulationLimit
	}
	switch {
	case q.Limit < 0 || q.Limit > maxSimulationLimit:
		return q, invalid("limit", "", "want 1 to %d, have %d", maxSimulationLimit, q.Limit)
	case q.To.Before(q.From):
		return q, invalid("to", "", "it is before from")
	}
	return q, nil
}

// trial prepares the policy of a request; without one, that which is in force.
func (s *Service) trial(ctx context.Context, k policyKind, raw json.RawMessage, run *simulation) (trial, error) {
	if len(raw) == 0 || string(raw) == "null" {
		stored, err := s.policy(ctx, k)
		if err != nil {
			return nil, err
		}
		raw = stored
	} else {
		known, err := s.collections(ctx)
		if err != nil {
			return nil, err
		}
		draft, _, remarks, err := s.draft(k, raw, known)
		if err != nil {
			return nil, err
		}
		for _, r := range remarks {
			run.answer.Remarks = append(run.answer.Remarks, api.PolicyRemark(r))
		}
		draft.fill(known.raws)
		raw = draft.raw()
	}
	if k.kind == api.KindFirewallPolicy {
		return newFirewallTrial(raw)
	}
	return newRuntimeTrial(raw)
}

// simulation is one run.
type simulation struct {
	service  *Service
	trial    trial
	query    api.AuditQuery
	limit    int
	labels   map[functionKey]map[string]string
	outcomes map[[2]string]*api.SimulationOutcome
	answer   api.Simulation
}

// all goes through the audits, the newest first, until there are no more, or the limit or the time is reached.
func (r *simulation) all(ctx context.Context) error {
	for r.answer.Audits < r.limit {
		r.query.Page.Limit = min(simulationPage, r.limit-r.answer.Audits+1)
		page, err := r.service.Audits.Audits(ctx, r.query)
		if err != nil {
			if ctx.Err() != nil && r.answer.Audits > 0 {
				r.answer.Truncated = true
				return nil
			}
			return fmt.Errorf("read audits: %w", err)
		}
		for i := range page {
			if r.answer.Audits == r.limit || ctx.Err() != nil {
				r.answer.Truncated = true
				return nil
			}
			if err := r.one(ctx, &page[i]); err != nil {
				return err
			}
		}
		if len(page) < r.query.Page.Limit {
			return nil
		}
		r.query.Page.Offset += len(page)
	}
	r.answer.Truncated = true
	return nil
}

// one tries one audit.
func (r *simulation) one(ctx context.Context, a *api.AuditRecord) error {
	labels, err := r.labelsOf(ctx, a)
	if err != nil {
		return err
	}
	r.answer.Audits++
	r.answer.Events += max(a.Count, 1)
	now, ok := r.trial.judge(ctx, a, labels)
	if !ok {
		r.answer.Unknown++
		return nil
	}
	old := cmp.Or(a.Effect, noEffect)
	key := [2]string{old, now.effect}
	if r.outcomes[key] == nil {
		r.outcomes[key] = &api.SimulationOutcome{Old: old, New: now.effect}
	}
	r.outcomes[key].Audits++
	r.outcomes[key].Events += max(a.Count, 1)
	if old != now.effect && len(r.answer.Samples) < maxSamples {
		r.answer.Samples = append(r.answer.Samples, api.SimulationSample{
			ID: a.ID, Time: a.Time, Function: a.Function, Region: a.Region, Account: a.Account, Type: cmp.Or(a.AttackType, a.Type),
			Msg: cut(a.Msg, maxSampleText), Old: old, New: now.effect, OldRule: a.Rule, NewRule: now.rule, Why: cut(now.why, maxSampleText),
		})
	}
	return nil
}

// labelsOf returns the tags of the function that an audit is of.
func (r *simulation) labelsOf(ctx context.Context, a *api.AuditRecord) (map[string]string, error) {
	key := functionKey{a.Account, a.Region, a.Function}
	if labels, ok := r.labels[key]; ok {
		return labels, nil
	}
	labels, err := r.service.tags(ctx, policy.Target{AccountID: a.Account, Region: a.Region, Function: a.Function})
	if err != nil {
		return nil, err
	}
	r.labels[key] = labels
	return labels, nil
}

// result puts the answer together.
func (r *simulation) result() api.Simulation {
	r.answer.Outcomes = []api.SimulationOutcome{}
	for _, o := range r.outcomes {
		r.answer.Outcomes = append(r.answer.Outcomes, *o)
	}
	slices.SortFunc(r.answer.Outcomes, func(a, b api.SimulationOutcome) int {
		return cmp.Or(b.Audits-a.Audits, cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	return r.answer
}

// cut shortens a text for a sample.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}

// targetOf is the function that an audit is of.
func targetOf(a *api.AuditRecord, labels map[string]string) policy.Target {
	return policy.Target{Function: a.Function, Region: a.Region, AccountID: a.Account, Provider: a.Provider, Labels: labels}
}
