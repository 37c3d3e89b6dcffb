package journal

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func TestDiff(t *testing.T) {
	tests := []struct {
		name, before, after, want string
	}{
		{"nothing", "", "", ""},
		{"same whatever the order and the blanks", `{"a":1,"b":[1,2]}`, `{ "b": [1, 2], "a": 1 }`, ""},
		{"created", "", `{"name":"a"}`, `+ (all): {"name":"a"}`},
		{"deleted", `{"name":"a"}`, "", `- (all): {"name":"a"}`},
		{"members", `{"a":1,"b":{"c":"x"},"gone":true}`, `{"a":2,"b":{"c":"y"},"new":null}`, "~ a: 1 -> 2\n~ b.c: \"x\" -> \"y\"\n- gone: true\n+ new: null"},
		{"another type", `{"a":1}`, `{"a":[1]}`, "~ a: 1 -> [1]"},
		{"large numbers", `{"a":12345678901234567890}`, `{"a":12345678901234567891}`, "~ a: 12345678901234567890 -> 12345678901234567891"},
		{
			"named elements", `{"rules":[{"name":"a","x":1},{"name":"b"}]}`, `{"rules":[{"name":"new"},{"name":"a","x":2},{"name":"b"}]}`,
			"~ rules[\"a\"].x: 1 -> 2\n+ rules[\"new\"]: {\"name\":\"new\"}",
		},
		{"order", `[{"name":"a"},{"name":"b"}]`, `[{"name":"b"},{"name":"a"}]`, "~ (all): the order changed"},
		{"places", `["a","b"]`, `["a","c","d"]`, "~ [1]: \"b\" -> \"c\"\n+ [2]: \"d\""},
		{
			"secrets", `{"password":"old","secret":{"plain":"p","encrypted":"e"}}`, `{"password":"new","secret":{"plain":"q"},"apiToken":"t"}`,
			"+ apiToken: [redacted]\n~ password: [redacted]\n~ secret: [redacted]",
		},
		{"secrets within what is new", "", `{"list":[{"userPassword":"p","on":true}]}`, `+ (all): {"list":[{"on":true,"userPassword":"[redacted]"}]}`},
		{"no secret yet", "", `{"secret":{"plain":""},"token":""}`, `+ (all): {"secret":"[redacted]","token":""}`},
		{"not JSON", `password=x`, `password=y`, "~ (all): (not JSON) -> (not JSON)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Diff([]byte(tt.before), []byte(tt.after))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDiffIsBounded(t *testing.T) {
	var many []string
	for range 10_000 {
		many = append(many, strings.Repeat("ü", 500))
	}
	raw, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	got := Diff([]byte("[]"), raw)
	if len(got) > maxDiff || !strings.HasSuffix(got, " more") {
		t.Errorf("%d bytes, ending %q", len(got), got[max(0, len(got)-40):])
	}
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	if got := Diff([]byte(deep), []byte(strings.Replace(deep, "1", "2", 1))); len(got) > 2*maxValue+1000 {
		t.Errorf("deep: %d bytes", len(got))
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":{"accessToken":"t"}}`: `{"a":{"accessToken":"[redacted]"}}`,
		`nonsense`:                  "",
		``:                          "",
	} {
		if got := Redact([]byte(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestAudit(t *testing.T) {
	now := time.Date(2026, 11, 22, 13, 0, 0, 123456789, time.FixedZone("", 3600))
	c := &route.Call{API: "PUT /x", SourceIP: "192.0.2.1", Principal: route.Principal{Username: "ann"}}
	got := Audit(c, api.MgmtRule, now, nil, []byte(`{"a":1}`))
	want := &api.MgmtAudit{
		API: "PUT /x", SourceIP: "192.0.2.1", Username: "ann", Type: api.MgmtRule,
		Time: time.Date(2026, 11, 22, 12, 0, 0, 123000000, time.UTC), Diff: `+ (all): {"a":1}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := Audit(nil, api.MgmtSettings, now, nil, nil); got.Username != "console" {
		t.Errorf("nobody's change is %q's", got.Username)
	}
}

func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":1,"password":"hunter2"}`), []byte(`{"a":[{"name":"x"}],"password":"hunter3"}`))
	f.Add([]byte(``), []byte(`[`))
	f.Add([]byte(`[{"_id":1}]`), []byte(`[{"_id":1},{"_id":1}]`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if got := Diff(a, b); len(got) > maxDiff {
			t.Fatalf("%d bytes", len(got))
		}
		if got := Diff(a, a); got != "" {
			t.Fatalf("the same differs: %s", got)
		}
	})
}
