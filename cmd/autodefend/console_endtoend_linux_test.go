package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/policy"
)

// wholeConsole is a Console that serves, with its loops.
type wholeConsole struct {
	*openConsole
	t      *testing.T
	client *http.Client
}

// startConsole starts a Console as the command does, whose functions ask for policies every second. Its database is a file
// in dir unless one is named, and its master key is in dir.
func startConsole(t *testing.T, dir, database, programs string) *wholeConsole {
	t.Helper()
	return startConsoleAsking(t, dir, database, programs, time.Second)
}

// startConsoleAsking is startConsole with another interval.
func startConsoleAsking(t *testing.T, dir, database, programs string, interval time.Duration) *wholeConsole {
	t.Helper()
	if database == "" {
		database = filepath.Join(dir, databaseFile)
	}
	command := &consoleCommand{
		app: &app{stdout: io.Discard, stderr: io.Discard, quiet: true}, listen: "127.0.0.1:0", programs: programs,
		interval: interval, auditAge: 24 * time.Hour, auditMB: 100, getenv: func(string) string { return "" },
		where: consoleData{dir: dir, database: database},
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	opened, err := command.open(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		stop()
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- opened.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("the Console ended with: %v", err)
		}
	})
	if _, _, err := opened.services.access.Bootstrap(t.Context(), firstAdministrator, adminPassword); err != nil {
		t.Fatal(err)
	}
	return &wholeConsole{openConsole: opened, t: t, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}}
}

// send makes a request as the administrator, or with a Defender's token.
func (c *wholeConsole) send(method, path, token, body string) (int, []byte) {
	c.t.Helper()
	status, content, err := c.request(method, path, token, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, content
}

// request is send that leaves errors to its caller.
func (c *wholeConsole) request(method, path, token, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.local+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.SetBasicAuth(firstAdministrator, adminPassword)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, content, err
}

// must is send that has to be answered with 200.
func (c *wholeConsole) must(method, path, body string) []byte {
	c.t.Helper()
	status, content := c.send(method, path, "", body)
	if status != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s", method, path, status, content)
	}
	return content
}

// audits returns the runtime's audits of an effect.
func (c *wholeConsole) audits(effect autodefend.Effect) []autodefend.Audit {
	c.t.Helper()
	var all []autodefend.Audit
	if err := json.Unmarshal(c.must("GET", "/audits/runtime/serverless?effect="+string(effect), ""), &all); err != nil {
		c.t.Fatal(err)
	}
	return all
}

// eventually waits until something holds.
func eventually(t *testing.T, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	eventuallyEvery(t, 50*time.Millisecond, patience, what, holds)
}

// eventuallyEvery is eventually for what shouldn't be looked at too often.
func eventuallyEvery(t *testing.T, pause, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("within %s it didn't come true that %s", patience, what)
		case <-ticker.C:
		}
	}
}

// functionLog is what a function's processes write. The writer is the sandbox.
type functionLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *functionLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// said returns when the Defender wrote lines with some words, by its own clock.
func (l *functionLog) said(words string) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []time.Time
	for line := range strings.Lines(l.text.String()) {
		var said struct{ Time time.Time }
		if strings.Contains(line, words) && json.Unmarshal([]byte(line), &said) == nil {
			all = append(all, said.Time)
		}
	}
	return all
}

// runningWorld is a simulated AWS whose functions run, with one function that starts what its callers name.
func runningWorld(t *testing.T, log *functionLog) *lambdasim.World {
	t.Helper()
	runner, err := newFunctionRunner("lambda", log, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runner.close(); err != nil {
			t.Error(err)
		}
	})
	world := lambdasim.New(lambdasim.Options{Seed: 7, Settle: quickSettle(), Invoker: runner})
	world.AddAccount(lambdasim.Account{ID: lambdasim.DemoProduction, Regions: []string{ruleRegion}})
	code, err := zipped("demo", map[string]os.FileMode{"invoices.py": 0o644, "signing.key": 0o644, "xmrig": 0o755})
	if err != nil {
		t.Fatal(err)
	}
	world.PutFunction(lambdasim.DemoProduction, ruleRegion, lambdasim.FunctionSpec{
		Name: demoInvoices, Runtime: "python3.13", Handler: "invoices.handler", Role: "arn:aws:iam::" + lambdasim.DemoProduction + ":role/invoices",
		Memory: 256, Timeout: 20, Architectures: []string{lambdaArch()}, Env: map[string]string{"CURRENCY": "EUR", "AUTODEFEND_LOG": "debug"}, Code: code,
	})
	server, err := serveWorld("127.0.0.1:0", world)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.stop() })
	for _, variable := range append(server.environ(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true") {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	return world
}

// invoke runs the function with an event, by the command.
func invoke(t *testing.T, payload string) invoked {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run([]string{"invoke", demoInvoices, "--region", ruleRegion, "--payload", payload, "-o", "json"}, strings.NewReader(""), &stdout, &stderr)
	var got invoked
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("invoke: exit code %d: %s%s", code, stdout.Bytes(), stderr.Bytes())
	}
	return got
}

