package bypass

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
)

// attempts is everything that is tried.
func attempts() []attempt {
	var all []attempt
	for _, group := range groups() {
		all = append(all, group.attempts...)
	}
	return all
}

// group is a part of the matrix.
type group struct {
	title    string
	attempts []attempt
}

func groups() []group {
	return []group{
		{"Programs", execAttempts()},
		{"Programs, from languages", languageAttempts()},
		{"Files", fileAttempts()},
		{"Connections and ports", networkAttempts()},
		{"Names", nameAttempts()},
		{"The Defender itself", defenderAttempts()},
	}
}

// column is one way to be protected: a tier in a sandbox profile.
type column struct {
	name   string
	title  string
	tiers  string // AUTODEFEND_TIERS
	lambda bool
}

func columns() []column {
	return []column{
		{"kernel", "tier kernel", "kernel,watch", false},
		{"preload", "tier preload, where the sandbox permits everything", "preload,watch", false},
		{"preload-lambda", "tier preload, in Lambda's sandbox", "preload,watch", true},
	}
}

// expected returns the verdict that the data promise.
func (a attempt) expected(c column) verdict {
	want := a.preload
	switch {
	case c.tiers == "kernel,watch":
		want = a.kernel
	case c.lambda && a.preloadLambda != "":
		want = a.preloadLambda
	}
	if want == "" {
		return prevented
	}
	return want
}

// order is what a cell is to do for an attempt, without the Defender.
func (a attempt) order() order {
	argv := a.argv()
	if a.proof == down || a.proof == won || a.proof == forged || a.about == "" {
		argv = append([]string{standinPath}, argv...)
	}
	o := order{Argv: argv, Within: a.within, Watch: a.proof == down, WritableLayer: a.writableLayer}
	if a.proof == listened {
		o.ListenPort = listenPort
	}
	o.Env = append([]string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"LANG=en_US.UTF-8",
		"LAMBDA_TASK_ROOT=/var/task",
		"AWS_LAMBDA_FUNCTION_NAME=target",
		"AWS_REGION=us-east-1",
		"AWS_LAMBDA_RUNTIME_API=" + realAPI,
		"PYTHONDONTWRITEBYTECODE=1",
	}, a.env...)
	return o
}

// argv returns the command: a program of testdata by its path, a script by its interpreter.
func (a attempt) argv() []string {
	name := a.run[0]
	path := "/var/task/" + name
	switch filepath.Ext(name) {
	case ".py":
		return append([]string{"/usr/bin/python3", path}, a.run[1:]...)
	case ".cjs":
		return append([]string{node, path}, a.run[1:]...)
	case ".rb":
		return append([]string{ruby, path}, a.run[1:]...)
	case ".class":
		return append([]string{"/usr/bin/java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", "/var/task", strings.TrimSuffix(name, ".class")}, a.run[1:]...)
	}
	if name == "sh" {
		return append([]string{"/bin/sh", "/var/task/" + a.run[1]}, a.run[2:]...)
	}
	return append([]string{path}, a.run[1:]...)
}

// unprotected changes an order to one without the Defender, in a profile.
func unprotected(o order, lambda bool) order {
	o.Lambda = lambda
	o.Env = append(o.Env, envRole+"=standin", "TW_POLICY=stand-in")
	return o
}

// protected changes an order to one with the Defender, whose only tiers are a column's.
func protected(t *testing.T, o order, a attempt, c column) order {
	t.Helper()
	if o.Argv[0] == standinPath {
		o.Argv = o.Argv[1:]
	}
	o.Argv = append([]string{wrapperPath}, o.Argv...)
	o.Lambda = c.lambda
	o.Env = append(o.Env, "AUTODEFEND_TIERS="+c.tiers, "AWS_LAMBDA_EXEC_WRAPPER="+wrapperPath, policy.EnvironmentVariable+"="+encoded(t, a.rule))
	return o
}

