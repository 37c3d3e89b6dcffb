package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// compileText compiles rules as if they stood in a file of the Core Rule Set.
func compileText(text string) (*table, error) {
	c := &compiler{
		data:  fstest.MapFS{"words.data": {Data: []byte("# a comment\n\nPasswd\n/etc/passwd\n  shadow  \n")}},
		setup: map[string]string{"setting": "0", "allowed": "|a| |b|"},
		seen:  map[int]place{},
		left:  map[int]string{9: "a reason"},
	}
	parsed, err := parse("test.conf", text)
	if err != nil {
		return nil, err
	}
	if err := c.family(parsed, rules.SQLi); err != nil {
		return nil, err
	}
	return newTable(c.drafts)
}

// actions are what every rule must say.
const actions = `id:1,phase:2,block,msg:'found',severity:'CRITICAL',tag:'paranoia-level/1'`

// describe writes a rule's conditions in a line each.
func describe(t *table, rule *rules.Rule) []string {
	var out []string
	for i := range rule.Conditions {
		c := &rule.Conditions[i]
		var targets []string
		for _, target := range c.Targets {
			targets = append(targets, target.String())
		}
		line := fmt.Sprintf("%s [%s] %s %q", strings.Join(targets, "|"), t.path(c.Chain), c.Operator, c.Text())
		if c.Negated {
			line += " negated"
		}
		if c.MultiMatch {
			line += " multiMatch"
		}
		if c.Macro {
			line += " macro"
		}
		if c.Captures > 0 {
			line += fmt.Sprintf(" captures %d", c.Captures)
		}
		for _, n := range c.Needs {
			if c.Operator == rules.Rx { // which literals is package compile's choice
				line += " filtered"
				break
			}
			line += fmt.Sprintf(" needs %q", t.groups[n])
		}
		if c.Program != rules.NoProgram && c.Operator != rules.Rx {
			line += " program"
		}
		out = append(out, line)
	}
	return out
}

