package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/access"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/rest"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/console/settings"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/store"
)

// rekeyed is a Console whose master key is replaced. It is started anew for every look at it.
type rekeyed struct {
	*testing.T
	dir string
}

// sealedDocuments is how many documents with secrets it has, and sealedSecrets how many secrets.
const (
	sealedDocuments = 7
	sealedSecrets   = 8
)

func newRekeyed(t *testing.T) *rekeyed {
	t.Helper()
	w := &rekeyed{t, filepath.Join(t.TempDir(), "data")}
	where := consoleData{dir: w.dir}
	if err := where.make(); err != nil {
		t.Fatal(err)
	}
	w.started(func(s *consoleServices, database *store.Store, _ *keys.Keys) {
		w.send(s, "POST", "/credentials", `{"_id":"aws","type":"aws","accountID":"AKIAEXAMPLE","secret":{"plain":"open sesame"}}`)
		w.send(s, "POST", "/settings/proxy", `{"httpProxy":"http://proxy:3128","user":"u","password":{"plain":"open sesame"}}`)
		w.send(s, "POST", "/settings/oidc", `{"enabled":true,"issuer":"https://login.example.com","clientId":"c","clientSecret":"open sesame","redirectURL":"https://console.example.com/api/v1/authenticate/callback/oidc"}`)
		w.send(s, "POST", "/alert-profiles", `{"name":"security","slack":{"enabled":true,"webhookUrl":"https://hooks.slack.com/services/T/B/sesame","channels":["#s"]},
			"policy":{"serverlessRuntime":{"enabled":true,"allRules":true,"rules":[]}},"autodefend":{"webhookSecret":{"plain":"open sesame"}}}`)
		w.send(s, "POST", "/settings/serverless-auto-deploy", `[{"name":"r","credentialID":"aws","awsRegionType":"regular","collections":[{"name":"All"}],"runtimes":["python"],
			"proxy":{"httpProxy":"http://proxy:3128","user":"u","password":{"plain":"open sesame"},"more":1}}]`)
		w.addRun(database)
	})
	return w
}

// addRun stores a run and a job of the stored rule, as the scheduler does.
func (w *rekeyed) addRun(database *store.Store) {
	w.Helper()
	d, err := database.Document(w.Context(), api.KindAutoDeploy, "")
	if err != nil {
		w.Fatal(err)
	}
	rules, err := api.ParseAutoDeploy(d.Body)
	if err != nil {
		w.Fatal(err)
	}
	run, _ := json.Marshal(api.RunRecord{ID: "1", Kind: api.RunApply, Rule: "r", State: api.RunDone, Spec: &rules[0]})
	job, _ := json.Marshal(api.AutoDeployJob{ID: "2", Kind: api.RunRollback, Rule: rules[0]})
	err = database.Write(w.Context(), []api.DocumentChange{
		{Kind: api.KindRun, ID: "1", Body: run}, {Kind: api.KindRuleStatus, ID: "job:2", Body: job},
	}, nil)
	if err != nil {
		w.Fatal(err)
	}
}

// started opens the Console with the keys of its file, for as long as do takes.
func (w *rekeyed) started(do func(*consoleServices, *store.Store, *keys.Keys)) {
	w.Helper()
	ring, err := keys.Open(w.dir, "")
	if err != nil {
		w.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	database, err := store.Open(w.Context(), store.Config{Address: filepath.Join(w.dir, databaseFile), Logger: log})
	if err != nil {
		w.Fatal(err)
	}
	defer database.Close()
	parts := consoleParts{
		log: log, database: database, keys: ring, address: "https://console.example.com:8083",
		layers: &layerZips{app: &app{stderr: io.Discard, quiet: true}, programs: w.dir}, auditAge: time.Hour, auditBytes: 1 << 30,
	}
	services, err := parts.services()
	if err != nil {
		w.Fatal(err)
	}
	do(services, database, ring)
}

// send calls the API as somebody who may do everything.
func (w *rekeyed) send(s *consoleServices, method, path, body string) {
	w.Helper()
	server, err := newTestServer(s, s.routes())
	if err != nil {
		w.Fatal(err)
	}
	answer := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(w.Context(), method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	server.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
}

// wantOpen fails when one of the secrets doesn't open with the keys of the file.
func (w *rekeyed) wantOpen(when string) {
	w.Helper()
	w.started(func(s *consoleServices, database *store.Store, ring *keys.Keys) {
		r := &rekey{database: database}
		if _, err := r.changes(w.Context(), ring); err != nil || len(r.lost) > 0 || r.opened != sealedSecrets {
			w.Errorf("%s: %d secrets open, %q don't, %v; want %d", when, r.opened, r.lost, err, sealedSecrets)
		}
		credential, err := s.settings.Credential(w.Context(), "aws")
		if err != nil || credential.Secret.Plain != "open sesame" {
			w.Errorf("%s: the credential: %q, %v", when, credential.Secret.Plain, err)
		}
		proxy, err := s.settings.Proxy(w.Context())
		if err != nil || proxy.Password.Plain != "open sesame" {
			w.Errorf("%s: the proxy's password: %q, %v", when, proxy.Password.Plain, err)
		}
	})
}

// file is the content of master.key.
func (w *rekeyed) file() string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, keys.FileName))
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// rekey runs the command.
func (w *rekeyed) rekey(variable string, args ...string) (string, error) {
	w.Helper()
	var said strings.Builder
	cmd := newConsoleRekey(&app{stderr: &said}, func(string) string { return variable })
	cmd.SetArgs(append([]string{"--data", w.dir}, args...))
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(w.Context())
	return said.String(), err
}

