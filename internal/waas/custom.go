package waas

import (
	"errors"
	"fmt"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/expression"
)

// customRule is a compiled rule of the policy's own.
type customRule struct {
	*policy.OwnRule
	expression *expression.Expression
}

func compileCustom(all []policy.OwnRule) ([]customRule, error) {
	var errs []error
	compiled := make([]customRule, len(all))
	for i := range all {
		x, err := expression.Compile(all[i].Expression)
		if err != nil {
			errs = append(errs, fmt.Errorf("custom rule %q: %w", all[i].Name, err))
		}
		compiled[i] = customRule{&all[i], x}
	}
	return compiled, errors.Join(errs...)
}

// customRules runs the policy's own rules over a record, or over an event that is no batch. It says whether one of
// them lets it pass.
func (r *run) customRules(record int) bool {
	for i := range r.engine.custom {
		c := &r.engine.custom[i]
		effect := r.engine.rule.RuleEffect(c.OwnRule, r.sink.trigger)
		if effect == autodefend.Disable {
			continue
		}
		r.spend(1 << 10)
		now, _ := r.engine.now()
		m, ok := c.expression.Match(expression.Input{Event: r.event, Record: record, Now: now})
		switch {
		case !ok:
		case effect == autodefend.Allow:
			return true
		default:
			r.sink.add(Detection{
				Type: autodefend.ClassCustomRule, Rule: c.Name, Field: m.Field, Match: cut(m.Text, maxMatch), Effect: effect,
				Message: customMessage(c, &m),
			})
		}
		if r.stopped() {
			break
		}
	}
	return false
}

func customMessage(c *customRule, m *expression.Match) string {
	if c.Message == "" {
		return fmt.Sprintf("Custom rule %q matched %s", c.Name, where(&m.Field))
	}
	return cut(m.Message(c.Message), 2*maxValue)
}
