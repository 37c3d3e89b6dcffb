package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestWildcard(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "anything", true},
		{"orders", "orders", true},
		{"orders", "Orders", true},
		{"ORDERS", "orders", true},
		{"orders", "orders-api", false},
		{"orders*", "orders-api", true},
		{"orders*", "orders", true},
		{"orders*", "my-orders", false},
		{"*orders", "my-orders", true},
		{"*orders", "orders-api", false},
		{"*orders*", "my-orders-api", true},
		{"*orders*", "order", false},
		{"Ord*", "orders", true},
		{"or*s", "orders", false},
		{"or*s", "or*s", true},
		{"", "", true},
		{"", "x", false},
		{"**", "x", true},
	}
	for _, tt := range tests {
		if got := wildcard(tt.pattern, tt.s); got != tt.want {
			t.Errorf("wildcard(%q, %q) = %t", tt.pattern, tt.s, got)
		}
	}
}

func TestCollectionMatch(t *testing.T) {
	tests := []struct {
		name       string
		collection string
		target     Target
		want       bool
		why        string
	}{
		{"all", `{"name": "All"}`, Target{Function: "f"}, true, ""},
		{"a star", `{"name": "c", "functions": ["*"]}`, Target{Function: "f"}, true, ""},
		{"by name", `{"name": "c", "functions": ["f", "g"]}`, Target{Function: "G"}, true, ""},
		{"not by name", `{"name": "c", "functions": ["f", "g"]}`, Target{Function: "h"}, false, "functions has no match in [f, g]"},
		{"excluded", `{"name": "c", "functions": ["pay-*", "-pay-test*"]}`, Target{Function: "pay-test-1"}, false, "functions excludes it with -pay-test*"},
		{"exclusion comes first", `{"name": "c", "functions": ["-pay-test*", "*"]}`, Target{Function: "PAY-TEST-1"}, false, "excludes"},
		{"not excluded", `{"name": "c", "functions": ["pay-*", "-pay-test*"]}`, Target{Function: "pay-live"}, true, ""},
		{"only exclusions", `{"name": "c", "functions": ["-pay-test*"]}`, Target{Function: "other"}, false, "no match"},
		{"a hyphen alone", `{"name": "c", "functions": ["-"]}`, Target{Function: "-"}, false, "no match"},

		{"region", `{"name": "c", "labels": ["region:eu-west-1"]}`, Target{Function: "f", Region: "eu-west-1"}, true, ""},
		{"region, other case", `{"name": "c", "labels": ["Region:EU-West-1"]}`, Target{Function: "f", Region: "eu-west-1"}, true, ""},
		{"other region", `{"name": "c", "labels": ["region:eu-west-1"]}`, Target{Function: "f", Region: "us-east-1"}, false, "labels has no match"},
		{"region by wildcard", `{"name": "c", "labels": ["region:eu-*"]}`, Target{Function: "f", Region: "eu-west-1"}, true, ""},
		{"unknown region, wildcard", `{"name": "c", "labels": ["region:eu-*"]}`, Target{Function: "f"}, true, ""},
		{"unknown region, none", `{"name": "c", "labels": ["region:eu-west-1"]}`, Target{Function: "f"}, false, "labels"},
		{"unknown region, excluded", `{"name": "c", "labels": ["*", "-region:eu-*"]}`, Target{Function: "f"}, true, ""},
		{"region excluded", `{"name": "c", "labels": ["*", "-region:eu-*"]}`, Target{Function: "f", Region: "eu-west-1"}, false, "excludes it with -region:eu-*"},
		{"tag", `{"name": "c", "labels": ["team:payments"]}`, Target{Function: "f", Labels: map[string]string{"Team": "Payments"}}, true, ""},
		{"tag by wildcard", `{"name": "c", "labels": ["team:*"]}`, Target{Function: "f", Labels: map[string]string{"team": "x"}}, true, ""},
		{"other tag", `{"name": "c", "labels": ["team:payments"]}`, Target{Function: "f", Labels: map[string]string{"team": "orders"}}, false, "labels"},
		{"tag or region", `{"name": "c", "labels": ["region:us-east-1", "team:payments"]}`, Target{Function: "f", Region: "eu-west-1", Labels: map[string]string{"team": "payments"}}, true, ""},
		{"a star for labels", `{"name": "c", "labels": ["*"]}`, Target{Function: "f"}, true, ""},

		{"fields are ANDed", `{"name": "c", "functions": ["f"], "labels": ["region:eu-*"]}`, Target{Function: "f", Region: "us-east-1"}, false, "labels"},
		{"account on AWS", `{"name": "c", "functions": ["*"], "accountIDs": ["111"]}`, Target{Function: "f", AccountID: "222", Provider: "aws"}, true, ""},
		{"account on Azure", `{"name": "c", "functions": ["*"], "accountIDs": ["111"]}`, Target{Function: "f", AccountID: "222", Provider: "azure"}, false, "accountIDs"},
		{"own account on Azure", `{"name": "c", "functions": ["*"], "accountIDs": ["111"]}`, Target{Function: "f", AccountID: "111", Provider: "Azure"}, true, ""},
		{"a host's collection", `{"name": "c", "functions": ["*"], "hosts": ["web*"]}`, Target{Function: "f"}, false, "limits hosts"},
		{"stars everywhere", `{"name": "c", "functions": ["*"], "hosts": ["*"], "images": [], "clusters": [""]}`, Target{Function: "f"}, true, ""},
		{"only a name", `{"name": "c"}`, Target{Function: "f"}, false, "has only a name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all, err := ParseCollections([]byte("[" + tt.collection + "]"))
			if err != nil {
				t.Fatal(err)
			}
			got, why := all[0].match(tt.target)
			if got != tt.want || !strings.Contains(why, tt.why) || got != (why == "") {
				t.Errorf("match = %t, %q; want %t, %q", got, why, tt.want, tt.why)
			}
		})
	}
}