// sealedBy counts the secrets that a ring of keys opens.
func (w *rekeyed) sealedBy(file string) int {
	w.Helper()
	ring, err := keys.Open(w.TempDir(), file)
	if err != nil {
		w.Fatal(err)
	}
	n := 0
	w.started(func(_ *consoleServices, database *store.Store, _ *keys.Keys) {
		r := &rekey{database: database}
		if _, err := r.changes(w.Context(), ring); err != nil {
			w.Fatal(err)
		}
		n = r.opened
	})
	return n
}

// TestRekey: the file opens every secret before, after and between the steps, and the old key opens none in the end.
func TestRekey(t *testing.T) {
	w := newRekeyed(t)
	old := w.file()
	w.wantOpen("before")

	// A crash after the first step leaves both keys and nothing sealed with the new one.
	if _, err := keys.Rotate(w.dir); err != nil {
		t.Fatal(err)
	}
	if got := w.sealedBy(old); got != sealedSecrets {
		t.Errorf("the old key opens %d secrets after the first step, want %d", got, sealedSecrets)
	}
	w.wantOpen("after a crash")
	both := w.file()
	if !strings.HasSuffix(both, "\n"+old) {
		t.Fatalf("the old key isn't the second of %q", both)
	}

	said, err := w.rekey("")
	if err != nil || !strings.Contains(said, "7 documents were sealed anew") {
		t.Fatalf("rekey: %v: %s", err, said)
	}
	if w.file() != both {
		t.Error("the second try made a third key")
	}
	w.wantOpen("after rekey")
	if got := w.sealedBy(old); got != 0 {
		t.Errorf("the old key still opens %d secrets", got)
	}
	if said, err := w.rekey(""); err != nil || !strings.Contains(said, "0 documents") {
		t.Errorf("again: %v: %s", err, said)
	}

	if said, err := w.rekey("", "--retire", "--yes"); err != nil || !strings.Contains(said, "1 older master keys were taken out") {
		t.Errorf("retire: %v: %s", err, said)
	}
	if want := strings.TrimSuffix(both, old); w.file() != want {
		t.Errorf("the file is %q, want %q", w.file(), want)
	}
	w.wantOpen("after retire")
	w.started(func(_ *consoleServices, database *store.Store, _ *keys.Keys) {
		list, _, err := database.MgmtAudits(t.Context(), api.MgmtQuery{Types: []string{string(api.MgmtSettings)}, Page: api.Page{Limit: 50}})
		if err != nil || len(list) == 0 || list[0].Username != "autodefend console rekey" || !strings.Contains(list[0].Status, "sealed 7 documents") {
			t.Errorf("audits %+v, %v", list, err)
		}
	})
}

// TestRetireSealsWhatIsLeft: what was sealed with the old key after the rekey isn't lost.
func TestRetireSealsWhatIsLeft(t *testing.T) {
	w := newRekeyed(t)
	if _, err := keys.Rotate(w.dir); err != nil {
		t.Fatal(err)
	}
	if said, err := w.rekey("", "--retire", "--yes"); err != nil || !strings.Contains(said, "7 documents were sealed anew") {
		t.Fatalf("retire: %v: %s", err, said)
	}
	w.wantOpen("after retire")
}

