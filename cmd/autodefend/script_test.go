package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// The commands that scripts have beside testscript's own:
//
//	sim [-quotas] [-nolayer] [demo]  start a simulated AWS and point the SDK at it
//	fill N                           add N functions that can be protected
//	edit REGION NAME FIELD=VALUE...  change a function of production as its owner would
//	deny ACTION [REASON]             take an action from everybody in production
//	fault OPERATION KIND             let the next call of an operation go wrong
//	slow OPERATION DURATION          delay every call of an operation
//	state REGION NAME                print what production's function is like
//	mutating N                       assert how many mutating calls were made, since asked
//	updates N                        assert how many functions were updated, since asked
//	await OPERATION N                wait until an operation was called so often
//	awaitfile FILE TEXT              wait until a file holds a text
//	exits CODE PROGRAM ARGS...       run a program and assert its exit code
//	nosecrets FILE...                assert that no output and no file holds a secret
//	programs [-real]                 put stand-ins of the layer's programs into $PROGRAMS, or this machine's own built
//	replace FILE OLD NEW             replace a text in a file
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"sim":       cmdSim,
		"fill":      cmdFill,
		"edit":      cmdEdit,
		"deny":      cmdDeny,
		"fault":     cmdFault,
		"slow":      cmdSlow,
		"state":     cmdState,
		"mutating":  cmdMutating,
		"updates":   cmdUpdates,
		"awaitfile": cmdAwaitFile,
		"await":     cmdAwait,
		"exits":     cmdExits,
		"nosecrets": cmdNoSecrets,
		"programs":  cmdPrograms,
		"replace":   cmdReplace,
	}
}

// secretMark begins the secrets of every simulated estate.
const secretMark = "hunter2-"

// simulation is a script's simulated AWS.
type simulation struct {
	world *lambdasim.World

	mu     sync.Mutex // guards the fields below
	faults map[string]lambdasim.FaultKind
	delays map[string]time.Duration
}

// Inject does what the commands fault and slow asked for.
func (s *simulation) Inject(c lambdasim.Call) lambdasim.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := lambdasim.Fault{Kind: s.faults[c.Operation], Delay: s.delays[c.Operation]}
	delete(s.faults, c.Operation)
	return f
}

type simulationKey struct{}

// setUpScript gives a script an environment in which nothing leads to AWS.
func setUpScript(env *testscript.Env) error {
	s := &simulation{faults: map[string]lambdasim.FaultKind{}, delays: map[string]time.Duration{}}
	env.Values[simulationKey{}] = s
	for _, variable := range []string{
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AUTODEFEND_AS_OF=2026-07-15", "AUTODEFEND_RATE=1000", "PRODUCTION=" + lambdasim.DemoProduction,
		"STAGING=" + lambdasim.DemoStaging, "ROLE=" + lambdasim.DemoRole, "EXTERNAL_ID=" + lambdasim.DemoExternalID,
		// The race detector waits a second at the end of each process otherwise.
		"GORACE=atexit_sleep_ms=0",
	} {
		name, value, _ := strings.Cut(variable, "=")
		env.Setenv(name, value)
	}
	return nil
}

func simulationOf(ts *testscript.TestScript) *simulation {
	return ts.Value(simulationKey{}).(*simulation) //nolint:forcetypeassert // setUpScript puts it there
}

