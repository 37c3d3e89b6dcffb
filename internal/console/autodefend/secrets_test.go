package autodefend

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// mirror "encrypts" by turning bytes around behind the aad.
type mirror struct{}

func (mirror) Seal(plain, aad []byte) []byte { return append(bytes.Clone(aad), reversed(plain)...) }

func (mirror) Open(sealed, aad []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, aad)
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return reversed(rest), nil
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[len(b)-1-i] = b[i]
	}
	return out
}

func withProxy(password string) string {
	return rule("r", "All", `"proxy":{"httpProxy":"http://proxy:3128","user":"u","password":`+password+`,"more":1}`)
}

func TestPasswordsOfProxiesAreSealed(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Keys = mirror{} })
	b.world.add("a")
	b.rules(withProxy(`{"plain":"open sesame"}`))
	stored := string(b.must("GET", rulesPath, "").Raw)
	if strings.Contains(stored, "open sesame") || !strings.Contains(stored, `"more":1`) {
		t.Fatalf("stored: %s", stored)
	}
	b.must("POST", rulesPath, stored) // as it was read
	if again := string(b.must("GET", rulesPath, "").Raw); again != stored {
		t.Errorf("writing what was read changes it to %s", again)
	}
	b.settled()
	var proxy api.ProxySettings
	if err := json.Unmarshal(b.world.opened[0].Proxy, &proxy); err != nil || proxy.Password.Plain != "open sesame" || proxy.HTTPProxy != "http://proxy:3128" {
		t.Errorf("the fleet gets the proxy %s", b.world.opened[0].Proxy)
	}
	for _, d := range b.store.Everything() {
		if strings.Contains(string(d.Body), "open sesame") {
			t.Errorf("%s %s has the password", d.Kind, d.ID)
		}
	}
	for _, a := range b.store.Mgmt() {
		if strings.Contains(a.Diff, "open sesame") {
			t.Errorf("a management audit has the password: %s", a.Diff)
		}
	}
}

func TestBadPasswordsOfProxies(t *testing.T) {
	for name, test := range map[string]struct {
		keys Keys
		rule string
		want string
	}{
		"no keys":       {nil, withProxy(`{"plain":"x"}`), "rules[0].proxy.password.plain"},
		"foreign":       {mirror{}, withProxy(`{"encrypted":"eHg="}`), "rules[0].proxy.password.encrypted"},
		"no base64":     {mirror{}, withProxy(`{"encrypted":"?"}`), "rules[0].proxy.password.encrypted"},
		"another case":  {mirror{}, withProxy(`{"plain":"","Plain":"x"}`), "rules[0].proxy.password.Plain"},
		"a text":        {mirror{}, withProxy(`"x"`), "rules[0].proxy"},
		"Password":      {mirror{}, strings.Replace(withProxy(`{"plain":"x"}`), `"password"`, `"Password"`, 1), "rules[0].proxy.Password"},
		"Proxy":         {mirror{}, strings.Replace(withProxy(`{"plain":"x"}`), `"proxy"`, `"Proxy"`, 1), "rules[0].Proxy"},
		"empty is fine": {nil, withProxy(`{"plain":"","encrypted":""}`), ""},
		"null is fine":  {nil, withProxy(`null`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.Keys = test.keys })
			_, err := b.call("POST", rulesPath, "["+test.rule+"]")
			if test.want == "" && err != nil || test.want != "" && (autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestPasswordsOfProxiesStayWithTheirProxies: what GET shows is of no use beside another address.
func TestPasswordsOfProxiesStayWithTheirProxies(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Keys = mirror{} })
	b.rules(withProxy(`{"plain":"open sesame"}`))
	stored := string(b.must("GET", rulesPath, "").Raw)
	for name, moved := range map[string]string{
		"address":           strings.Replace(stored, `"http://proxy:3128"`, `"http://evil:3128"`, 1),
		"user":              strings.Replace(stored, `"user":"u"`, `"user":"v"`, 1),
		"address and user":  strings.Replace(strings.Replace(stored, `:3128"`, `:3128u"`, 1), `"user":"u"`, `"user":""`, 1),
		"hidden behind":     strings.Replace(stored, `"more":1`, `"httpproxy":"http://evil:3128"`, 1),
		"written elsewhere": strings.Replace(stored, `"httpProxy":"http://proxy:3128"`, `"httpproxy":"http://evil:3128"`, 1),
		"taken away":        strings.Replace(stored, `"http://proxy:3128"`, `""`, 1),
	} {
		if moved == stored {
			t.Fatalf("%s: nothing was changed in %s", name, stored)
		}
		_, err := b.call("POST", rulesPath, moved)
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), "rules[0].proxy.password.encrypted") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// Of two spellings the fleet reads the later one in order, wherever each was written.
	hidden := strings.Replace(stored, `"more":1`, `"HTTPPROXY":"http://evil:3128"`, 1)
	if _, err := b.call("POST", rulesPath, hidden); err == nil {
		b.world.add("a")
		b.settled()
		for _, scope := range b.world.opened {
			var proxy api.ProxySettings
			if err := json.Unmarshal(scope.Proxy, &proxy); err != nil || proxy.HTTPProxy != "http://proxy:3128" {
				t.Errorf("the fleet gets the proxy %s", scope.Proxy)
			}
		}
	}
	elsewhere := strings.Replace(stored, `"name":"r"`, `"name":"other"`, 1)
	b.must("POST", rulesPath, elsewhere) // a rule may change, and be renamed, beside it
}

func TestRegionsThatNobodyListsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.accounts["other"], b.world.accounts["third"] = []string{"222222222222"}, []string{"333333333333"}
		b.give(api.KindCredential, "third", `{"_id":"third","type":"aws"}`)
		b.world.put("222222222222", region, "far", "python3.13", nil)
		b.world.put("333333333333", region, "locked", "python3.13", nil)
		b.world.put(account, "us-east-1", "closed", "python3.13", nil)
		b.world.add("near")
		of := func(name, credential string) string {
			return strings.Replace(rule(name, "All", ""), `"aws"`, `"`+credential+`"`, 1)
		}
		b.rules(of("near", "aws"), of("far", "other"), of("locked", "third"))
		defer start(t, b.Service)()
		time.Sleep(time.Minute)
		b.world.mu.Lock()
		delete(b.world.accounts, "third")                // its credential doesn't work any more
		delete(b.world.sites, account+"/us-east-1")      // the account left the region
		delete(b.world.sites, "222222222222"+"/"+region) // and so did another, before its rule went
		b.world.mu.Unlock()
		b.rules(of("near", "aws"), of("locked", "third"))
		known := func() string { return strings.Join(b.must("GET", "/serverless/names", "").JSON.([]string), " ") }
		time.Sleep(6 * 24 * time.Hour)
		if got := known(); got != "closed far locked near" {
			t.Fatalf("known after six days: %s", got)
		}
		time.Sleep(2 * 24 * time.Hour)
		if got := known(); got != "locked near" {
			t.Errorf("known after eight days: %s", got)
		}
		b.give(api.KindRuleStatus, idLook+"gone", `{"started":"2000-01-01T00:00:02Z","finished":"2000-01-01T00:00:01Z","error":"it was long ago"}`)
		if radar := get[api.Status](b, "/statuses/serverless-radar").ServerlessRadar; radar.Scanning || radar.Err != "" {
			t.Errorf("a look at a credential that nobody uses any more is told: %+v", radar)
		}
	})
}
