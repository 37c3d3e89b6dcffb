package settings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestCollections(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"my apis","color":"#112233","functions":"api-*","codeRepos":["*"],"description":"d"}`)
	want := `{"accountIDs":["*"],"appIDs":["*"],"clusters":["*"],"codeRepos":["*"],"color":"#112233","containers":["*"],"description":"d",
		"functions":["api-*"],"hosts":["*"],"images":["*"],"labels":["*"],"modified":"2026-11-22T12:00:00Z","name":"my apis","namespaces":["*"],
		"owner":"ann","prisma":false,"system":false}`
	same(t, "as read", want, w.collection("my apis"))
	all := w.collection("All")
	if !strings.Contains(all, `"system":true`) || !strings.Contains(all, `"functions":["*"]`) {
		t.Errorf("All: %s", all)
	}
	w.refused("POST", "/collections", `{"name":"my apis"}`, autodefend.CodeConflict, `"my apis"`)
	w.refused("POST", "/collections", `{"name":"All"}`, autodefend.CodeConflict, "built in")
	w.refused("PUT", "/collections/All", `{"name":"All2"}`, autodefend.CodeConflict, "built in")
	w.refused("DELETE", "/collections/All", ``, autodefend.CodeConflict, "built in")
	w.refused("PUT", "/collections/none", `{"name":"none"}`, autodefend.CodeNotFound, `"none"`)
	w.refused("DELETE", "/collections/none", ``, autodefend.CodeNotFound, `"none"`)
	w.refused("GET", "/collections/none/usages", ``, autodefend.CodeNotFound, `"none"`)
	w.must("PUT", "/collections/my%20apis", `{"functions":["x"]}`)
	if got := w.collection("my apis"); !strings.Contains(got, `"functions":["x"]`) {
		t.Error(got)
	}
}

func TestCollectionsRefuse(t *testing.T) {
	w := newWorld(t)
	for body, words := range map[string]string{
		``:                               "JSON",
		`{"name":`:                       "line 1, column 8",
		`{"name":5}`:                     "name: want a string, have number",
		`{}`:                             "name: it needs a name",
		`{"name":"a/b"}`:                 "name: ",
		`{"name":"a\n"}`:                 "name: ",
		`{"name":" a"}`:                  "name: ",
		`{"name":"a","color":"red"}`:     "color: ",
		`{"name":"a","functions":[1]}`:   "functions: want a string",
		`{"name":"a","functions":{}}`:    "functions: want a list",
		`{"name":"a","labels":["x",""]}`: "labels[1]: it's empty",
		`{"name":"` + strings.Repeat("n", 300) + `"}`:                   "name: 300 bytes",
		`{"name":"a","images":["` + strings.Repeat("n", 600) + `"]}`:    "images[0]: 600 bytes",
		`{"name":"a","hosts":[` + strings.Repeat(`"x",`, 2001) + `""]}`: "hosts: 2002 entries",
	} {
		w.refused("POST", "/collections", body, autodefend.CodeInvalid, words)
	}
	if n := len(w.mgmt()); n != 0 {
		t.Errorf("%d management audits of refused writes", n)
	}
}

func TestCollectionFilters(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.must("POST", "/collections", `{"name":"`+name+`","description":"team `+name+`"}`)
	}
	names := func(query string, restricted ...string) string {
		p := administrator()
		p.Collections = restricted
		answer, err := w.callAs(p, "GET", "/collections"+query, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		var all []api.Collection
		if err := json.Unmarshal([]byte(text(t, answer)), &all); err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, c := range all {
			found = append(found, c.Name)
		}
		return strings.Join(found, " ") + " of " + answer.Header["Total-Count"]
	}
	for query, want := range map[string]string{
		"": "All a b c of 4", "?system=true": "All of 1", "?system=false": "a b c of 3", "?prisma=true": " of 0",
		"?excludePrisma=true": "All a b c of 4", "?limit=2": "All a of 4", "?offset=2&limit=5": "b c of 4", "?search=TEAM+b": "b of 1", "?reverse=true": "c b a All of 4",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if got := names("", "b"); got != "b of 1" {
		t.Errorf("restricted: %s", got)
	}
	w.refused("GET", "/collections?system=perhaps", "", autodefend.CodeInvalid, "system: ")
	w.refused("GET", "/collections?limit=-1", "", autodefend.CodeInvalid, "limit: ")
}

func TestWhoIsLimitedToCollectionsWritesNone(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"payments","functions":["pay-*"]}`)
	limited := administrator()
	limited.Collections = []string{"payments"}
	for _, call := range [][3]string{
		{"POST", "/collections", `{"name":"more"}`},
		{"PUT", "/collections/payments", `{"functions":["*"]}`},
		{"PUT", "/collections/payments", `{"name":"renamed"}`},
		{"DELETE", "/collections/payments", ""},
	} {
		if _, err := w.callAs(limited, call[0], call[1], call[2], nil); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s: error %v, want it denied", call, err)
		}
	}
	if got := w.collection("payments"); !strings.Contains(got, `"functions":["pay-*"]`) {
		t.Errorf("it changed: %s", got)
	}
}

