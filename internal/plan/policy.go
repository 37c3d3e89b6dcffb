package plan

import (
	"maps"
	"strings"

	"github.com/autodefend/autodefend"
)

// PolicySource gives the policy to be embedded in a function as the value of
// the recipe's policy variable. It's pure: the same function and room give the
// same value. When the function's present value means the same it's returned,
// so that a second apply changes nothing. A value larger than room, in bytes of
// JSON text, is one that can't be made smaller.
type PolicySource func(f autodefend.Function, room int) string

// withPolicy puts the function's policy among the recipe's variables.
func (facts Facts) withPolicy(f autodefend.Function) Facts {
	name := facts.Recipe.PolicyVariable
	if facts.Policy == nil || name == "" || f.Environment.Error != "" {
		return facts
	}
	source := facts.Policy
	facts.Policy = nil
	value := source(f, facts.with(name, "").room(f, name))
	return facts.with(name, value)
}

// with returns facts whose recipe sets one more variable.
func (facts Facts) with(name, value string) Facts {
	environment := maps.Clone(facts.Recipe.Environment)
	if environment == nil {
		environment = autodefend.Variables{}
	}
	environment[name] = value
	facts.Recipe.Environment = environment
	return facts
}

// ownPolicy reports whether the function's policy variable is there and ours.
func ownPolicy(f autodefend.Function, r autodefend.Recipe) bool {
	return r.PolicyVariable != "" && strings.HasPrefix(f.Environment.Variables[r.PolicyVariable], autodefend.PolicyPrefix)
}

// foreignPolicy reports whether we would have to overwrite an owner's variable
// to embed a policy.
func foreignPolicy(f autodefend.Function, r autodefend.Recipe) bool {
	_, embeds := r.Environment[r.PolicyVariable]
	_, present := f.Environment.Variables[r.PolicyVariable]
	return embeds && present && r.PolicyVariable != "" && !ownPolicy(f, r)
}

// room returns how many bytes the variable called name can have, when all else
// that is ours is there too.
func (facts Facts) room(f autodefend.Function, name string) int {
	change := attach(f, facts, inspect(f, facts))
	after := variablesAfter(f.Environment.Variables, change.Environment, facts.Recipe, strings.Repeat("0", RunIDLength))
	after[name] = ""
	update := Materialize(f, change, facts, strings.Repeat("0", RunIDLength))
	update.Variables = &after
	return min(MaxEnvironmentBytes-EnvironmentBytes(after), MaxRequestBytes-1-RequestBytes(update))
}
