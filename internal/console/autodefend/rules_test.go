package autodefend

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestRulesComeBackAsTheyWereWritten(t *testing.T) {
	b := newBench(t, nil)
	if got := b.must("GET", rulesPath, ""); fmt.Sprint(got.JSON) != "[]" {
		t.Fatalf("no rules are %v, want an empty list", got.JSON)
	}
	proxy := `"proxy":{"httpProxy":"","ca":"","user":"","noProxy":"","password":{"encrypted":"","plain":""}},"consoleAddr":"c.example","newMember":{"x":[1]}`
	answer := b.must("POST", rulesPath, "["+rule("a", "All", proxy)+"]")
	if answer.JSON != nil || answer.Raw != nil || answer.Status != 0 {
		t.Errorf("a write answers %+v, want 200 with nothing", answer)
	}
	for _, path := range []string{rulesPath, "/settings/serverless-auto-protect"} {
		got := get[[]map[string]any](b, path)
		if len(got) != 1 || got[0]["name"] != "a" || got[0]["newMember"] == nil || got[0]["proxy"] == nil || got[0]["lastModified"] == nil {
			t.Fatalf("%s: %v", path, got)
		}
		if c := got[0]["collections"].([]any)[0].(map[string]any); c["name"] != "All" {
			t.Errorf("collections became %v", c)
		}
	}
	if len(b.store.Mgmt()) != 1 || b.store.Mgmt()[0].Username != "ann" || b.store.Mgmt()[0].Type != api.MgmtRule {
		t.Errorf("audits: %+v", b.store.Mgmt())
	}
	first := b.must("GET", rulesPath, "").Raw
	b.must("POST", rulesPath, string(first))
	if again := b.must("GET", rulesPath, "").Raw; string(again) != string(first) {
		t.Errorf("writing what was read changes it:\n%s\n%s", first, again)
	}
}

func TestBadRules(t *testing.T) {
	replace := func(old, with string) string { return "[" + strings.Replace(rule("a", "All", ""), old, with, 1) + "]" }
	for name, test := range map[string]struct{ body, want string }{
		"nothing":         {"", "rules: "},
		"text":            {"hello", "rules: the body isn't JSON"},
		"a string":        {`"x"`, "rules: want an array of rules, have a string"},
		"a number inside": {"[1]", "rules[0]: want an object"},
		"no name":         {replace(`"a"`, `""`), "rules[0].name"},
		"twice":           {"[" + rule("a", "All", "") + "," + rule("a", "All", "") + "]", "rules[1].name"},
		"credential":      {replace(`"aws"`, `"nobody"`), `rules[0].credentialID: there is no credential "nobody"`},
		"no credential":   {replace(`"aws"`, `""`), "rules[0].credentialID"},
		"collection":      {replace("All", "nothing"), `rules[0].collections[0]: there is no collection "nothing"`},
		"no collections":  {replace(`[{"name":"All"}]`, "[]"), "rules[0].collections"},
		"runtime":         {replace("nodejs22.x", "cobol"), `rules[0].runtimes[1]: there is no runtime "cobol"`},
		"region type":     {replace("regular", "moon"), "rules[0].awsRegionType"},
		"region":          {replace(`"regular"`, `"regular","region":"moon"`), "rules[0].region"},
		"wrong type":      {replace(`"regular"`, `7`), "rules[0].awsRegionType: want a string, have number"},
		"interval":        {"[" + rule("a", "All", `"autodefend":{"interval":"1s"}`) + "]", "rules[0].autodefend.interval"},
		"max changes":     {"[" + rule("a", "All", `"autodefend":{"maxChanges":"many"}`) + "]", "rules[0].autodefend.maxChanges"},
		"recipe":          {"[" + rule("a", "All", `"autodefend":{"recipe":"soup"}`) + "]", "rules[0].autodefend.recipe"},
		"exclude":         {"[" + rule("a", "All", `"autodefend":{"excludes":["["]}`) + "]", "rules[0].autodefend.excludes[0]"},
		"regions":         {"[" + rule("a", "All", `"autodefend":{"regions":["here"]}`) + "]", "rules[0].autodefend.regions[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			for _, path := range []string{rulesPath, rulesPath + "/preview"} {
				_, err := b.call("POST", path, test.body)
				if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want invalid with %q", err, test.want)
				}
			}
			if len(b.store.Stored(api.KindAutoDeploy))+len(b.store.Mgmt()) > 0 {
				t.Error("something was written")
			}
		})
	}
}

func TestOldShapesAreTaken(t *testing.T) {
	for name, body := range map[string]string{
		"names of collections": `[{"name":"a","credentialID":"aws","collections":["All"],"runtimes":["python3.8"]}]`,
		"region":               `[{"name":"a","credentialID":"aws","collections":["All"],"region":"eu-west-1","runtimes":"dotnetcore2.1"}]`,
		"a single object":      `{"name":"a","credentialID":"aws","collections":["All"],"runtimes":null}`,
		"retired runtimes":     `[{"name":"a","credentialID":"aws","collections":["All"],"runtimes":["python2.7","nodejs12","ruby2.7","nodejs","java"]}]`,
		"null":                 `null`,
		"empty":                `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.must("POST", rulesPath, body)
			get[[]api.AutoDeployRule](b, rulesPath)
		})
	}
}

func TestConcurrentWritesOfRulesConflict(t *testing.T) {
	b := newBench(t, nil)
	b.rules(rule("a", "All", ""))
	r, err := b.replace(t.Context(), []byte("["+rule("b", "All", "")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	b.rules(rule("c", "All", ""))
	body, err := json.Marshal(r.rules)
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.Write(t.Context(), []api.DocumentChange{{Kind: api.KindAutoDeploy, Version: r.was.version, Body: body}}, nil)
	if autodefend.ErrorCode(err) != autodefend.CodeConflict {
		t.Errorf("the second of two writes from one version: %v, want a conflict", err)
	}
}