func TestWhatIsUnderstood(t *testing.T) {
	for name, test := range map[string]struct {
		rules string
		want  []string
	}{
		"variables": {
			`SecRule REQUEST_COOKIES|REQUEST_COOKIES_NAMES|ARGS_NAMES|ARGS|XML:/*|XML://@* "@rx evil" "` + actions + `"`,
			[]string{`REQUEST_COOKIES|REQUEST_COOKIES_NAMES|ARGS_NAMES|ARGS|XML:/*|XML://@* [none] rx "evil" filtered`},
		},
		"selectors, exclusions, patterns": {
			`SecRule ARGS:_Method|REQUEST_HEADERS|!REQUEST_HEADERS:Cookie|REQUEST_COOKIES:/\x22?\x24V\/|/|!REQUEST_COOKIES:/_pk/ "@streq X" "` + actions + `"`,
			[]string{`ARGS:_method|REQUEST_HEADERS|!REQUEST_HEADERS:cookie|REQUEST_COOKIES:/\x22?\x24V\/|/|!REQUEST_COOKIES:/_pk/ [none] streq "X" needs ["x"]`},
		},
		"a count": {
			`SecRule &REQUEST_HEADERS:Referer "@eq 0" "` + actions + `"`,
			[]string{`&REQUEST_HEADERS:referer [none] eq "0"`},
		},
		"transformations": {
			`SecRule ARGS "@rx evil" "` + actions + `,t:lowercase,t:none,t:urlDecodeUni,t:utf8toUnicode"`,
			[]string{`ARGS [urlDecodeUni utf8toUnicode] rx "evil" filtered`},
		},
		"multiMatch": {
			`SecRule ARGS "@rx evil" "` + actions + `,t:jsDecode,multiMatch"`,
			[]string{`ARGS [jsDecode] rx "evil" multiMatch filtered`},
		},
		"continued lines, comments, escaped quotes": {
			"# a comment\nSecRule ARGS \\\n  \"@rx \\\"evil\\\"\" \\\n  # another\n \"" + actions + "\"",
			[]string{`ARGS [none] rx "\"evil\"" filtered`},
		},
		"negated": {
			`SecRule REQUEST_METHOD "!@within GET POST" "` + actions + `"`,
			[]string{`REQUEST_METHOD [none] within "GET POST" negated`},
		},
		"a list of words": {
			`SecRule ARGS "@pm Evil evils wicked" "` + actions + `"`,
			[]string{`ARGS [none] pm "Evil evils wicked" needs ["evil" "wicked"]`},
		},
		"a list of words in a file": {
			`SecRule ARGS "@pmFromFile words.data" "` + actions + `"`,
			[]string{`ARGS [none] pmFromFile "words.data" needs ["passwd" "shadow"]`},
		},
		"libinjection": {
			`SecRule ARGS "@detectSQLi" "` + actions + `"`,
			[]string{`ARGS [none] detectSQLi ""`},
		},
		"a range of bytes": {
			`SecRule ARGS "@validateByteRange 1-9, 12,14-255" "` + actions + `"`,
			[]string{`ARGS [none] validateByteRange "1-9,12,14-255" needs ["\x00" "\n" "\v" "\r"]`},
		},
		"a chain": {
			`SecRule ARGS "@rx evil" "` + actions + `,chain"
			 SecRule MATCHED_VARS "@pm ( )" "t:none,chain"
			 SecRule MATCHED_VAR "!@beginsWith #" "t:lowercase"`,
			[]string{
				`ARGS [none] rx "evil" filtered`,
				`MATCHED_VARS [none] pm "( )" program`,
				`MATCHED_VAR [lowercase] beginsWith "#" negated`,
			},
		},
		"captured groups": {
			`SecRule ARGS "@rx evil(.)(.)" "` + actions + `,capture,chain"
			 SecRule TX:1 "@streq %{TX.2}"`,
			[]string{
				`ARGS [none] rx "evil(.)(.)" captures 3 filtered`,
				`TX:1 [none] streq "%{tx.2}" macro`,
			},
		},
		"the nearest condition captures": {
			`SecRule ARGS "@rx ^evil" "` + actions + `,capture,chain"
			 SecRule TX:0 "@rx (a)" "capture,chain"
			 SecRule TX:1 "@rx a"`,
			[]string{
				`ARGS [none] rx "^evil" captures 1 filtered`,
				`TX:0 [none] rx "(a)" captures 2`,
				`TX:1 [none] rx "a"`,
			},
		},
		"a noted text": {
			`SecRule REQUEST_HEADERS:Content-Type "@rx ^evil/(.*)" "` + actions + `,capture,setvar:'tx.kind=|%{tx.1}|',chain"
			 SecRule TX:KIND "!@within %{tx.allowed}" "t:lowercase"`,
			[]string{
				`REQUEST_HEADERS:content-type [none] rx "^evil/(.*)" captures 2 filtered`,
				`MACRO:|%{tx.1}| [lowercase] within "|a| |b|" negated`,
			},
		},
		"texts noted under many names": {
			`SecRule ARGS "@rx ^evil://(.*)" "` + actions + `,capture,setvar:'tx.link_%{MATCHED_VAR_NAME}=.%{tx.1}',chain"
			 SecRule TX:/link_.*/ "!@endsWith .%{request_headers.host}"`,
			[]string{
				`ARGS [none] rx "^evil://(.*)" captures 2 filtered`,
				`MACRO:.%{tx.1} [none] endsWith ".%{request_headers.host}" negated macro`,
			},
		},
		"texts noted by a rule before": {
			`SecRule MULTIPART_PART_HEADERS "@rx ^type:(.*)$" "id:2,phase:2,pass,nolog,capture,setvar:'tx.type_%{tx.n}=%{tx.1}',setvar:'tx.n=+1'"
			 SecRule TX:/TYPE_*/ "!@rx ^good$" "` + actions + `"`,
			[]string{
				`MULTIPART_PART_HEADERS [none] rx "^type:(.*)$" captures 2 filtered`,
				`MACRO:%{tx.1} [none] rx "^good$" negated`,
			},
		},
		"a rule that another one skips": {
			`SecRule REQBODY_PROCESSOR "@streq JSON" "id:2,phase:2,pass,nolog,skip:1"
			 SecRule ARGS "@rx evil" "` + actions + `"`,
			[]string{
				`ARGS [none] rx "evil" filtered`,
				`REQBODY_PROCESSOR [none] streq "JSON" negated`,
			},
		},
		"a setting that lets the rule work": {
			`SecRule TX:setting "@eq 0" "` + actions + `,chain"
			 SecRule ARGS "@rx evil"`,
			[]string{`ARGS [none] rx "evil" filtered`},
		},
		"a rule that is left out": {
			`SecRule ARGS "@rx good" "id:9,phase:2,block,ctl:everything=Off,skipAfter:END"
			 SecRule ARGS "@rx evil" "` + actions + `"`,
			[]string{`ARGS [none] rx "evil" filtered`},
		},
		"a paranoia level beyond": {
			`SecRule ARGS "@rx evil" "` + actions + `"
			 SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 3" "id:8,phase:1,pass,nolog,skipAfter:END"
			 SecRule ARGS "@rx good" "id:3,phase:2,block,tag:'paranoia-level/3'"
			 SecMarker "END"`,
			[]string{`ARGS [none] rx "evil" filtered`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compileText(test.rules)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.rules) != 1 {
				t.Fatalf("%d rules, want 1", len(got.rules))
			}
			if diff := cmp.Diff(test.want, describe(got, &got.rules[0])); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotUnderstood(t *testing.T) {
	rule := func(variables, operator, more string) string {
		return `SecRule ` + variables + ` "` + operator + `" "` + actions + more + `"`
	}
	chain := func(first, second string) string {
		return rule("ARGS", "@rx evil", first+",chain") + "\n" + second
	}
	for name, test := range map[string]struct{ rules, want string }{
		"a directive":             {`SecAction "id:1,pass"`, "test.conf:1: directive secaction isn't understood"},
		"a variable":              {rule("ENV", "@rx a", ""), "test.conf:1: rule 1: variable ENV isn't understood"},
		"an XML path":             {rule("XML:/a/b", "@rx a", ""), "variable XML:/a/b isn't understood"},
		"an open selector":        {rule("ARGS:/a", "@rx a", ""), "the selector of ARGS isn't understood"},
		"a selector that is none": {rule("ARGS:/(/", "@rx a", ""), "missing closing )"},
		"an operator":             {rule("ARGS", "@ipMatch 1.2.3.4", ""), "operator @ipMatch isn't understood"},
		"an operator's name":      {rule("ARGS", "evil", ""), `the operator "evil" has no name`},
		"an expression":           {rule("ARGS", "@rx (", ""), "missing closing )"},
		"a transformation":        {rule("ARGS", "@rx a", ",t:sha1"), "transformation sha1 isn't understood"},
		"an action":               {rule("ARGS", "@rx a", ",exec:x"), "action exec isn't understood"},
		"a ctl":                   {rule("ARGS", "@rx a", ",ctl:ruleEngine=Off"), "ctl:ruleEngine=Off isn't understood"},
		"a skipAfter":             {rule("ARGS", "@rx a", ",skipAfter:END"), "skipAfter:END isn't understood"},
		"a skip that blocks":      {rule("ARGS", "@rx a", ",skip:1"), "skip isn't understood"},
		"a setvar":                {rule("ARGS", "@rx a", ",setvar:'ip.x=1'"), `setvar "ip.x=1" isn't understood`},
		"a macro":                 {rule("ARGS", "@streq %{remote_addr}", ""), "the macro %{remote_addr} isn't understood"},
		"a macro without end":     {rule("ARGS", "@streq %{tx.1", ""), "has no end"},
		"a setting":               {rule("ARGS", "@within %{tx.other}", ""), "the macro %{tx.other} isn't in the table of settings"},
		"a setting's test":        {rule("&TX:setting", "@eq 1", ""), "a test of the setting tx.setting isn't understood"},
		"a rule that never fires": {rule("TX:setting", "@eq 1", ",chain") + "\n" + `SecRule ARGS "@rx a"`, `the rule never fires: the setting tx.setting is "0"`},
		"a rule of settings only": {rule("TX:setting", "@eq 0", ""), "all of the rule's conditions are constant"},
		"a group nobody captured": {chain("", `SecRule TX:1 "@rx a"`), "test.conf:2: rule 1: no condition before captures group 1"},
		"a group of @pm": {
			rule("ARGS", "@pm a b", ",capture,chain") + "\n" + `SecRule TX:0 "@rx a"`,
			"group 0 of an operator other than @rx isn't understood",
		},
		"a text nobody noted": {chain("", `SecRule TX:kind "@rx a"`), "no condition before assigns to tx.kind"},
		"a text no rule noted": {
			rule("TX:/kind/", "@rx a", ""), "no rule assigns to tx.kind",
		},
		"a text made of older groups": {
			chain(",capture,setvar:'tx.kind=%{tx.1}'", `SecRule ARGS "@rx a" "capture,chain"`+"\n"+`SecRule TX:kind "@rx a"`),
			"another condition has captured since",
		},
		"MATCHED_VAR without a match":  {rule("MATCHED_VAR", "@rx a", ""), "MATCHED_VAR stands in a rule that no condition comes before"},
		"a pass rule without use":      {`SecRule ARGS "@rx a" "id:1,phase:2,pass"`, "what this rule, which lets everything pass, is for"},
		"a noting rule nobody reads":   {`SecRule ARGS "@rx a" "id:1,phase:2,pass,capture,setvar:'tx.a=1'"`, "no rule reads what this one notes"},
		"a list that is not there":     {rule("ARGS", "@pmFromFile none.data", ""), "read the list of words"},
		"a range":                      {rule("ARGS", "@validateByteRange 9-300", ""), `"9-300" is no range of bytes`},
		"a number":                     {rule("ARGS", "@gt many", ""), `"many" is no number`},
		"an argument too many":         {rule("ARGS", "@detectXSS hard", ""), "@detectXSS takes no argument"},
		"an argument too few":          {rule("ARGS", "@contains", ""), "@contains has no argument"},
		"an id twice":                  {rule("ARGS", "@rx a", "") + "\n" + rule("ARGS", "@rx b", ""), "test.conf:2: rule 1: the id is that of a rule at test.conf:1"},
		"no id":                        {`SecRule ARGS "@rx a" "phase:2,block"`, "the rule has no id"},
		"no severity":                  {`SecRule ARGS "@rx a" "id:1,msg:'a',tag:'paranoia-level/1'"`, `severity "" isn't understood`},
		"no message":                   {`SecRule ARGS "@rx a" "id:1,severity:'ERROR',tag:'paranoia-level/1'"`, "isn't a text that can be shown"},
		"no level":                     {`SecRule ARGS "@rx a" "id:1,msg:'a',severity:'ERROR'"`, "no tag names the rule's paranoia level"},
		"an open chain":                {rule("ARGS", "@rx a", ",chain"), "the file ends in the middle of the chain"},
		"something else in a chain":    {chain("", `SecMarker "END"`), "secmarker in the middle of the chain of rule 1"},
		"an open line":                 {rule("ARGS", "@rx a", "") + "\nSecRule ARGS \\", "test.conf:2: the file ends in the middle of a directive"},
		"an operator without quotes":   {`SecRule ARGS @rx`, "the operator isn't in double quotes"},
		"actions without a last quote": {`SecRule ARGS "@rx a" "id:1`, "the actions aren't in double quotes"},
		"a section of another form": {
			`SecRule TX:DETECTION_PARANOIA_LEVEL "@gt 1" "id:2,pass,skipAfter:END"`, "the head of a paranoia level's section has another form",
		},
		"a section without end": {
			`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 1" "id:2,pass,skipAfter:END"`, `no SecMarker "END" ends the sections`,
		},
		"a tag that contradicts its section": {
			`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "id:2,pass,skipAfter:END"` + "\n" + rule("ARGS", "@rx a", "") + "\nSecMarker \"END\"",
			"the rule is tagged for paranoia level 1 and stands in the section of level 2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compileText(test.rules)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if !strings.HasPrefix(err.Error(), "test.conf:") {
				t.Errorf("error %q doesn't name the place", err)
			}
		})
	}
}

func TestRulesThatMindPlainNames(t *testing.T) {
	c := &compiler{seen: map[int]place{}, minds: []int{1}}
	parsed, err := parse("test.conf", `SecRule ARGS|REQUEST_FILENAME|XML:/* "@rx evil" "`+actions+`,chain"
		SecRule MATCHED_VAR "@rx worse"`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.family(parsed, rules.XSS); err != nil {
		t.Fatal(err)
	}
	got, err := newTable(c.drafts)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{`ARGS|XML:/* [none] rx "evil" filtered`, `MATCHED_VAR [none] rx "worse"`},
		{
			`REQUEST_FILENAME [none] rx "evil" filtered`, `MATCHED_VAR [none] rx "worse"`,
			`REQUEST_FILENAME [none] validateByteRange "20,45-57,65-90,95,97-122"`,
		},
	}
	for i := range want {
		if diff := cmp.Diff(want[i], describe(got, &got.rules[i])); diff != "" {
			t.Errorf("rule %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestOwnRules(t *testing.T) {
	compileOwn := func(tags string) error {
		c := &compiler{seen: map[int]place{}}
		parsed, err := parse("own.conf", `SecRule ARGS "@rx a" "id:32001,msg:'a',severity:'ERROR'`+tags+`"`)
		if err != nil {
			return err
		}
		if err := c.own(parsed); err != nil {
			return err
		}
		if rule := &c.drafts[0].rule; !rule.Own() || rule.Class != rules.CMDi || rule.Level != rules.Strict {
			t.Errorf("own rule became %+v", rule)
		}
		return nil
	}
	if err := compileOwn(",tag:'autodefend/class/cmdi',tag:'paranoia-level/2'"); err != nil {
		t.Error(err)
	}
	for tags, want := range map[string]string{
		",tag:'paranoia-level/1'":                               "names the rule's class",
		",tag:'paranoia-level/1',tag:'autodefend/class/evil'":   `there is no class "evil"`,
		",tag:'autodefend/class/cmdi'":                          "no tag names the rule's paranoia level",
		",tag:'autodefend/class/cmdi',tag:'paranoia-level/9'":   `there is no paranoia level "9"`,
		",tag:'autodefend/class/cmdi',tag:'paranoia-level/two'": `there is no paranoia level "two"`,
	} {
		if err := compileOwn(tags); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tags %s: error %v, want one with %q", tags, err, want)
		}
	}
}
