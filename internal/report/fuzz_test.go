package report

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

// fuzzPlan puts foreign text wherever a plan can hold some.
func fuzzPlan(name, message, other string) *autodefend.Plan {
	reason := autodefend.Reason{
		Check: autodefend.Check(other), Message: message, Hint: name, Evidence: &autodefend.Evidence{Seen: message, Limit: other, Unit: name},
	}
	p := samplePlan()
	p.Functions = p.Functions[4:6] // an image and a repair
	for i := range p.Functions {
		v := &p.Functions[i]
		v.Name, v.Runtime = name, other
		v.Reasons, v.Warnings = append(v.Reasons, reason), append(v.Warnings, reason)
		if c := v.Change; c != nil {
			c.Layers = &autodefend.LayersChange{Before: []string{message}, After: []string{other, name}}
			c.Handler = &autodefend.HandlerChange{Before: name, After: message}
			c.Tag = &autodefend.TagChange{Tag: autodefend.Tag{Key: name, Value: other}}
		}
	}
	p.Errors = append(p.Errors, autodefend.ScopeError{Account: other, Region: name, Code: autodefend.CodeInternal, Message: message, Hint: other})
	p.Finish()
	return p
}

func FuzzPlan(f *testing.F) {
	f.Add("orders", "a message", "python3.13", uint8(80))
	f.Add(`<script>alert("x")</script>`, "=1+1", "```\n# x", uint8(0))
	f.Add("\x1b[31m", "\u202e|\\|", "\xff\xfe", uint8(1))
	f.Add("生命", "'+-@\t\r\n", "\u009b\x00", uint8(45))
	f.Fuzz(func(t *testing.T, name, message, other string, width uint8) {
		p := fuzzPlan(name, message, other)
		r := planOf(p)
		out := map[Format]string{}
		for _, f := range Formats() {
			out[f] = must(t, r, f, Style{Width: int(width), Color: width%2 == 0})
			must(t, statusOf(StatusOf(p)), f, Style{Width: int(width)})
			must(t, explainOf([]Explanation{{Verdict: p.Functions[0], Findings: []autodefend.Finding{{Status: "fail", Reason: p.Functions[0].Reasons[0]}}}}), f,
				Style{Width: int(width)})
		}
		inert(t, out[FormatHTML])
		if strings.Contains(strings.ToLower(out[FormatHTML]), "<script") {
			t.Error("the page has a script")
		}
		records, err := csv.NewReader(strings.NewReader(out[FormatCSV])).ReadAll()
		if err != nil || len(records) != 1+len(p.Errors)+len(p.Functions) || len(records[0]) != 10 {
			t.Errorf("CSV: %d records, %v", len(records), err)
		}
		validSARIF(t, out[FormatSARIF])
		var back autodefend.Plan
		if err := json.Unmarshal([]byte(out[FormatJSON]), &back); err != nil {
			t.Fatal(err)
		}
		if err := back.Verify(back.Created, time.Hour, back.RecipeDigest); err != nil {
			t.Errorf("the plan read back: %v", err)
		}
	})
}
