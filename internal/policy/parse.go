package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/autodefend/autodefend"
)

// MaxSize bounds a policy's JSON, in bytes.
const MaxSize = 16 << 20

// Parse reads a policy, a list of rules, or a single rule. All mistakes are returned, each with the path of its member,
// as joined [autodefend.Error] values of code invalid.
func Parse(data []byte) (*Policy, error) {
	p := &Policy{}
	errs := parseRules(data, "runtime/serverless", p, &p.Rules)
	errs = append(errs, names(p.scopes())...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// parseRules reads a policy of either kind, or rules of it. api is where a Console has it.
func parseRules[T any, P interface {
	*T
	walker
}](data []byte, api string, whole walker, rules *[]T,
) []error {
	if len(data) > MaxSize {
		return []error{autodefend.Errorf(autodefend.CodeInvalid, "%d bytes are more than the %d that a policy may have", len(data), MaxSize)}
	}
	data = bytes.TrimSpace(data)
	if err := syntax(data, api); err != nil {
		return []error{err}
	}
	var errs []error
	switch {
	case data[0] == '[':
		*rules = readList[T, P]("rules", data, &errs)
	case isPolicy(data):
		readObject("", data, whole, &errs)
	default:
		*rules = make([]T, 1)
		readObject(rulePath(0), data, P(&(*rules)[0]), &errs)
	}
	return errs
}

// syntax tells where JSON is broken.
func syntax(data []byte, api string) error {
	var any json.RawMessage
	err := json.Unmarshal(data, &any)
	if err == nil && (data[0] == '{' || data[0] == '[') {
		return nil
	}
	e := autodefend.Errorf(autodefend.CodeInvalid, "want a policy, a list of rules or a rule, have %s", excerpt(data))
	if at, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(data[:min(int(at.Offset), len(data))], []byte("\n"))
		e = autodefend.Errorf(autodefend.CodeInvalid, "line %d isn't JSON: %s", line, at)
	}
	return e.WithHint("a policy is JSON as GET /api/v1/policies/%s gives it", api)
}

// isPolicy tells a policy from a single rule.
func isPolicy(data []byte) bool {
	given, ok := members(data)
	if !ok {
		return false
	}
	for _, m := range given {
		switch strings.ToLower(m.name) {
		case "rules", "_id", "learningdisabled", "minport", "maxport":
			return true
		}
	}
	return len(given) == 0
}

// rulePath is the path of a rule in messages.
func rulePath(i int) string { return fmt.Sprintf("rules[%d]", i) }

// names finds rules without a name, and names that two rules have.
func names(rules []ruleScope) []error {
	var errs []error
	first := make(map[string]int)
	for i, r := range rules {
		path := rulePath(i)
		if r.name == "" {
			errs = append(errs, mistake(path+".name", "audits name the rule that decided", "a rule needs a name"))
			continue
		}
		if at, twice := first[r.name]; twice {
			errs = append(errs, mistake(path+".name", "", "%q is the name of rules[%d] already", r.name, at))
			continue
		}
		first[r.name] = i
	}
	return errs
}

// MarshalJSON returns the policy as Prisma's JSON: what was read comes back, members that mean nothing to us included.
func (p *Policy) MarshalJSON() ([]byte, error) { return marshalWalker(p) }

// MarshalJSON returns the rule as Prisma's JSON.
func (r *Rule) MarshalJSON() ([]byte, error) { return marshalWalker(r) }

// UnmarshalJSON reads a rule.
func (r *Rule) UnmarshalJSON(data []byte) error {
	var errs []error
	*r = Rule{}
	readObject("rule", data, r, &errs)
	return errors.Join(errs...)
}

func marshalWalker(w walker) ([]byte, error) {
	var errs []error
	raw := writeObject(w, false, &errs)
	return raw, errors.Join(errs...)
}

// ParseCollections reads a list of collections, as GET /api/v1/collections gives it.
func ParseCollections(data []byte) ([]Collection, error) {
	var errs []error
	all := readList[Collection]("collections", bytes.TrimSpace(data), &errs)
	return all, errors.Join(errs...)
}

// Define fills in the collections that the rules only name.
func (p *Policy) Define(collections []Collection) { define(p.scopes(), collections) }

func define(rules []ruleScope, collections []Collection) {
	byName := make(map[string]Collection, len(collections))
	for _, c := range collections {
		byName[c.Name] = c
	}
	for _, r := range rules {
		for j, c := range r.collections {
			if full, ok := byName[c.Name]; ok && c.undefined() {
				r.collections[j] = full
			}
		}
	}
}
