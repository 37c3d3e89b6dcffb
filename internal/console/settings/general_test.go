package settings

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/plan"
)

func TestGeneralSettings(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ name, body, want string }{
		{"defender", `{"disconnectPeriodDays":30}`, `{"admissionControlEnabled":false,"admissionControlWebhookSuffix":"","appEmbeddedFileSystemTracingEnabled":false,
			"automaticUpgrade":true,"disconnectPeriodDays":30,"hostCustomComplianceEnabled":false,"listeningPort":9998}`},
		{"certs", `{"consoleSAN":["console.example.com","10.0.0.1"]}`, `{"consoleSAN":["console.example.com","10.0.0.1"]}`},
		{"system", `{"telemetryDisabled":true,"x":{"y":[1]}}`, `{"telemetryDisabled":true,"x":{"y":[1]}}`},
		{"proxy", `{"httpProxy":"http://p:3128","user":"u"}`, `{"ca":"","httpProxy":"http://p:3128","noProxy":"","password":{},"user":"u"}`},
	} {
		before := w.must("GET", "/settings/"+tt.name, "")
		if before == "" || before == "null" {
			t.Errorf("%s: no defaults", tt.name)
		}
		w.must("POST", "/settings/"+tt.name, tt.body)
		same(t, tt.name, tt.want, w.must("GET", "/settings/"+tt.name, ""))
	}
	w.must("POST", "/settings/scan", `{"serverlessScanPeriodMs":3600000}`)
	var scan api.ScanSettings
	if err := json.Unmarshal([]byte(w.must("GET", "/settings/scan", "")), &scan); err != nil || scan.ServerlessScanPeriodMS != 3600000 || scan.VMScanPeriodMS != 86400000 {
		t.Errorf("%+v, %v", scan, err)
	}
	w.must("POST", "/settings/license", `{"key":"abc"}`)
	if got := w.must("GET", "/settings/license", ""); !strings.Contains(got, `"expiration_date":"9999-`) || strings.Contains(got, "abc") {
		t.Error(got)
	}
	for path, body := range map[string]string{
		"defender": `{"disconnectPeriodDays":0}`, "scan": `{"serverlessScanPeriodMs":5}`, "system": `[]`, "certs": `{"consoleSAN":["a b"]}`,
		"proxy": `{"httpProxy":"ftp://x"}`, "license": `nonsense`,
	} {
		w.refused("POST", "/settings/"+path, body, autodefend.CodeInvalid)
	}
	w.refused("POST", "/settings/system", `{"a":[{"plain":"s"}]}`, autodefend.CodeInvalid, "a[0].plain")
}

func TestProxyPassword(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "/settings/proxy", `{"httpProxy":"http://p:3128","user":"u","password":{"plain":"hunter2"}}`)
	shown := w.must("GET", "/settings/proxy", "")
	if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "sealed:") || strings.Contains(w.get(api.KindSettings, "proxy"), "hunter2") {
		t.Errorf("shown: %s", shown)
	}
	w.must("POST", "/settings/proxy", shown)
	if p, err := w.Proxy(t.Context()); err != nil || p.Password.Plain != "hunter2" || p.Password.Encrypted != "" {
		t.Errorf("%+v, %v", p, err)
	}
	w.must("POST", "/settings/proxy", strings.Replace(shown, "p:3128", "evil:3128", 1))
	if p, err := w.Proxy(t.Context()); err != nil || p.Password.Plain != "" {
		t.Errorf("the password goes to another proxy: %+v, %v", p, err)
	}
	for _, a := range w.mgmt() {
		if strings.Contains(a.Diff, "hunter2") {
			t.Error(a.Diff)
		}
	}
}