func dnsPolicy(effect autodefend.Effect) string {
	return `{"rules":[{"name":"names","collections":[{"name":"All"}],"processes":{"effect":"` + string(effect) + `","blacklist":["id"]}}]}`
}

// seen is how the Console's API showed something that wasn't there before.
type seen struct {
	// missing is when the last question began that was answered without it, and found when the one was answered that had it.
	missing, found time.Time
}

// watchAudits asks the API for audits of an effect until there is one.
func (c *wholeConsole) watchAudits(effect autodefend.Effect) <-chan seen {
	found := make(chan seen, 1)
	go func() {
		var s seen
		for c.t.Context().Err() == nil {
			began := time.Now()
			status, body, err := c.request("GET", "/audits/runtime/serverless?effect="+string(effect), "", "")
			if err == nil && status == http.StatusOK && string(bytes.TrimSpace(body)) != "[]" {
				s.found = time.Now()
				found <- s
				return
			}
			s.missing = began
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return found
}

// whileRunning waits until something holds, and runs the function meanwhile: a sandbox may have been frozen before the Defender
// got to say or send something.
func whileRunning(t *testing.T, what string, holds func() bool) {
	t.Helper()
	eventuallyEvery(t, 3*time.Second/2, 2*time.Minute, what, func() bool {
		if holds() {
			return true
		}
		invoke(t, harmlessEvent)
		return holds()
	})
}

// visibleSoon asserts that an audit was visible two seconds after the Defender had got it to the Console: no question that
// began later was answered without it. How long this machine takes for a question doesn't count, nor when it gets to ask;
// all times are of one clock.
func visibleSoon(t *testing.T, log *functionLog, found <-chan seen) {
	t.Helper()
	const most, flush = 2 * time.Second, "audits are at the Console"
	whileRunning(t, "an audit is at the Console", func() bool { return len(found) > 0 && len(log.said(flush)) > 0 })
	s, flushed := <-found, log.said(flush)[0]
	if late := s.missing.Sub(flushed); late > most {
		t.Errorf("the audit wasn't visible %s after it was sent", late)
	}
	t.Logf("the audit was visible %s after it was sent", s.found.Sub(flushed))
}

// attachedBefore gives the function a token that is some days old, as if it had been attached then, and returns the token.
func (c *wholeConsole) attachedBefore(world *lambdasim.World, days int) string {
	c.t.Helper()
	token := c.services.access.DefenderToken(route.FunctionIdentity{
		Account: lambdasim.DemoProduction, Region: ruleRegion, Function: demoInvoices, Issued: time.Now().AddDate(0, 0, -days).Unix(),
	})
	err := world.EditFunction(lambdasim.DemoProduction, ruleRegion, demoInvoices, func(f *lambdasim.FunctionSpec) {
		e := c.envelope([]byte(f.Env[policy.EnvironmentVariable]))
		e.Console.Token = token
		value, err := policy.Encode(e, c.services.settings.Signer, 0)
		if err != nil {
			c.t.Error(err)
		}
		f.Env[policy.EnvironmentVariable] = value
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return token
}

// Events. The first makes the function start what the policy denies. Audits of one kind are summed up after the fifth in a
// sandbox, so that it's sent only where something hangs on it.
const deniedEvent, harmlessEvent = `{"filter": "id"}`, `{"filter": "true"}`

// TestFromPolicyToAudit is the whole way: a policy and a rule are written, the rule fires, the function gets the Defender
// and is seen by it, the policy is changed, and the function obeys. Its token becomes old and is replaced, the function goes
// on with the new one, and tokens that are revoked open nothing.
//
// Policies are asked for every second here; TestEnforcedWithinTwoMinutesOfRunningTime holds the interval that they have
// without that.
func TestFromPolicyToAudit(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("SKIPPED: python3 isn't installed")
	}
	programs := t.TempDir()
	if err := writePrograms(programs); err != nil {
		t.Fatal(err)
	}
	if err := buildPrograms(programs); err != nil {
		t.Fatal(err)
	}
	log := &functionLog{}
	world := runningWorld(t, log)
	console := startConsole(t, t.TempDir(), "", programs)
	console.must("PUT", "/policies/runtime/serverless", dnsPolicy(autodefend.Alert))
	console.must("POST", "/credentials", `{"_id":"aws","type":"aws","useAWSRole":true}`)
	console.must("POST", "/settings/serverless-auto-deploy", `[{"name":"all","credentialID":"aws","awsRegionType":"regular","collections":[{"name":"All"}],"runtimes":["python"]}]`)
	console.must("POST", "/deployment/serverless/scan", "")
	eventually(t, 2*time.Minute, "the rule defends the function", func() bool {
		var status api.Status
		if err := json.Unmarshal(console.must("GET", "/statuses/serverless-auto-deploy", ""), &status); err != nil {
			t.Fatal(err)
		}
		if s := status.ServerlessAutoDeploy; s != nil && len(s.Errors) > 0 {
			t.Fatalf("the rule failed: %v", s.Errors)
		}
		s := status.ServerlessAutoDeploy
		return s != nil && !s.Scanning && len(s.Specs) == 1 && s.Specs[0].Defended == 1
	})

	found := console.watchAudits(autodefend.Alert)
	if got := invoke(t, deniedEvent); !strings.Contains(asText(got.Payload), "uid=") {
		t.Errorf("a policy that alerts: the function answered %v", got.Payload)
	}
	visibleSoon(t, log, found)
	if a := console.audits(autodefend.Alert)[0]; a.Function != demoInvoices || a.AccountID != lambdasim.DemoProduction || a.RuleName != "names" || a.AttackType != autodefend.AttackDeniedProcess {
		t.Errorf("the audit: %+v", a)
	}

	obeys := func(effect autodefend.Effect) {
		t.Helper()
		console.must("PUT", "/policies/runtime/serverless", dnsPolicy(effect))
		// The function isn't run more often than it asks for policies.
		eventuallyEvery(t, 3*time.Second/2, 2*time.Minute, "the function obeys the new policy", func() bool {
			return strings.Contains(asText(invoke(t, deniedEvent).Payload), "uid=") == (effect == autodefend.Alert)
		})
	}
	obeys(autodefend.Prevent)
	whileRunning(t, "the audit of it is at the Console", func() bool { return len(console.audits(autodefend.Prevent)) > 0 })

	const renewed = "new token for the Console"
	if n := len(log.said(renewed)); n != 0 {
		t.Errorf("%d tokens were new before one was old", n)
	}
	old := console.attachedBefore(world, 8)
	whileRunning(t, "the function has a new token", func() bool { return len(log.said(renewed)) > 0 })
	console.revoke(lambdasim.DemoProduction, ruleRegion, demoInvoices, time.Now().AddDate(0, 0, -1))
	if status, content := console.send("GET", "/defender/policy", old, ""); status != http.StatusUnauthorized {
		t.Errorf("the old token: %d %s", status, content)
	}
	before := len(console.audits(autodefend.Alert))
	obeys(autodefend.Alert)
	whileRunning(t, "an audit that was sent with the new token is at the Console", func() bool {
		return len(console.audits(autodefend.Alert)) > before
	})

	const refused = "doesn't accept the token"
	if n := len(log.said(refused)); n != 0 {
		t.Errorf("the Defender was turned away %d times", n)
	}
	console.must("POST", "/defender-tokens/revocations",
		`{"accountID":"`+lambdasim.DemoProduction+`","region":"`+ruleRegion+`","function":"`+demoInvoices+`"}`)
	whileRunning(t, "the Defender is turned away", func() bool { return len(log.said(refused)) > 0 })
}