func TestCollectionIsItsWriters(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"a","owner":"mallory","modified":"2001-01-01T00:00:00Z"}`)
	w.must("POST", "/collections", `{"name":"b","owner":"","modified":"0001-01-01T00:00:00Z"}`) // as Terraform's provider sends it
	w.must("POST", "/collections", `{"name":"c"}`)
	w.must("PUT", "/collections/c", `{"owner":"mallory","modified":"2001-01-01T00:00:00Z"}`)
	for _, name := range []string{"a", "b", "c"} {
		if got := w.collection(name); !strings.Contains(got, `"owner":"ann"`) || !strings.Contains(got, `"modified":"2026-11-22T12:00:00Z"`) {
			t.Errorf("%s: %s, want owner and time of who wrote it", name, got)
		}
	}
}

func TestCollectionInUse(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"old"}`)
	w.must("PUT", runtimePath, `{"rules":[{"name":"r1","collections":["old","All"]}]}`)
	w.must("PUT", firewallPath, `{"rules":[{"name":"f1","collections":["old"]}]}`)
	w.put(api.KindAutoDeploy, "", `[{"name":"ad1","collections":[{"name":"old"}],"credentialID":"c"}]`)
	w.put(api.KindUser, "bob", `{"username":"bob","permissions":[{"project":"","collections":["old"]}]}`)
	same(t, "usages", `[{"name":"r1","type":"policy"},{"name":"f1","type":"policy"},{"name":"ad1","type":"settings"},{"name":"bob","type":"user"}]`,
		w.must("GET", "/collections/old/usages", ""))
	w.refused("DELETE", "/collections/old", "", autodefend.CodeConflict, `runtime rule "r1"`, `firewall rule "f1"`, `auto-defend rule "ad1"`, `user "bob"`)

	w.must("POST", "/collections", `{"name":"taken"}`)
	w.refused("PUT", "/collections/old", `{"name":"taken"}`, autodefend.CodeConflict, `"taken"`)
	w.must("PUT", "/collections/old", `{"name":"new","functions":["n"]}`)
	w.refused("GET", "/collections/old/usages", "", autodefend.CodeNotFound)
	for _, path := range []string{runtimePath, firewallPath} {
		if got := w.must("GET", path, ""); strings.Contains(got, `"old"`) || !strings.Contains(got, `"name":"new"`) || !strings.Contains(got, `"functions":["n"]`) {
			t.Errorf("%s: %s", path, got)
		}
	}
	for kind, id := range map[api.Kind]string{api.KindAutoDeploy: "", api.KindUser: "bob"} {
		if got := w.get(kind, id); strings.Contains(got, "old") || !strings.Contains(got, "new") {
			t.Errorf("%s: %s", kind, got)
		}
	}
	w.must("PUT", runtimePath, `{}`)
	w.must("PUT", firewallPath, `{}`)
	w.put(api.KindAutoDeploy, "", `[]`)
	w.put(api.KindUser, "bob", `{"username":"bob"}`)
	w.must("DELETE", "/collections/new", "")
}