const ordered = `[
	{"name": "off", "disabled": true, "collections": [{"name": "All"}]},
	{"name": "payments", "collections": [{"name": "p1", "functions": ["pay-*"]}, {"name": "p2", "functions": ["billing"]}]},
	{"name": "named", "collections": [{"name": "console's own"}]},
	{"name": "eu", "collections": [{"name": "eu", "labels": ["region:eu-*"]}]},
	{"name": "all"},
	{"name": "never"}
]`

func TestResolve(t *testing.T) {
	p, err := Parse([]byte(ordered))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		target Target
		rule   string
		looks  []string
	}{
		{"first that matches", Target{Function: "pay-1", Region: "eu-west-1"}, "payments", []string{"off", "payments"}},
		{"by its second collection", Target{Function: "billing"}, "payments", []string{"off", "payments"}},
		{"further down", Target{Function: "x", Region: "eu-west-1"}, "eu", []string{"off", "payments", "named", "eu"}},
		{"no collections", Target{Function: "x", Region: "us-east-1"}, "all", []string{"off", "payments", "named", "eu", "all"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := p.Resolve(tt.target)
			if res.Rule == nil || res.Rule.Name != tt.rule || &p.Rules[res.Index] != res.Rule {
				t.Fatalf("resolved to %+v", res)
			}
			var looks []string
			for i, l := range res.Looks {
				looks = append(looks, l.Rule)
				if l.Why == "" || l.Matched != (i == len(res.Looks)-1) || l.Index != i {
					t.Errorf("look %+v", l)
				}
			}
			if !slices.Equal(looks, tt.looks) {
				t.Errorf("looked at %v, want %v", looks, tt.looks)
			}
			if wantUndefined := len(tt.looks) > 2; wantUndefined != slices.Contains(res.Undefined, "console's own") {
				t.Errorf("undefined %v", res.Undefined)
			}
		})
	}
}

func TestResolveNothing(t *testing.T) {
	for _, text := range []string{`[]`, `[{"name": "a", "disabled": true}]`, `[{"name": "a", "collections": [{"name": "c", "functions": ["g"]}]}]`} {
		p, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if res := p.Resolve(Target{Function: "f"}); res.Rule != nil || res.Index != -1 || len(res.Looks) != len(p.Rules) {
			t.Errorf("%s resolved to %+v", text, res)
		}
	}
}
