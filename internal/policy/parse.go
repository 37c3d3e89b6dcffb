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
	if len(data) > MaxSize {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%d bytes are more than the %d that a policy may have", len(data), MaxSize)
	}
	data = bytes.TrimSpace(data)
	if err := syntax(data); err != nil {
		return nil, err
	}
	var errs []error
	p := &Policy{}
	switch {
	case data[0] == '[':
		p.Rules = readList[Rule]("rules", data, &errs)
	case isPolicy(data):
		readObject("", data, p, &errs)
	default:
		p.Rules = make([]Rule, 1)
		readObject(rulePath(0), data, &p.Rules[0], &errs)
	}
	errs = append(errs, p.names()...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// syntax tells where JSON is broken.
func syntax(data []byte) error {
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
	return e.WithHint("a policy is JSON as GET /api/v1/policies/runtime/serverless gives it")
}

// isPolicy tells a policy from a single rule.
func isPolicy(data []byte) bool {
	given, ok := members(data)
	if !ok {
		return false
	}
	for _, m := range given {
		switch strings.ToLower(m.name) {
		case "rules", "_id", "learningdisabled":
			return true
		}
	}
	return len(given) == 0
}

// rulePath is the path of a rule in messages.
func rulePath(i int) string { return fmt.Sprintf("rules[%d]", i) }

// names finds rules without a name, and names that two rules have.
func (p *Policy) names() []error {
	var errs []error
	first := make(map[string]int)
	for i, r := range p.Rules {
		path := rulePath(i)
		if r.Name == "" {
			errs = append(errs, mistake(path+".name", "audits name the rule that decided", "a rule needs a name"))
			continue
		}
		if at, twice := first[r.Name]; twice {
			errs = append(errs, mistake(path+".name", "", "%q is the name of rules[%d] already", r.Name, at))
			continue
		}
		first[r.Name] = i
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
func (p *Policy) Define(collections []Collection) {
	byName := make(map[string]Collection, len(collections))
	for _, c := range collections {
		byName[c.Name] = c
	}
	for i := range p.Rules {
		for j, c := range p.Rules[i].Collections {
			if full, ok := byName[c.Name]; ok && c.undefined() {
				p.Rules[i].Collections[j] = full
			}
		}
	}
}
