package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// The functions of this file return copies in which empty lists are [] rather
// than null and all text is valid UTF-8, as JSON and YAML need it.

func completePlan(p *autodefend.Plan) *autodefend.Plan {
	q := *p
	q.Functions = each(p.Functions, completeVerdict)
	q.Errors = each(p.Errors, completeError)
	if q.Summary.Checks == nil {
		q.Summary.Checks = map[autodefend.Check]int{}
	}
	return &q
}

// seal seals a completed plan again when the seal of the original holds, so
// that what was filled in doesn't look like an edit. A broken seal stays
// broken.
func seal(completed, original *autodefend.Plan) *autodefend.Plan {
	if sealed(completed) || !sealed(original) {
		return completed
	}
	q := *completed
	q.Functions, q.Errors = slices.Clone(q.Functions), slices.Clone(q.Errors)
	q.Finish()
	return &q
}

// sealed reports whether the digest holds; age and recipe aren't asked for.
func sealed(p *autodefend.Plan) bool { return p.Verify(p.Created, 0, p.RecipeDigest) == nil }

func completeRun(r *autodefend.Run) *autodefend.Run {
	q := *r
	q.Errors = each(r.Errors, completeError)
	q.Stopped = valid(r.Stopped)
	q.Summary = maps.Clone(r.Summary)
	if q.Summary == nil {
		q.Summary = map[autodefend.Outcome]int{}
	}
	q.Results = each(r.Results, func(x autodefend.Receipt) autodefend.Receipt {
		x.Reasons = each(x.Reasons, completeReason)
		if x.Warnings != nil {
			x.Warnings = each(x.Warnings, completeReason)
		}
		return x
	})
	return &q
}

func completeExplanations(list []Explanation) []Explanation {
	return each(list, func(e Explanation) Explanation {
		return Explanation{
			Verdict: completeVerdict(e.Verdict),
			Findings: each(e.Findings, func(f autodefend.Finding) autodefend.Finding {
				f.Reason = completeReason(f.Reason)
				return f
			}),
		}
	})
}

func completeVerdict(v autodefend.Verdict) autodefend.Verdict {
	v.Name, v.Account, v.Region, v.Runtime = valid(v.Name), valid(v.Account), valid(v.Region), valid(v.Runtime)
	v.Decision = autodefend.Decision(valid(string(v.Decision)))
	v.Reasons = each(v.Reasons, completeReason)
	v.Warnings = each(v.Warnings, completeReason)
	if v.Change != nil {
		v.Change = completeChange(*v.Change)
	}
	return v
}

func completeChange(c autodefend.Change) *autodefend.Change {
	if l := c.Layers; l != nil {
		c.Layers = &autodefend.LayersChange{Before: each(l.Before, valid), After: each(l.After, valid)}
	}
	if h := c.Handler; h != nil {
		c.Handler = &autodefend.HandlerChange{Before: valid(h.Before), After: valid(h.After)}
	}
	if c.Environment != nil {
		c.Environment = each(c.Environment, func(x autodefend.VariableChange) autodefend.VariableChange {
			x.Name, x.Value, x.From = valid(x.Name), valid(x.Value), valid(x.From)
			return x
		})
	}
	if t := c.Tag; t != nil {
		c.Tag = &autodefend.TagChange{Tag: autodefend.Tag{Key: valid(t.Key), Value: valid(t.Value)}, Remove: t.Remove}
	}
	return &c
}

func completeReason(r autodefend.Reason) autodefend.Reason {
	r.Check = autodefend.Check(valid(string(r.Check)))
	r.Message, r.Hint = valid(r.Message), valid(r.Hint)
	if r.Evidence != nil {
		e := *r.Evidence
		e.Seen, e.Limit, e.Unit = validValue(e.Seen), validValue(e.Limit), valid(e.Unit)
		r.Evidence = &e
	}
	return r
}

func completeError(e autodefend.ScopeError) autodefend.ScopeError {
	e.Account, e.Region, e.Message, e.Hint = valid(e.Account), valid(e.Region), valid(e.Message), valid(e.Hint)
	return e
}

func validValue(v any) any {
	if s, ok := v.(string); ok {
		return valid(s)
	}
	return v
}

// valid replaces what isn't UTF-8, such as a character that was cut in two.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// each returns a new list, never nil.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, 0, len(list))
	for x := range slices.Values(list) {
		out = append(out, f(x))
	}
	return out
}
