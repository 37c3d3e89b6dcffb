package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	service "github.com/autodefend/autodefend/internal/console/autodefend"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/store"
)

// ruleWorld is an AWS over HTTP with a Console's rules.
type ruleWorld struct {
	*testing.T
	aws      *lambdasim.World
	services *consoleServices
	database *store.Store

	mu sync.Mutex
	// updates are the functions that were updated, in order; slow is how long an update takes.
	updates []string
	slow    time.Duration
}

// Inject notes the updates. It's an [lambdasim.Injector].
func (w *ruleWorld) Inject(c lambdasim.Call) lambdasim.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Operation != "UpdateFunctionConfiguration" {
		return lambdasim.Fault{}
	}
	w.updates = append(w.updates, c.Resource)
	if w.slow > 0 {
		return lambdasim.Fault{Kind: lambdasim.Slow, Delay: w.slow}
	}
	return lambdasim.Fault{}
}

func (w *ruleWorld) updated() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.updates))
}

const ruleRegion = "us-east-1"

func newRuleWorld(t *testing.T, functions ...string) *ruleWorld {
	t.Helper()
	w := &ruleWorld{T: t}
	w.aws = lambdasim.New(lambdasim.Options{Seed: 7, Faults: w})
	w.aws.AddAccount(lambdasim.Account{ID: lambdasim.DemoProduction, Regions: []string{ruleRegion}})
	for _, name := range functions {
		w.aws.PutFunction(lambdasim.DemoProduction, ruleRegion, lambdasim.FunctionSpec{
			Name: name, Runtime: "python3.13", Handler: "app.handler", Memory: 256, Timeout: 30, CodeSize: 1 << 20, UnzippedSize: 3 << 20,
			Role: "arn:aws:iam::" + lambdasim.DemoProduction + ":role/worker", Env: map[string]string{"OWNERS": "secret-of-" + name},
		})
	}
	server, err := serveWorld("127.0.0.1:0", w.aws)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.stop() })
	for _, variable := range append(server.environ(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=") { // the credential has the keys
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	w.services = testServices(t)
	w.database = w.services.settings.Documents.(*store.Store)
	w.must("POST", "/credentials", `{"_id":"aws","type":"aws","accountID":"AKIASIM`+lambdasim.DemoProduction+`","secret":{"plain":"simulated"}}`)
	w.must("POST", "/collections", `{"name":"orders","functions":["orders-*"]}`)
	w.must("PUT", "/policies/runtime/serverless", `{"_id":"serverlessRuntime","rules":[{"name":"strict","collections":[{"name":"All"}],"processes":{"effect":"prevent","blockAllBinaries":true}}]}`)
	return w
}

// replica starts another replica of the rules' service on the same database.
func (w *ruleWorld) replica(name string) func() {
	w.Helper()
	s := w.service(name)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func (w *ruleWorld) service(name string) *service.Service {
	w.Helper()
	clouds, err := newConsoleClouds(slog.New(slog.DiscardHandler))
	if err != nil {
		w.Fatal(err)
	}
	clouds.pacer, clouds.rate = fleet.NewPacer(fleet.PacerConfig{SharedPerSecond: -1}), 1000
	clouds.credential, clouds.policies = w.services.settings.Credential, w.services.settings.PolicySource
	clouds.layers = func(_ context.Context, arch string) ([]byte, error) { return smallZip(arch) }
	s, err := service.New(service.Config{
		Documents: w.database, Leases: w.database, Inventory: w.database, Collections: w.services.settings, Clouds: clouds,
		NewRun: func() string { return fleet.RunID(time.Now(), rand.Uint64()) }, Replica: name, Logger: clouds.log, Now: time.Now,
		Tick: 20 * time.Millisecond, LeaseTTL: 10 * time.Second, Wave: 4,
	})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// smallZip stands in for a layer.
func smallZip(name string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("autodefend/wrapper")
	if err != nil {
		return nil, err
	}
	if _, err := f.Write([]byte(name)); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// call calls an endpoint as the administrator.
func (w *ruleWorld) call(method, target, body string) (route.Answer, error) {
	w.Helper()
	u, err := url.Parse(target)
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range slices.Concat(w.service("client").Routes(), w.services.settings.Routes()) {
		if r.Method == method && r.Path == u.Path {
			return r.Handle(w.Context(), &route.Call{
				Principal: route.Principal{Username: firstAdministrator}, API: method + " " + r.Path, SourceIP: "192.0.2.1", Query: u.Query(), Body: []byte(body),
				Header: func(string) string { return "" },
			})
		}
	}
	w.Fatalf("no route %s %s", method, target)
	return route.Answer{}, nil
}

func (w *ruleWorld) must(method, target, body string) route.Answer {
	w.Helper()
	answer, err := w.call(method, target, body)
	if err != nil {
		w.Fatalf("%s %s: %v (%s)", method, target, err, autodefend.ErrorHint(err))
	}
	return answer
}

// status waits until nothing is under way and the condition holds.
func (w *ruleWorld) status(what string, holds func(api.ServerlessAutoDeployStatus) bool) api.ServerlessAutoDeployStatus {
	w.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		s := *w.must("GET", "/statuses/serverless-auto-deploy", "").JSON.(api.Status).ServerlessAutoDeploy
		if !s.Scanning && holds(s) {
			return s
		}
		if time.Now().After(deadline) {
			w.Fatalf("%s: never: %s", what, asText(s))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// defended lists the functions that carry all of the Defender, and fails on those that carry a part.
func (w *ruleWorld) defended() []string {
	w.Helper()
	var names []string
	for _, f := range w.aws.Functions(lambdasim.DemoProduction, ruleRegion) {
		if f.Env["OWNERS"] != "secret-of-"+f.Name {
			w.Errorf("%s: the owner's variable is %q", f.Name, f.Env["OWNERS"])
		}
		if len(f.Layers) == 0 {
			if diff := cmp.Diff([]string{"OWNERS"}, slices.Sorted(maps.Keys(f.Env))); diff != "" || len(f.Tags) > 0 {
				w.Errorf("%s is left with %s and tags %v", f.Name, diff, f.Tags)
			}
			continue
		}
		names = append(names, f.Name)
		value := f.Env[policy.EnvironmentVariable]
		envelope, err := policy.Decode(value, nil)
		switch {
		case len(f.Layers) != 1 || !strings.Contains(f.Layers[0], ":layer:autodefend-defender-x86_64:"):
			w.Errorf("%s has the layers %v", f.Name, f.Layers)
		case f.Env[autodefend.WrapperVariable] != "/opt/autodefend/wrapper" || !strings.HasPrefix(f.Env[autodefend.MarkerVariable], "autodefend/"):
			w.Errorf("%s isn't attached in full: %v", f.Name, slices.Sorted(maps.Keys(f.Env)))
		case err != nil || envelope.Rule == nil || envelope.Rule.Name != "strict" || envelope.Target.Function != f.Name || envelope.Console.Token == "":
			w.Errorf("%s has the policy %q: %v", f.Name, value, err)
		}
	}
	return names
}

func spec(s api.ServerlessAutoDeployStatus, name string) api.ServerlessAutoDeploySpecStatus {
	for _, one := range s.Specs {
		if one.Name == name {
			return one
		}
	}
	return api.ServerlessAutoDeploySpecStatus{}
}

func TestRulesDefendFunctions(t *testing.T) {
	w := newRuleWorld(t, "orders-1", "orders-2", "web", "cron")
	defer w.replica("one")()
	defer w.replica("two")()
	const orders = `{"name":"orders","credentialID":"aws","awsRegionType":"regular","collections":[{"name":"orders"}],"runtimes":["python3.13"]}`
	const all = `{"name":"all","credentialID":"aws","awsRegionType":"regular","collections":["All"],"runtimes":["python"]}`
	w.must("POST", "/settings/serverless-auto-deploy", "["+orders+","+all+"]")
	w.status("two defended by each rule", func(s api.ServerlessAutoDeployStatus) bool {
		return spec(s, "orders").Defended == 2 && spec(s, "all").Defended == 2
	})
	everything := []string{"cron", "orders-1", "orders-2", "web"}
	if diff := cmp.Diff(everything, w.defended()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(everything, w.updated()); diff != "" {
		t.Errorf("updates: %s", diff)
	}
	t.Run("a second evaluation writes nothing", func(t *testing.T) {
		before := time.Now()
		w.must("POST", "/deployment/serverless/scan", "")
		w.status("evaluated again", func(s api.ServerlessAutoDeployStatus) bool {
			return spec(s, "orders").Own.Started.After(before) && spec(s, "all").Own.Started.After(before)
		})
		if diff := cmp.Diff(everything, w.updated()); diff != "" {
			t.Errorf("updates: %s", diff)
		}
	})
	t.Run("the deletion of a rule rolls back what only it covered", func(t *testing.T) {
		w.must("POST", "/settings/serverless-auto-deploy", "["+orders+"]")
		w.status("rolled back", func(api.ServerlessAutoDeployStatus) bool { return len(w.updated()) == 6 })
		if diff := cmp.Diff([]string{"orders-1", "orders-2"}, w.defended()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("another recipe leaves alone what the one before attached", func(t *testing.T) {
		before := time.Now()
		w.must("POST", "/settings/serverless-auto-deploy", "["+strings.TrimSuffix(orders, "}")+`,"autodefend":{"recipe":"prisma-wrapper"}}]`)
		w.status("evaluated with it", func(s api.ServerlessAutoDeployStatus) bool { return spec(s, "orders").Own.Started.After(before) })
		if diff := cmp.Diff([]string{"orders-1", "orders-2"}, w.defended()); diff != "" || len(w.updated()) != 6 {
			t.Errorf("after %d updates: %s", len(w.updated()), diff)
		}
		attached := asText(w.must("GET", "/serverless?name=orders-1", "").JSON)
		for _, text := range []string{`"defended":true`, `"decision":"skip"`, "the Defender of another recipe is attached", "roll it back with that recipe first"} {
			if !strings.Contains(attached, text) {
				t.Errorf("%s isn't in %s", text, attached)
			}
		}
	})
	t.Run("a rule that goes takes along what any of its recipes attached", func(t *testing.T) {
		w.must("POST", "/settings/serverless-auto-deploy", "[]")
		w.status("rolled back", func(api.ServerlessAutoDeployStatus) bool { return len(w.updated()) == 8 })
		if left := w.defended(); len(left) > 0 {
			t.Errorf("%v are left", left)
		}
	})
	functions := w.must("GET", "/serverless", "")
	if functions.Header["Total-Count"] != "4" || strings.Contains(asText(functions.JSON), "secret-of-") {
		t.Errorf("functions: %s", asText(functions.JSON))
	}
}

func TestReplicasNeverUpdateTwice(t *testing.T) {
	var names []string
	for i := range 16 {
		names = append(names, fmt.Sprintf("f-%02d", i))
	}
	w := newRuleWorld(t, names...)
	w.slow = 200 * time.Millisecond
	stop := w.replica("one")
	w.must("POST", "/settings/serverless-auto-deploy", `[{"name":"all","credentialID":"aws","collections":["All"],"runtimes":["python"]}]`)
	for deadline := time.Now().Add(3 * time.Minute); len(w.updated()) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was begun")
		}
	}
	defer w.replica("two")() // begins while the first works
	stop()
	w.status("all defended", func(s api.ServerlessAutoDeployStatus) bool { return spec(s, "all").Defended == len(names) })
	if diff := cmp.Diff(names, w.updated()); diff != "" {
		t.Errorf("updates: %s", diff)
	}
	if diff := cmp.Diff(names, w.defended()); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsOfRules(t *testing.T) {
	clouds, err := newConsoleClouds(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const role = "arn:aws:iam::123456789012:role/Autodefend"
	for name, test := range map[string]struct {
		credential api.Credential
		scope      service.Scope
		roles      int
		regions    string
		bad        string
	}{
		"instance role":      {api.Credential{Type: "aws", UseAWSRole: true}, service.Scope{}, 0, "all", ""},
		"a role to assume":   {api.Credential{Type: "aws", RoleARN: role}, service.Scope{RegionType: api.RegionAll}, 1, "all", ""},
		"role upon role":     {api.Credential{Type: "aws", RoleARN: role, UseAWSRole: true}, service.Scope{RegionType: api.RegionChina}, 1, "cn-north-1 cn-northwest-1", ""},
		"named regions":      {api.Credential{Type: "aws", UseAWSRole: true}, service.Scope{Regions: []string{"eu-west-1"}}, 0, "eu-west-1", ""},
		"government regions": {api.Credential{Type: "aws", UseAWSRole: true}, service.Scope{RegionType: api.RegionGov}, 0, "us-gov-west-1 us-gov-east-1", ""},
		"an access key":      {api.Credential{Type: "aws", AccountID: "AKIA", Secret: api.CredentialSecret{Plain: "s"}}, service.Scope{}, 0, "all", ""},
		"a key for a role":   {api.Credential{Type: "aws", AccountID: "AKIA", Secret: api.CredentialSecret{Plain: "s"}, RoleARN: role}, service.Scope{}, 1, "all", ""},
		"nothing":            {api.Credential{ID: "x", Type: "aws"}, service.Scope{}, 0, "", `credential "x": it says nothing`},
		"a key's half":       {api.Credential{ID: "x", Type: "aws", AccountID: "AKIA"}, service.Scope{}, 0, "", `credential "x": it says nothing`},
		"another cloud":      {api.Credential{ID: "x", Type: "azure"}, service.Scope{}, 0, "", `credential "x": its type is azure`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := clouds.cloud(test.credential, test.scope)
			if test.bad != "" {
				if err == nil || !strings.Contains(err.Error(), test.bad) {
					t.Errorf("error %v, want %q", err, test.bad)
				}
				return
			}
			if err != nil || len(cfg.AssumeRoles) != test.roles || strings.Join(cfg.Regions, " ") != test.regions ||
				(cfg.AccessKey.ID == "AKIA") != (test.credential.AccountID == "AKIA") {
				t.Errorf("%+v (%v)", cfg, err)
			}
		})
	}
}

func TestRecorderKeepsNoValues(t *testing.T) {
	f := autodefend.Function{Environment: autodefend.Environment{Variables: autodefend.Variables{
		"SECRET": "hunter2", autodefend.MarkerVariable: "autodefend/x", autodefend.WrapperVariable: "/opt/autodefend/wrapper",
	}}}
	kept := withoutValues(f)
	want := map[string]string{"SECRET": "", autodefend.MarkerVariable: "autodefend/x", autodefend.WrapperVariable: "/opt/autodefend/wrapper"}
	if diff := cmp.Diff(want, map[string]string(kept.Environment.Variables)); diff != "" {
		t.Error(diff)
	}
	if f.Environment.Variables["SECRET"] != "hunter2" {
		t.Error("the function itself lost its variable")
	}
}