func cmdSim(ts *testscript.TestScript, _ bool, args []string) {
	s := simulationOf(ts)
	opts := lambdasim.Options{Seed: 7, Faults: s}
	if slices.Contains(args, "-quotas") {
		opts.Quotas = lambdasim.AWSQuotas()
	}
	s.world = lambdasim.New(opts)
	if slices.Contains(args, "demo") {
		lambdasim.BuildDemo(s.world)
	} else {
		smallEstate(s.world)
	}
	if !slices.Contains(args, "-nolayer") {
		defenderLayers(s.world)
	}
	server, err := serveWorld("127.0.0.1:0", s.world)
	ts.Check(err)
	ts.Defer(func() { _ = server.stop() })
	for _, variable := range server.environ() {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

// defenderLayers publishes a stand-in of the layer everywhere.
func defenderLayers(w *lambdasim.World) {
	for _, place := range [][2]string{{lambdasim.DemoProduction, "us-east-1"}, {lambdasim.DemoProduction, "eu-west-1"}, {lambdasim.DemoStaging, "us-east-1"}} {
		for _, arch := range []string{"x86_64", "arm64"} {
			w.PutLayerVersion(place[0], place[1], lambdasim.LayerSpec{
				Name: "autodefend-defender-" + arch, CodeSize: 2_000_000, UnzippedSize: 5_000_000, Architectures: []string{arch},
			})
		}
	}
}

// smallEstate has a function of each kind that the commands treat apart.
func smallEstate(w *lambdasim.World) {
	const production, staging = lambdasim.DemoProduction, lambdasim.DemoStaging
	w.AddAccount(lambdasim.Account{ID: production, Alias: "production", Regions: []string{"us-east-1", "eu-west-1"}})
	w.AddAccount(lambdasim.Account{ID: staging, Alias: "staging", Regions: []string{"us-east-1"}, Roles: []lambdasim.Role{{
		Name: "AutodefendDeployer", TrustedAccounts: []string{production}, ExternalID: lambdasim.DemoExternalID,
	}}})
	layer := w.PutLayerVersion(production, "us-east-1", lambdasim.LayerSpec{Name: "shared-utils", CodeSize: 400_000, UnzippedSize: 900_000})
	put := func(account, region string, f lambdasim.FunctionSpec) {
		f.Role = "arn:aws:iam::" + account + ":role/lambda"
		f.Handler = "app.handler"
		if f.Runtime == "" && f.PackageType == "" {
			f.Runtime = "python3.13"
		}
		if f.Memory == 0 {
			f.Memory = 512
		}
		w.PutFunction(account, region, f)
	}
	put(production, "us-east-1", lambdasim.FunctionSpec{
		Name: "orders-api", Layers: []string{layer}, Tags: map[string]string{"team": "shop"},
		Env: map[string]string{"LOG_LEVEL": "info", "DB_PASSWORD": secretMark + "3f9c2d4e5a6b7c81"},
	})
	put(production, "us-east-1", lambdasim.FunctionSpec{
		Name: "orders-worker", Runtime: "nodejs22.x", Architectures: []string{"arm64"}, Tags: map[string]string{"team": "shop"},
		Env: map[string]string{"STRIPE_API_KEY": secretMark + "0a1b2c3d4e5f6071"},
	})
	put(production, "us-east-1", lambdasim.FunctionSpec{Name: "billing-image", PackageType: "Image", ImageURI: production + ".dkr.ecr.us-east-1.amazonaws.com/billing:1"})
	put(production, "us-east-1", lambdasim.FunctionSpec{Name: "legacy-report", Runtime: "go1.x", Memory: 128})
	put(production, "us-east-1", lambdasim.FunctionSpec{Name: "cwsyn-checkout-canary"})
	put(production, "eu-west-1", lambdasim.FunctionSpec{Name: "mailer", Env: map[string]string{"SMTP_PASSWORD": secretMark + "99aabbccddeeff00"}})
	put(staging, "us-east-1", lambdasim.FunctionSpec{Name: "staging-api", Env: map[string]string{"TOKEN": secretMark + "1122334455667788"}})
}

func cmdFill(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	lambdasim.BuildFleet(simulationOf(ts).world, lambdasim.DemoProduction, "us-east-1", n, lambdasim.FleetCandidates)
}

func cmdEdit(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(simulationOf(ts).world.EditFunction(lambdasim.DemoProduction, args[0], args[1], func(f *lambdasim.FunctionSpec) {
		for _, change := range args[2:] {
			field, value, _ := strings.Cut(change, "=")
			switch name, isEnv := strings.CutPrefix(field, "env."); {
			case isEnv:
				if f.Env == nil {
					f.Env = map[string]string{}
				}
				f.Env[name] = value
			case field == "memory":
				n, err := strconv.Atoi(value)
				ts.Check(err)
				f.Memory = n
			case field == "handler":
				f.Handler = value
			default:
				ts.Fatalf("edit: unknown field %q", field)
			}
		}
	}))
}

func cmdDeny(ts *testscript.TestScript, _ bool, args []string) {
	simulationOf(ts).world.Deny(lambdasim.DemoProduction, args[0], strings.Join(append(args[1:], "denied"), " "))
}

func cmdFault(ts *testscript.TestScript, _ bool, args []string) {
	for kind := lambdasim.None; kind <= lambdasim.UpdateFails; kind++ {
		if kind.String() == args[1] {
			s := simulationOf(ts)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.faults[args[0]] = kind
			return
		}
	}
	ts.Fatalf("fault: unknown kind %q", args[1])
}

func cmdSlow(ts *testscript.TestScript, _ bool, args []string) {
	delay, err := time.ParseDuration(args[1])
	ts.Check(err)
	s := simulationOf(ts)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delays[args[0]] = delay
}

// functionState is what a script wants to know of a function.
type functionState struct {
	Handler   string
	Memory    int
	Layers    []string
	Variables map[string]string
	Tags      map[string]string
}

func cmdState(ts *testscript.TestScript, _ bool, args []string) {
	f, ok := simulationOf(ts).world.Function(lambdasim.DemoProduction, args[0], args[1])
	if !ok {
		ts.Fatalf("state: no function %s in %s", args[1], args[0])
	}
	b, err := json.MarshalIndent(functionState{f.Handler, f.Memory, f.Layers, f.Env, f.Tags}, "", "  ")
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n", b)
}

func cmdMutating(ts *testscript.TestScript, _ bool, args []string) {
	stats := simulationOf(ts).world.Stats()
	if got := strconv.Itoa(stats.Mutating()); got != args[0] {
		ts.Fatalf("%s mutating calls were made, want %s: %v", got, args[0], stats.Calls)
	}
	stats.Reset()
}

func cmdUpdates(ts *testscript.TestScript, _ bool, args []string) {
	stats := simulationOf(ts).world.Stats()
	if got := strconv.Itoa(stats.Operation("UpdateFunctionConfiguration")); got != args[0] {
		ts.Fatalf("%s updates were sent, want %s", got, args[0])
	}
	stats.Reset()
}

// patience is how long a script waits for what comes within seconds on an idle machine.
const patience = 5 * time.Minute

func cmdAwaitFile(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(b), args[1]) {
			return
		}
	}
	ts.Fatalf("awaitfile: %s doesn't hold %q after %s", args[0], args[1], patience)
}

func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if simulationOf(ts).world.Stats().Operation(args[0]) >= n {
			return
		}
	}
	ts.Fatalf("await: %s wasn't called %d times in %s", args[0], n, patience)
}

func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func cmdNoSecrets(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range append([]string{"stdout", "stderr"}, args...) {
		if strings.Contains(ts.ReadFile(name), secretMark) {
			ts.Fatalf("%s holds a secret", name)
		}
	}
}

func cmdPrograms(ts *testscript.TestScript, _ bool, args []string) {
	real := slices.Contains(args, "-real")
	dir := ts.MkAbs("stand-ins")
	if real {
		dir = ts.MkAbs("programs")
	}
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(writePrograms(dir))
	if real {
		ts.Check(buildPrograms(dir))
	}
	ts.Setenv("PROGRAMS", dir)
}

func cmdReplace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("replace: %s doesn't hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}
