package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

const realRule = `{"name":"r","credentialID":"aws","awsRegionType":"regular","consoleAddr":"console.example","runtimes":["python3.9"],
 "collections":[{"name":"All","functions":["*"],"color":"#3FA2F7"}],"lastModified":"0001-01-01T00:00:00Z",
 "proxy":{"httpProxy":"","ca":"","user":"","noProxy":"","password":{"encrypted":"","plain":""}},"future":{"a":[1,2.50]}}`

func anything() AutoDeployKnown {
	yes := func(string) bool { return true }
	return AutoDeployKnown{Credential: yes, Collection: yes, Runtime: yes, Recipe: yes}
}

func TestRulesKeepWhatTheyDontKnow(t *testing.T) {
	rules, err := ParseAutoDeploy([]byte("[" + realRule + "]"))
	if err != nil {
		t.Fatal(err)
	}
	r := rules[0]
	if r.Name != "r" || r.Collections[0] != "All" || r.Runtimes[0] != "python3.9" || r.ConsoleAddr != "console.example" || len(r.Proxy) == 0 {
		t.Fatalf("read %+v", r)
	}
	r.LastModified = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"lastModified":"2026-01-02T03:04:05.006Z"`, `"future":{"a":[1,2.50]}`, `"color":"#3FA2F7"`, `"password":{`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	if !r.Same(rules[0]) {
		t.Error("the time of the change makes a difference")
	}
	other := rules[0]
	other.given = map[string]json.RawMessage{"name": json.RawMessage(`"r"`)}
	if r.Same(other) {
		t.Error("unknown members make no difference")
	}
}

func TestARuleOfAProgramIsWritten(t *testing.T) {
	text, err := json.Marshal(AutoDeployRule{Name: "r", Collections: []string{"All"}, CredentialID: "aws", Own: AutoDeployOptions{Interval: "2h"}})
	if err != nil {
		t.Fatal(err)
	}
	var back AutoDeployRule
	if err := json.Unmarshal(text, &back); err != nil || back.Name != "r" || back.Collections[0] != "All" || back.Own.Every() != 2*time.Hour {
		t.Errorf("%s became %+v (%v)", text, back, err)
	}
}

func TestWithRecipeKeepsTheRest(t *testing.T) {
	rules, err := ParseAutoDeploy([]byte(`[{"name":"a","future":1,"autodefend":{"recipe":"x","interval":"1h","future":2}},{"name":"b","autodefend":null}]`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"autodefend":{"future":2,"interval":"1h","recipe":"y"},"future":1,"lastModified":"0001-01-01T00:00:00Z","name":"a"}`,
		`{"autodefend":{"recipe":"y"},"lastModified":"0001-01-01T00:00:00Z","name":"b"}`,
	} {
		changed, err := rules[i].WithRecipe("y")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(changed); err != nil || string(got) != want || changed.Own.Recipe != "y" || rules[i].Own.Recipe == "y" {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
}

func TestRegionTypesHoldPartitions(t *testing.T) {
	for kind, want := range map[RegionType]string{"": "aws", RegionRegular: "aws", RegionGov: "aws-us-gov", RegionChina: "aws-cn", RegionAll: "aws aws-us-gov aws-cn"} {
		var got []string
		for _, partition := range []string{"aws", "aws-us-gov", "aws-cn"} {
			if kind.Holds(partition) {
				got = append(got, partition)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q holds %v, want %s", kind, got, want)
		}
	}
}

func TestEvery(t *testing.T) {
	for text, want := range map[string]time.Duration{"": time.Hour, "30m": 30 * time.Minute, "nonsense": time.Hour, "-1h": time.Hour} {
		if got := (AutoDeployOptions{Interval: text}).Every(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestChangeLimit(t *testing.T) {
	for _, test := range []struct {
		limit       ChangeLimit
		total, want int
	}{
		{"", 7, 7}, {"3", 7, 3}, {"0", 7, 0}, {"50%", 7, 3}, {"1%", 7, 1}, {"0%", 7, 0}, {"100%", 7, 7}, {"101%", 7, 0}, {"-1", 7, 0}, {"x", 7, 0}, {"10%", 0, 0},
	} {
		if got := test.limit.Of(test.total); got != test.want {
			t.Errorf("%q of %d is %d, want %d", test.limit, test.total, got, test.want)
		}
	}
	var o AutoDeployOptions
	if err := json.Unmarshal([]byte(`{"maxChanges":25}`), &o); err != nil || o.MaxChanges != "25" {
		t.Errorf("a number became %q (%v)", o.MaxChanges, err)
	}
}

func TestDryRunKeepsTheRest(t *testing.T) {
	for _, more := range []string{"", `,"autodefend":null`, `,"autodefend":{}`, `,"autodefend":{"dryRun":false,"interval":"2h","new":1}`} {
		rules, err := ParseAutoDeploy([]byte(`[{"name":"r","credentialID":"a","collections":["All"]` + more + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		dry, err := rules[0].InDryRun(time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(dry)
		if err != nil || !strings.Contains(string(text), `"dryRun":true`) || strings.Contains(more, "new") && !strings.Contains(string(text), `"new":1`) {
			t.Errorf("%s became %s (%v)", more, text, err)
		}
		if rules[0].Own.DryRun || strings.Contains(string(rules[0].given["autodefend"]), "true") {
			t.Error("the rule it came from changed")
		}
	}
}

func FuzzParseAutoDeploy(f *testing.F) {
	f.Add("[" + realRule + "]")
	f.Add(realRule)
	f.Add(`[{"name":"a","autodefend":{"interval":"1h","maxChanges":"5%","excludes":["x"]},"region":"eu-west-1","runtimes":"x","collections":["All"]}]`)
	f.Add(`null`)
	f.Add(`[null]`)
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := ParseAutoDeploy([]byte(text))
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		_ = CheckAutoDeploy(rules, anything())
		out, err := json.Marshal(rules)
		if err != nil {
			t.Fatalf("%q can't be written: %v", text, err)
		}
		again, err := ParseAutoDeploy(out)
		if err != nil || len(again) != len(rules) {
			t.Fatalf("%s can't be read again: %v", out, err)
		}
		for i := range rules {
			if !rules[i].Same(again[i]) {
				t.Errorf("%s isn't %s", out, text)
			}
		}
	})
}
