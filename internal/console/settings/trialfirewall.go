package settings

import (
	"context"
	"encoding/json"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
)

// firewallTrial inspects again the events that audits keep. They are kept without secrets and up to a size, so that an
// attack further back isn't found again.
type firewallTrial struct {
	policy  *policy.WAASPolicy
	engines map[int]*waas.Engine // by the rule's place
	last    *waas.Engine         // its memory serves the next
}

func newFirewallTrial(raw json.RawMessage) (*firewallTrial, error) {
	p, err := policy.ParseWAAS(raw)
	if err != nil {
		return nil, mistakes(err)
	}
	return &firewallTrial{policy: p, engines: make(map[int]*waas.Engine)}, nil
}

func (t *firewallTrial) judge(ctx context.Context, a *api.AuditRecord, labels map[string]string) (judgement, bool) {
	var audit autodefend.FirewallAudit
	if json.Unmarshal(a.Body, &audit) != nil || audit.RawEvent == "" {
		return judgement{}, false
	}
	found := t.policy.Resolve(targetOf(a, labels))
	if found.Rule == nil {
		return judgement{effect: noEffect, why: "no rule holds for the function"}, true
	}
	engine, err := t.engine(found)
	if err != nil {
		return judgement{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, found.Rule.Own.Budget())
	defer cancel()
	verdict := engine.Inspect(ctx, []byte(audit.RawEvent))
	if verdict.Unfinished {
		return judgement{}, false
	}
	now := judgement{effect: noEffect, rule: found.Rule.Name, why: "this attack isn't looked for, or isn't in what the audit keeps of the event"}
	for _, d := range verdict.Detections {
		if d.Type == audit.Type && (now.effect == noEffect || d.Effect == autodefend.Prevent) {
			now.effect, now.why = string(d.Effect), d.Message
		}
	}
	if now.effect == noEffect && verdict.Effect != "" {
		now.why = "not for this attack, but the event meets " + string(verdict.Effect) + " for another"
	}
	return now, true
}

// engine returns the engine of a rule.
func (t *firewallTrial) engine(found policy.WAASResolution) (*waas.Engine, error) {
	if e, ok := t.engines[found.Index]; ok {
		return e, nil
	}
	e, err := waas.New(found.Rule, waas.Everything(), waas.After(t.last))
	if err != nil {
		return nil, err
	}
	t.engines[found.Index], t.last = e, e
	return e, nil
}