func TestServerlessScans(t *testing.T) {
	w := newWorld(t)
	const path = "/settings/serverless-scan"
	same(t, "none", `[]`, w.must("GET", path, ""))
	for _, id := range []string{"a", "b"} {
		w.must("POST", "/credentials", `{"_id":"`+id+`","type":"aws","useAWSRole":true}`)
	}
	w.must("POST", path, `{"provider":"aws","credentialID":"a","cap":1}`)
	w.must("POST", path, `[{"provider":"aws","credentialID":"b","cap":2,"credential":{"_id":"b"}}]`)
	w.must("POST", path, `{"provider":"aws","credentialID":"a","cap":3}`)
	read := func() []api.ServerlessScan {
		var all []api.ServerlessScan
		if err := json.Unmarshal([]byte(w.must("GET", path, "")), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := read(); len(all) != 2 || all[0].Cap != 3 || all[1].Cap != 2 || all[0].Credential == nil || all[0].Credential.ID != "a" {
		t.Errorf("%+v", all)
	}
	w.must("PUT", path, `[{"provider":"aws","credentialID":"b","cap":4},{"provider":"aws","credentialID":"b","cap":5}]`)
	if all := read(); len(all) != 1 || all[0].Cap != 5 {
		t.Errorf("%+v", all)
	}
	w.refused("PUT", path, `[{"credentialID":"none"}]`, autodefend.CodeInvalid, "settings[0].credentialID")
	w.refused("PUT", path, `[{"credentialID":"a"},{"credentialID":"a","cap":-1}]`, autodefend.CodeInvalid, "settings[1].cap")
}

func TestStatic(t *testing.T) {
	w := newWorld(t)
	if got := w.must("GET", "/static/serverless-runtimes", ""); !strings.Contains(got, `"python3.13"`) || !strings.Contains(got, `"nodejs22.x"`) {
		t.Error(got)
	}
	catalog, err := plan.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for name := range catalog {
		if !slices.Contains(api.LambdaRuntimes(), name) && !slices.Contains(api.RetiredRuntimes(), name) {
			t.Errorf("%s can be defended, and can't be named", name)
		}
	}
	var all map[string][]api.RegionData
	if err := json.Unmarshal([]byte(w.must("GET", "/static/regions", "")), &all); err != nil {
		t.Fatal(err)
	}
	for _, r := range all["aws"] {
		if !autodefend.ValidRegion(r.Region) || r.Name == "" || r.RegionType == "" || len(r.SupportedServices) == 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestLayers(t *testing.T) {
	w := newWorld(t)
	const path = "/images/twistlock_defender_layer.zip"
	for body, want := range map[string]string{
		`{"runtime":"python","provider":"aws"}`: "layer of x86_64", `{"runtime":"nodejs14.x","provider":["aws"]}`: "layer of x86_64",
		`{"runtime":["python3.13"],"architecture":"arm64"}`: "layer of arm64", ``: "layer of x86_64", `{"nodeJSModuleType":"commonjs"}`: "layer of x86_64",
	} {
		answer, err := w.call("POST", path, body)
		if err != nil || string(answer.Raw) != want || answer.Media != "application/zip" || !strings.Contains(answer.Header["Content-Disposition"], "twistlock_defender_layer.zip") {
			t.Errorf("%s: %+v, %v", body, answer, err)
		}
	}
	if got := w.must("GET", path+"?runtime=python3.12&architecture=arm64", ""); got != "layer of arm64" {
		t.Error(got)
	}
	for body, words := range map[string]string{
		`{"runtime":"cobol"}`: "runtime: ", `{"provider":"azure"}`: "azure", `{"provider":"gcp"}`: "provider: ", `{"architecture":"mips"}`: "architecture: ",
		`{"nodeJSModuleType":"amd"}`: "nodeJSModuleType: ", `{"runtime":["a","b"]}`: "runtime: want one",
	} {
		w.refused("POST", path, body, autodefend.CodeInvalid, words)
	}
	w.Layers = nil
	w.refused("POST", path, "", autodefend.CodeNotFound, "autodefend layer build")
}

func TestBundle(t *testing.T) {
	w := newWorld(t)
	raw := w.must("POST", "/defenders/serverless/bundle", `{"runtime":"python","provider":"aws","proxyCA":"pem"}`)
	z, err := zip.NewReader(bytes.NewReader([]byte(raw)), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(content)
	}
	if files["twistlock_defender_layer.zip"] != "layer of x86_64" || !strings.Contains(files["README.txt"], "TW_POLICY") || files["proxy-ca.pem"] != "pem" {
		t.Errorf("%v", files)
	}
	w.refused("POST", "/defenders/serverless/bundle", `{"provider":"azure"}`, autodefend.CodeInvalid, "azure")
}

func TestNoTwistcli(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"twistcli", "arm64/twistcli", "osx/twistcli", "osx/arm64/twistcli", "windows/twistcli.exe"} {
		w.refused("GET", "/util/"+path, "", autodefend.CodeNotFound, "autodefend")
	}
}

// TestRoutes holds what every route must have.
func TestRoutes(t *testing.T) {
	w := newWorld(t)
	seen := make(map[string]bool)
	for _, r := range w.Routes() {
		key := r.Method + " " + r.Path
		if seen[key] || r.Handle == nil || r.Permission == "" || !strings.HasSuffix(r.Summary, ".") && !strings.Contains(r.Summary, ".") {
			t.Errorf("%s: %+v", key, r)
		}
		seen[key] = true
		if r.Permission != route.Function && r.Permission != route.AnyUser && !api.IsPermName(r.Permission) {
			t.Errorf("%s: permission %s", key, r.Permission)
		}
	}
}