func TestRekeyRefuses(t *testing.T) {
	w := newRekeyed(t)
	before := w.file()
	want := func(err error, code autodefend.Code, text string) {
		t.Helper()
		if autodefend.ErrorCode(err) != code || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %s: %q", err, code, text)
		}
		if w.file() != before {
			t.Fatal("the master key was changed")
		}
	}
	w.started(func(s *consoleServices, database *store.Store, _ *keys.Keys) {
		running, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.alerting.Run(running) }()
		for free := true; free; {
			time.Sleep(50 * time.Millisecond) // a lease that the test has keeps the loop from it for seconds
			lease, mine, err := database.Acquire(t.Context(), leaderLease, "the test", time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if free = mine; mine {
				_ = database.Release(t.Context(), lease)
			}
		}
		_, err := w.rekey("")
		want(err, autodefend.CodeConflict, "a Console uses the database")
		stop()
		<-ended
	})
	other := &rekeyed{t, t.TempDir()}
	if _, err := keys.Open(other.dir, ""); err != nil {
		t.Fatal(err)
	}
	strange := other.file()
	_, err := other.rekey("", "--database", filepath.Join(w.dir, databaseFile))
	want(err, autodefend.CodeInvalid, "opens none of the stored secrets")
	if other.file() != strange {
		t.Error("another directory's key was changed")
	}
	_, err = (&rekeyed{t, t.TempDir()}).rekey("", "--database", filepath.Join(w.dir, databaseFile))
	want(err, autodefend.CodeNotFound, "there is no master key")
	_, err = w.rekey(strings.TrimSpace(before))
	want(err, autodefend.CodeInvalid, "has one master key")
	_, err = w.rekey(before+before, "--retire")
	want(err, autodefend.CodeInvalid, "--retire")
}

// TestRekeyByVariable: with the keys in the environment, the newest seals, and the file isn't touched.
func TestRekeyByVariable(t *testing.T) {
	w := newRekeyed(t)
	old, other := w.file(), &rekeyed{t, t.TempDir()}
	if _, err := keys.Open(other.dir, ""); err != nil {
		t.Fatal(err)
	}
	newest := strings.TrimSpace(other.file())
	if said, err := w.rekey(newest + "," + strings.TrimSpace(old)); err != nil || !strings.Contains(said, "7 documents") {
		t.Fatalf("%v: %s", err, said)
	}
	if got := w.sealedBy(newest); got != sealedSecrets || w.file() != old {
		t.Errorf("the new key opens %d secrets, want %d", got, sealedSecrets)
	}
}

// TestFunctionsGoOnAfterRekey: a function whose policy hangs on the old key is let in and given policies that it obeys, with
// tokens that go on like that, until the old key is retired. A new policy hangs on the new key.
func TestFunctionsGoOnAfterRekey(t *testing.T) {
	w := newRekeyed(t)
	id := route.FunctionIdentity{Account: "111122223333", Region: "eu-west-1", Function: "f"}
	var token string
	var first policy.Envelope
	encode := func(s *consoleServices) policy.Envelope {
		t.Helper()
		value, _, err := s.settings.Envelope(t.Context(), settings.Target{Target: policy.Target{Function: id.Function, Region: id.Region, AccountID: id.Account, Provider: "aws"}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		e, err := policy.Decode(value, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	w.started(func(s *consoleServices, _ *store.Store, _ *keys.Keys) {
		first = encode(s)
		token = first.Console.Token
	})
	if _, err := w.rekey(""); err != nil {
		t.Fatal(err)
	}
	w.started(func(s *consoleServices, _ *store.Store, ring *keys.Keys) {
		p, err := s.access.Authenticate(t.Context(), access.Request{Authorization: "Bearer " + token})
		if err != nil || p.Function.Key != ring.IDs()[1] {
			t.Fatalf("the old token: %+v, %v", p.Function, err)
		}
		if _, err := policy.Decode(w.policyOf(s, token), first.Key); err != nil {
			t.Errorf("the policy that is given for the old token: %v", err)
		}
		token = s.access.DefenderToken(p.Function) // as tokens are replaced while the function runs
		if _, err := policy.Decode(w.policyOf(s, token), first.Key); err != nil {
			t.Errorf("the policy after the token was replaced: %v", err)
		}
		anew := encode(s)
		if anew.Key.Equal(first.Key) {
			t.Error("a new policy hangs on the old key")
		}
		if _, err := policy.Decode(w.policyOf(s, anew.Console.Token), anew.Key); err != nil {
			t.Errorf("the policy that is given for a new token: %v", err)
		}
	})
	if _, err := w.rekey("", "--retire", "--yes"); err != nil {
		t.Fatal(err)
	}
	w.started(func(s *consoleServices, _ *store.Store, _ *keys.Keys) {
		_, err := s.access.Authenticate(t.Context(), access.Request{Authorization: "Bearer " + token})
		if autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("the old token after the old key is gone: %v", err)
		}
	})
}

// policyOf asks for a policy as a Defender.
func (w *rekeyed) policyOf(s *consoleServices, token string) string {
	w.Helper()
	server, err := rest.New(rest.Config{Routes: s.routes(), Access: authenticator{s.access}, Logger: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		w.Fatal(err)
	}
	answer := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.WithoutCancel(w.Context()), "GET", "/api/v1/defender/policy", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	server.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.Fatalf("the policy: %d %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}