// put stores a document of another service.
func (w *world) put(kind api.Kind, id, body string) {
	w.t.Helper()
	if err := w.store.Write(w.t.Context(), []api.DocumentChange{{Kind: kind, ID: id, Version: api.Any, Body: []byte(body)}}, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) get(kind api.Kind, id string) string {
	w.t.Helper()
	d, err := w.store.Document(w.t.Context(), kind, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(d.Body)
}

func TestScopes(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/collections", `{"name":"eu","functions":["api-*"],"labels":["region:eu-west-1","region:eu-*"]}`)
	w.must("POST", "/collections", `{"name":"not us","labels":["*","-region:us-*"]}`)
	w.must("POST", "/collections", `{"name":"tagged","functions":["o*"],"labels":["team:shop"]}`)
	w.tagged("orders", "team", "shop")
	w.tagged("other", "team", "stock")
	for name, want := range map[string][]api.FunctionScope{
		"All":    nil,
		"eu":     {{Accounts: []string{"*"}, Functions: []string{"api-*"}, Regions: []string{"eu-west-1", "eu-*"}}},
		"not us": {{Accounts: []string{"*"}, Functions: []string{"*"}, Regions: []string{"-us-*", "*"}}},
		"tagged": {{Accounts: []string{account}, Functions: []string{"orders"}, Regions: []string{region}}},
	} {
		got, err := w.Scopes(t.Context(), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	got, err := w.Scopes(t.Context(), []string{"gone"})
	if err != nil || len(got) != 1 || got[0].Holds(account, region, functionName) {
		t.Errorf("a collection that is gone holds %+v, %v", got, err)
	}
	if got, err := w.Scopes(t.Context(), []string{"eu", "All"}); got != nil || err != nil {
		t.Errorf("with All: %+v, %v", got, err)
	}
}

func TestCredentials(t *testing.T) {
	w := newWorld(t)
	const secret = "wJalrXUtnFEMI/K7MDENG"
	w.must("POST", "/credentials", `{"_id":"prod","type":"aws","accountID":"AKIAIOSFODNN7EXAMPLE","secret":{"plain":"`+secret+`","encrypted":""},"tokens":null,"description":"d"}`)
	listed := w.must("GET", "/credentials", "")
	if strings.Contains(listed, secret) || strings.Contains(listed, "tokens") || strings.Contains(listed, "plain") || !strings.Contains(listed, `"encrypted":"sealed:`) {
		t.Errorf("listed: %s", listed)
	}
	if body := w.get(api.KindCredential, "prod"); strings.Contains(body, secret) {
		t.Errorf("stored: %s", body)
	}
	for _, a := range w.mgmt() {
		if strings.Contains(a.Diff, secret) || strings.Contains(a.Diff, "sealed") {
			t.Errorf("told: %s", a.Diff)
		}
	}
	opened := func() string {
		t.Helper()
		c, err := w.Credential(t.Context(), "prod")
		if err != nil {
			t.Fatal(err)
		}
		return c.Secret.Plain
	}
	if got := opened(); got != secret {
		t.Errorf("opened: %q", got)
	}
	// What was read can be written again, without the secret; a changed account needs it anew.
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(listed), &all); err != nil {
		t.Fatal(err)
	}
	w.must("POST", "/credentials", string(all[0]))
	if got := opened(); got != secret {
		t.Errorf("after writing again: %q", got)
	}
	w.refused("POST", "/credentials", strings.Replace(string(all[0]), "AKIAIOSFODNN7EXAMPLE", "AKIAOTHER", 1), autodefend.CodeInvalid, "secret.plain")
	w.must("POST", "/credentials", `{"_id":"prod","type":"aws","accountID":"AKIAOTHER","secret":"new","tokens":[]}`)
	if got := opened(); got != "new" {
		t.Errorf("after a change: %q", got)
	}
	// A role that is assumed with a key doesn't lose the key's secret without a word; one without a key needs none.
	w.must("POST", "/credentials", `{"_id":"both","type":"aws","accountID":"AKIA1","secret":"s","roleArn":"arn:aws:iam::123456789012:role/x"}`)
	w.refused("POST", "/credentials", `{"_id":"both","type":"aws","accountID":"AKIA2","roleArn":"arn:aws:iam::123456789012:role/x"}`, autodefend.CodeInvalid, "secret.plain")
	w.must("POST", "/credentials", `{"_id":"role only","type":"aws","accountID":"123456789012","roleArn":"arn:aws:iam::123456789012:role/x"}`)
	// A sealed secret opens only where it belongs.
	w.must("POST", "/credentials", `{"_id":"role","type":"aws","roleArn":"arn:aws:iam::123456789012:role/x","tokens":{"awsAccessKeyId":""}}`)
	var stolen, other api.Credential
	if err := json.Unmarshal([]byte(w.get(api.KindCredential, "prod")), &stolen); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(w.get(api.KindCredential, "role")), &other); err != nil {
		t.Fatal(err)
	}
	other.Secret = stolen.Secret
	w.put(api.KindCredential, "role", string(marshal(other)))
	if c, err := w.Credential(t.Context(), "role"); err == nil {
		t.Errorf("another's secret was opened: %+v", c)
	}
}

func TestCredentialsRefuse(t *testing.T) {
	w := newWorld(t)
	for body, words := range map[string]string{
		`{"type":"aws"}`:                                  "_id: ",
		`{"_id":"a","type":"azores"}`:                     "type: ",
		`{"_id":"a","type":"aws"}`:                        "accountID: ",
		`{"_id":"a","type":"aws","accountID":"AKIA"}`:     "secret.plain: ",
		`{"_id":"a","type":"aws","roleArn":"role"}`:       "roleArn: ",
		`{"_id":"a","type":"aws","secret":{"plain":7}}`:   "secret.plain: want a string",
		`{"_id":"a","type":"aws","useAWSRole":"yes"}`:     "useAWSRole: want true or false",
		`{"_id":"../etc","type":"aws","useAWSRole":true}`: "_id: ",
		`[]`: "want an object",
	} {
		w.refused("POST", "/credentials", body, autodefend.CodeInvalid, words)
	}
	w.refused("DELETE", "/credentials/none", "", autodefend.CodeNotFound, `"none"`)
}

func TestCredentialUsages(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/credentials", `{"_id":"c 1","type":"aws","useAWSRole":true}`)
	w.must("POST", "/credentials", `{"_id":"c2","type":"azure"}`)
	w.must("PUT", "/cloud-scan-rules", `[{"credentialId":"c 1","serverlessScanSpec":{}}]`)
	w.must("POST", "/settings/serverless-scan", `{"provider":"aws","credentialID":"c 1","cap":5}`)
	w.put(api.KindAutoDeploy, "", `[{"name":"ad1","credentialID":"c 1"}]`)
	same(t, "usages", `[{"description":"c 1","type":"Cloud Scan"},{"description":"ad1","type":"Serverless Auto-Deploy"},{"description":"serverless-scan","type":"Serverless Scan"}]`,
		w.must("GET", "/credentials/c%201/usages", ""))
	w.refused("DELETE", "/credentials/c%201", "", autodefend.CodeConflict, `auto-defend rule "ad1"`)
	w.must("DELETE", "/credentials/c2", "")
	for query, want := range map[string]int{"?ids=c+1,x": 1, "?ids=c2": 0, "?cloud=true": 1, "?cloud=false": 0, "?external=true": 0, "?autoImported=true": 0} {
		var all []api.Credential
		if err := json.Unmarshal([]byte(w.must("GET", "/credentials"+query, "")), &all); err != nil || len(all) != want {
			t.Errorf("%s: %d, want %d; %v", query, len(all), want, err)
		}
	}
}

func TestCloudScanRules(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/credentials", `{"_id":"role","type":"aws","roleArn":"arn:aws:iam::123456789012:role/x"}`)
	w.must("POST", "/credentials", `{"_id":"key","type":"aws","accountID":"AKIA","secret":{"plain":"s3cr3t"}}`)
	w.must("POST", "/credentials", `{"_id":"az","type":"azure","secret":{"plain":"s3cr3t"}}`)
	w.refused("PUT", "/cloud-scan-rules", `[{"credentialId":"role"},{"credentialId":"none"}]`, autodefend.CodeInvalid, "rules[1].credentialId")
	w.must("PUT", "/cloud-scan-rules", `[{"credentialId":"role","agentlessScanSpec":{"enabled":false,"regions":["x"]},"serverlessScanSpec":{"enabled":true,"cap":100}},{"credential":{"_id":"key"}}]`)
	w.must("PUT", "/cloud-scan-rules", `{"credentialId":"az","serverlessScanSpec":{}}`)
	w.must("PUT", "/cloud-scan-rules", `[{"credentialId":"key","discoveryEnabled":true,"serverlessScanSpec":{}}]`)
	ids := func(query string) string {
		var all []api.CloudScanRule
		raw := w.must("GET", "/cloud-scan-rules"+query, "")
		if strings.Contains(raw, "s3cr3t") || strings.Contains(raw, "plain") {
			t.Errorf("secrets: %s", raw)
		}
		if err := json.Unmarshal([]byte(raw), &all); err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, r := range all {
			if r.Credential == nil || r.Credential.ID != r.CredentialID {
				t.Errorf("%s has credential %+v", r.CredentialID, r.Credential)
			}
			found = append(found, r.CredentialID)
		}
		return strings.Join(found, " ")
	}
	for query, want := range map[string]string{
		"": "az key role", "?cloudProviders=aws&authMethods=stsTemporaryToken": "role", "?cloudProviders=aws,azure&authMethods=accessKey&authMethods=servicePrincipal": "az key",
		"?search=rol": "role",
	} {
		if got := ids(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if got := w.get(api.KindCloudScanRule, "role"); !strings.Contains(got, `"regions":["x"]`) || !strings.Contains(got, `"cap":100`) {
		t.Errorf("kept: %s", got)
	}
	for body, words := range map[string]string{
		`[{}]`: "rules[0].credentialId",
		`[{"credentialId":"key"},{"credentialId":"key"}]`:           "rules[1].credentialId",
		`[{"credentialId":"key","awsRegionType":"moon"}]`:           "rules[0].awsRegionType",
		`[{"credentialId":"key","serverlessScanSpec":{"cap":-1}}]`:  "rules[0].serverlessScanSpec.cap",
		`[{"credentialId":"key","serverlessScanSpec":{"cap":"x"}}]`: "rules[0].serverlessScanSpec.cap",
		`[{"credentialId":"key"},7]`:                                "rules[1]",
		`{"credentialId":5}`:                                        "rules[0].credentialId",
	} {
		w.refused("PUT", "/cloud-scan-rules", body, autodefend.CodeInvalid, words)
	}
	w.must("DELETE", "/cloud-scan-rules/key", "")
	w.refused("DELETE", "/cloud-scan-rules/key", "", autodefend.CodeNotFound, `"key"`)
}

func TestCustomRules(t *testing.T) {
	w := newWorld(t)
	same(t, "none", `[]`, w.must("GET", "/custom-rules", ""))
	w.must("PUT", "/custom-rules/10", `{"_id":10,"name":"ten","type":"processes","script":"proc.name = \"x\"","vulnIds":["CVE-1"]}`)
	w.must("PUT", "/custom-rules/9", `{"name":"nine","type":"waas-request","script":"req.path = \"/\"","message":"m"}`)
	same(t, "two", `[{"_id":9,"description":"","message":"m","modified":1795348800,"name":"nine","owner":"ann","script":"req.path = \"/\"","type":"waas-request"},
		{"_id":10,"description":"","message":"","modified":1795348800,"name":"ten","owner":"ann","script":"proc.name = \"x\"","type":"processes","vulnIDs":["CVE-1"]}]`,
		w.must("GET", "/custom-rules", ""))
	for path, body := range map[string]string{
		"/custom-rules/0": `{}`, "/custom-rules/x": `{}`, "/custom-rules/99999999999": `{}`,
		"/custom-rules/1": `{"_id":2,"name":"a","type":"processes","script":"x"}`, "/custom-rules/2": `{"name":"a","type":"rust","script":"x"}`,
		"/custom-rules/3": `{"name":"a","type":"processes","script":" "}`, "/custom-rules/4": `{"name":"ten","type":"processes","script":"x"}`,
		"/custom-rules/5": `{"name":"","type":"processes","script":"x"}`, "/custom-rules/6": `{"_id":"6"}`,
	} {
		w.refused("PUT", path, body, autodefend.CodeInvalid)
	}
	w.must("PUT", runtimePath, `{"rules":[{"name":"r1","collections":["All"],"customRules":[{"_id":10,"effect":"alert"}]}]}`)
	w.refused("DELETE", "/custom-rules/10", "", autodefend.CodeConflict, `runtime rule "r1"`)
	w.must("DELETE", "/custom-rules/9", "")
	w.refused("DELETE", "/custom-rules/9", "", autodefend.CodeNotFound)
}

func TestNetworkLists(t *testing.T) {
	w := newWorld(t)
	const path = "/policies/firewall/app/network-list"
	w.must("POST", path, `{"name":"office","subnets":["10.0.0.0/8","2001:db8::1"],"modified":"0001-01-01T00:00:00Z"}`)
	same(t, "one", `[{"_id":"office","description":"","disabled":false,"modified":"2026-11-22T12:00:00Z","name":"office","owner":"ann","subnets":["10.0.0.0/8","2001:db8::1"]}]`, w.must("GET", path, ""))
	w.refused("POST", path, `{"name":"office"}`, autodefend.CodeConflict, `"office"`)
	w.refused("POST", path, `{"name":"x","subnets":["10.0.0.0/8","10.0.0.0/33"]}`, autodefend.CodeInvalid, "subnets[1]", "10.0.0.0/33")
	w.refused("PUT", path, `{"name":"x","previousName":"y"}`, autodefend.CodeInvalid, "previousName")
	w.must("PUT", path, `{"_id":"office","name":"hq","previousName":"office","subnets":"10.0.0.1"}`)
	w.must("PUT", firewallPath, `{"rules":[{"name":"f1","collections":["All"],"applicationsSpec":[{"networkControls":{"exceptionSubnets":["hq"]}}]}]}`)
	w.refused("DELETE", path+"/hq", "", autodefend.CodeConflict, `firewall rule "f1"`)
	w.refused("PUT", path, `{"name":"other","previousName":"hq"}`, autodefend.CodeConflict, `firewall rule "f1"`)
	w.must("PUT", firewallPath, `{}`)
	w.must("DELETE", path+"/hq", "")
	w.refused("DELETE", path+"/hq", "", autodefend.CodeNotFound)
	same(t, "none", `[]`, w.must("GET", path, ""))
}

func TestAPISpec(t *testing.T) {
	w := newWorld(t)
	const path = "/policies/firewall/app/apispec"
	got := w.must("POST", path, `{"openapi":"3.0.1","info":{"title":"Shop"},"servers":[{"url":"https://shop.example.com:8443/v1"}],
		"components":{"parameters":{"page":{"name":"page","in":"query","schema":{"type":"integer","minimum":1,"maximum":9}}}},
		"paths":{"/items/{id}":{"summary":"x","parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],
		"get":{"parameters":[{"$ref":"#/components/parameters/page"},{"$ref":"#/nowhere"}]},"delete":{}}}}`)
	same(t, "OpenAPI 3", `{"description":"Shop","effect":"disable","fallbackEffect":"disable","queryParamFallbackEffect":"disable",
		"endpoints":[{"basePath":"/v1","exposedPort":8443,"grpc":false,"host":"shop.example.com","http2":false,"internalPort":0,"tls":true}],
		"paths":[{"path":"/items/{id}","methods":[
			{"method":"DELETE","parameters":[{"location":"path","name":"id","required":true,"type":"string"}]},
			{"method":"GET","parameters":[{"location":"path","name":"id","required":true,"type":"string"},{"location":"query","name":"page","min":1,"max":9,"type":"integer"}]}]}]}`, got)
	got = w.must("POST", path, `{"swagger":"2.0","host":"h","basePath":"/b","schemes":["http"],"paths":{"/":{"post":{"parameters":[{"name":"f","in":"formData","type":"array"}]}}}}`)
	if !strings.Contains(got, `"exposedPort":80`) || !strings.Contains(got, `"array":true`) {
		t.Errorf("OpenAPI 2: %s", got)
	}
	for body, words := range map[string]string{
		`{"paths":{}}`:                                "openapi",
		`{"openapi":"3.0.0","paths":[]}`:              "paths",
		`{"openapi":"3.0.0","paths":{"/":{"get":7}}}`: `paths["/"].get`,
		`nonsense`:                          "want an object",
		"paths: {}":                         "openapi",
		"openapi: 3.0.0\npaths: []":         "paths",
		"openapi: 3.0.0\n paths: {}":        "neither JSON nor YAML",
		"openapi: 3.0.0\n---\na: 1":         "after the first document",
		"openapi: 3.0.0\nopenapi: 3.0.0":    "line 2: the key",
		"openapi: 3.0.0\n? [a]\n: b":        "line 2: a key",
		"openapi: 3.0.0\npaths: &a {/: *a}": "deep",
		"a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100): "deep",
		"a: " + strings.Repeat("x", maxYAML):                        "too many in YAML",
		"a: [" + strings.Repeat("a,", maxYAMLNodes) + "]":           "values are too many in YAML",
		strings.Repeat(strings.Repeat("- ", 9000)+"x\n", 30):        "values are too many in YAML",
		yamlBomb(9): "values are too many in YAML",
	} {
		w.refused("POST", path, body, autodefend.CodeInvalid, words)
	}
}

// yamlBomb is a list of ten lists of ten lists and so on, in few bytes.
func yamlBomb(levels int) string {
	bomb := "a0: &a0 [x]\n"
	for i := range levels {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return bomb
}

// TestAPISpecInYAML: YAML gives what the same in JSON gives.
func TestAPISpecInYAML(t *testing.T) {
	const inJSON = `{"openapi":"3.0.1","info":{"title":"Shop","version":"2026-01-02"},"servers":[{"url":"https://shop.example.com:8443/v1"}],
		"components":{"parameters":{"page":{"name":"page","in":"query","schema":{"type":"integer","minimum":1,"maximum":16}}}},
		"paths":{"/items/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],
		"get":{"parameters":[{"$ref":"#/components/parameters/page"}],"responses":{"200":{"description":"no"}}},
		"delete":{"parameters":[{"name":"force","in":"query","schema":{"type":["null","boolean"]}}]}}}}`
	const inYAML = `# The shop.
openapi: 3.0.1
info: {title: Shop, version: 2026-01-02}
servers:
  - url: https://shop.example.com:8443/v1
x-base: &base
  in: query
  name: overridden
components:
  parameters:
    page:
      name: page
      in: query
      schema: {type: integer, minimum: 1, maximum: 0x10}
paths:
  /items/{id}:
    parameters:
      - {name: id, in: path, required: yes, schema: &text {type: string}}
    get:
      parameters:
        - $ref: '#/components/parameters/page'
      responses:
        200: {description: no}
    delete:
      parameters:
        - <<: *base
          name: force
          schema: {type: [null, boolean]}
`
	w := newWorld(t)
	const path = "/policies/firewall/app/apispec"
	want := w.must("POST", path, inJSON)
	same(t, "YAML", want, w.must("POST", path, strings.Replace(inYAML, "required: yes", "required: true", 1)))
	// What YAML 1.1 took for true is a text now.
	w.refused("POST", path, inYAML, autodefend.CodeInvalid, `paths["/items/{id}"].parameters.required: want true or false`)
}