// encoded returns the value of TW_POLICY for a rule of testdata.
func encoded(t *testing.T, rule string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rules", rule+".json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(text)
	if err != nil {
		t.Fatalf("rule %s: %v", rule, err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	value, err := policy.Encode(policy.Envelope{
		Rule:   &p.Rules[0],
		Target: policy.Target{Function: "target", Region: "us-east-1", Provider: "aws"},
		Issued: time.Unix(1_700_000_000, 0),
	}, key, 0)
	if err != nil {
		t.Fatalf("rule %s: %v", rule, err)
	}
	return value
}

// results collects the verdicts for the figures.
type results struct {
	mu    sync.Mutex
	found map[string]map[verdict]int // by column
	runs  int
	took  time.Duration
	races int
	least int // tries of a race with the Defender, at the least
	tries int
}

// race counts the tries of a race with the Defender.
func (r *results) race(one report) {
	if one.Tries == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.races++
	r.tries += one.Tries
	if r.least == 0 || one.Tries < r.least {
		r.least = one.Tries
	}
}

func (r *results) add(column string, v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.found[column] == nil {
		r.found[column] = make(map[verdict]int)
	}
	r.found[column][v]++
}

func (r *results) ran(one report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
	r.took += one.Took
}

func TestAttempts(t *testing.T) {
	built.make(t)
	r := &results{found: make(map[string]map[verdict]int)}
	t.Run("attempt", func(t *testing.T) {
		for _, a := range attempts() {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				if need := a.missing(); need != "" {
					t.Skipf("SKIPPED: this machine has no %s", need)
				}
				tryAttempt(t, a, r)
			})
		}
	})
	r.print(t)
}

// tryAttempt runs an attempt without the Defender, and with it in each column.
func tryAttempt(t *testing.T, a attempt, r *results) {
	t.Run("control", func(t *testing.T) {
		got, ok := control(t, a, false, r)
		if !ok {
			t.Errorf("without the Defender the attempt fails, so it proves nothing:\n%s", got)
		}
	})
	for _, c := range columns() {
		t.Run(c.name, func(t *testing.T) {
			got := launch(t, protected(t, a.order(), a, c))
			r.ran(got)
			r.race(got)
			v := a.judge(got)
			if c.lambda && (v == refused || v == broken) {
				// Nothing happened and nobody says why: perhaps the sandbox refuses it.
				if _, ok := control(t, a, true, r); !ok {
					v = outside
				}
			}
			want := a.expected(c)
			if want == uncovered && lucky(got) {
				v = uncovered
			}
			r.add(c.name, v)
			if got.Hung || v != want {
				t.Errorf("verdict %q, want %q:\n%s", v, want, got)
			}
		})
	}
}

// control runs an attempt without the Defender. A race may need more than one run to be won.
func control(t *testing.T, a attempt, lambda bool, r *results) (report, bool) {
	t.Helper()
	var got report
	for range 1 + min(a.tries, 5) {
		got = launch(t, unprotected(a.order(), lambda))
		r.ran(got)
		if a.succeeded(got) {
			return got, true
		}
	}
	return got, false
}

// String tells everything about a run, for a failing test.
func (r report) String() string {
	output := r.Output
	if len(output) > 4000 {
		output = output[:4000] + "..."
	}
	r.Output = ""
	facts, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s\n%s", facts, output)
}

// print shows the matrix in numbers.
func (r *results) print(t *testing.T) {
	t.Helper()
	t.Logf("figure: %d attempts, %d runs, %v inside of them", len(attempts()), r.runs, r.took.Round(time.Second))
	t.Logf("figure: races with the Defender: %d, %d tries in all, %d in the shortest", r.races, r.tries, r.least)
	for _, c := range columns() {
		line := make([]string, 0, len(r.found[c.name]))
		for _, v := range []verdict{prevented, refused, ended, outside, detected, uncovered, broken} {
			if n := r.found[c.name][v]; n > 0 {
				line = append(line, fmt.Sprintf("%d %s", n, v))
			}
		}
		t.Logf("figure: %s: %s", c.name, strings.Join(line, ", "))
	}
}

func TestAttemptsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range attempts() {
		if seen[a.name] {
			t.Errorf("two attempts are called %s", a.name)
		}
		seen[a.name] = true
		if a.about == "" || a.proof == "" || len(a.run) == 0 {
			t.Errorf("%s is not complete", a.name)
		}
		if _, err := os.Stat(filepath.Join("testdata", "rules", a.rule+".json")); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}
