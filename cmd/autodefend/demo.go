package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/layer"
)

// demoAsOf is the day that the estate's runtimes are judged as of, so that the
// demo tells the same story in years.
const demoAsOf = "2026-07-15"

// demoCommand is the command demo with its flags.
type demoCommand struct {
	*app
	keep     bool
	seed     uint64
	programs string

	world   *lambdasim.World
	server  *simServer
	runner  *functionRunner
	console *demoConsole
	dir     string
	program string
}

func newDemo(a *app) *cobra.Command {
	c := &demoCommand{app: a}
	cmd := &cobra.Command{
		Long: `Starts a simulated AWS with two accounts and about 200 functions, and runs the real
commands on it: plan, apply, status, a roll-back. Two functions are attacked without and
with the Defender, and report to a Console. Needs no AWS account, takes under a minute and
leaves nothing behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&c.keep, "keep", false, "stay up for exploring until Ctrl-C")
	cmd.Flags().Uint64Var(&c.seed, "seed", 1, "`NUMBER` that decides the estate")
	programsFlag(cmd, &c.programs)
	return cmd
}

func (c *demoCommand) run(ctx context.Context) error {
	started := time.Now()
	// A reader that goes away, such as head, ends the demo as an error does:
	// what it made is removed.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGPIPE)
	defer signal.Stop(hangup)
	if err := c.setUp(); err != nil {
		return err
	}
	err := c.show(ctx)
	if err == nil {
		c.note("That took %s. %s", time.Since(started).Round(time.Second/10), c.calls())
		c.wayOn()
		if c.keep {
			<-ctx.Done()
		}
	}
	return errors.Join(err, c.tearDown())
}

// tearDown ends what setUp and the steps have started.
func (c *demoCommand) tearDown() error {
	errs := []error{c.server.stop()}
	if c.runner != nil {
		errs = append(errs, c.runner.close())
	}
	errs = append(errs, c.console.end())
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// setUp starts the simulated AWS and writes a configuration for it.
func (c *demoCommand) setUp() error {
	for _, arch := range layer.Arches() {
		if _, err := layer.Locate(c.programs, arch); err != nil {
			return notBuilt(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	c.program = self
	c.dir, err = os.MkdirTemp("", "autodefend-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	configuration := fmt.Sprintf(`# The demo's configuration: the caller's own account, and another by its role.
regions: [all]
accounts:
  - role_arn: %s
  - role_arn: %s
    external_id: %s
exclude: [legacy-billing-*]
versions: true
metrics: true
as_of: %s
rate: 1000
`, ownAccount, lambdasim.DemoRole, lambdasim.DemoExternalID, demoAsOf)
	if err := os.WriteFile(filepath.Join(c.dir, defaultConfigFile), []byte(configuration), 0o600); err != nil {
		return errors.Join(fmt.Errorf("write the demo's configuration: %w", err), os.RemoveAll(c.dir))
	}
	c.runner, err = newFunctionRunner("lambda", nil, c.stderr)
	if err != nil {
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	// Without AWS's rate limits, so that nobody has to wait.
	c.world = lambdasim.New(lambdasim.Options{Seed: c.seed, Settle: quickSettle(), Invoker: c.runner})
	lambdasim.BuildDemo(c.world)
	c.server, err = serveWorld("127.0.0.1:0", c.world)
	if err != nil {
		return errors.Join(err, c.runner.close(), os.RemoveAll(c.dir))
	}
	c.console, err = startDemoConsole(filepath.Join(c.dir, "console"), c.programs)
	if err != nil {
		return errors.Join(err, c.server.stop(), c.runner.close(), os.RemoveAll(c.dir))
	}
	return nil
}

// show runs the commands.
func (c *demoCommand) show(ctx context.Context) error {
	c.note("A simulated AWS is up at %s: accounts %s (production) and %s (staging).", c.server.url, lambdasim.DemoProduction, lambdasim.DemoStaging)
	c.note("First the Defender's layer is published in each account and region.")
	publish := []string{"layer", "publish"}
	if c.programs != "" {
		publish = append(publish, "--programs", c.programs)
	}
	if err := c.step(ctx, publish...); err != nil {
		return err
	}
	if err := c.putVictims(ctx); err != nil {
		return err
	}
	runs := c.attackable()
	if runs {
		c.note("One function in production renders invoices, another searches the shop. Nobody protects them yet, and this is what their callers can do:")
		if err := c.attack(ctx, slices.Concat(attacks()[:2], requests()[:2])); err != nil {
			return err
		}
	}
	before := c.world.Stats().Mutating()
	c.note("What could be protected, and what not, and why? A plan changes nothing.")
	if err := c.step(ctx, append([]string{"plan", "--out", "plan.json"}, embedded()...)...); err != nil {
		return err
	}
	if made := c.world.Stats().Mutating() - before; made != 0 {
		return autodefend.Errorf(autodefend.CodeInternal, "the plan made %d calls that change something", made)
	}
	p, err := readPlanFile(filepath.Join(c.dir, "plan.json"))
	if err != nil {
		return err
	}
	if err := c.change(ctx); err != nil {
		return err
	}
	if runs {
		if err := c.connect(ctx); err != nil {
			return err
		}
		c.note("The same functions again, in a sandbox that refuses what Lambda's refuses. Their callers do all they can think of.")
		if err := c.attack(ctx, attacks()); err != nil {
			return err
		}
		c.note("And their requests. What the firewall refuses, the function never sees.")
		if err := c.attack(ctx, requests()); err != nil {
			return err
		}
		if err := c.reported(ctx); err != nil {
			return err
		}
	}
	return c.end(ctx, p)
}

// change carries out the plan.
func (c *demoCommand) change(ctx context.Context) error {
	apply := append([]string{"apply", "--plan", "plan.json", "--yes", "--quiet"}, embedded()...)
	return c.steps(ctx, []scene{
		{"Now the plan is carried out: one guarded update for each function, verified, then tagged.", apply},
		{"The coverage, what is left, and why.", []string{"status"}},
	})
}

// end takes one function back.
func (c *demoCommand) end(ctx context.Context, p *autodefend.Plan) error {
	one, err := plainChange(p)
	if err != nil {
		return err
	}
	return c.steps(ctx, []scene{
		{"One function is taken back. What its owner has is as it was.", []string{"rollback", "--function", one.Name, "--yes"}},
		{"And the coverage once more.", []string{"status", "--quiet"}},
	})
}

// embedded are the options that embed the demo's policies.
func embedded() []string {
	return []string{"--policy", "policy.json", "--waas", "firewall.json", "--policy-key", "policy.key"}
}

// scene is one command and what the narrator says before it.
type scene struct {
	note string
	args []string
}

func (c *demoCommand) steps(ctx context.Context, scenes []scene) error {
	for _, s := range scenes {
		c.note("%s", s.note)
		if err := c.step(ctx, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// plainChange returns a function that the plan protects: one with layers of its
// owner, which a roll-back keeps, and with a name that no other has.
func plainChange(p *autodefend.Plan) (autodefend.Verdict, error) {
	named := map[string]int{}
	for _, v := range p.Functions {
		named[v.Name]++
	}
	i := slices.IndexFunc(p.Functions, func(v autodefend.Verdict) bool {
		return v.Decision == autodefend.Protect && len(v.Warnings) == 0 && len(v.Change.Layers.Before) > 0 && named[v.Name] == 1
	})
	if i < 0 {
		return autodefend.Verdict{}, autodefend.Errorf(autodefend.CodeInternal, "the demo's plan protects nothing")
	}
	return p.Functions[i], nil
}

// step runs one command of this program as a user would, in an environment
// that leads to the simulated AWS only.
func (c *demoCommand) step(ctx context.Context, args ...string) error {
	fmt.Fprintf(c.stdout, "\n$ autodefend %s\n", shellWords(args))
	cmd := exec.CommandContext(ctx, c.program, args...) //nolint:gosec // ourselves
	cmd.Dir = c.dir
	cmd.Env = append(cleanEnviron(), c.environ()...)
	cmd.Stdout, cmd.Stderr = c.stdout, c.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return autodefend.Errorf(autodefend.CodeUnavailable, "interrupted")
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == int(exitPartly) {
		return nil // some functions of the estate fail on purpose
	}
	if err != nil {
		return fmt.Errorf("autodefend %s: %w", args[0], err)
	}
	return nil
}

// shellWords writes arguments as one types them in a shell.
func shellWords(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg
		if strings.ContainsAny(arg, " {}\"*$;|&'") {
			words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// environ leads a program to the simulated AWS and nowhere else.
func (c *demoCommand) environ() []string {
	return append(append(c.server.environ(), c.console.environ()...),
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AUTODEFEND_CONFIG="+filepath.Join(c.dir, defaultConfigFile))
}

// calls sums up what was asked of the simulated AWS.
func (c *demoCommand) calls() string {
	stats := c.world.Stats()
	return fmt.Sprintf("The commands made %d calls, %d of them changes; the plan made none.", stats.Total(), stats.Mutating())
}

// wayOn tells where to look next.
func (c *demoCommand) wayOn() {
	if c.keep {
		c.note("It stays up until Ctrl-C. To explore, in another terminal:")
		for _, variable := range c.environ() {
			fmt.Fprintf(c.stdout, "export %s\n", variable)
		}
		fmt.Fprintf(c.stdout, "%s explain checkout-api\n%s status -o html > status.html\naws lambda list-functions\n", c.program, c.program)
		return
	}
	c.note("Explore it yourself:     autodefend demo --keep\nOn your own account:     autodefend plan   (changes nothing)\nHow it works:            README.md and docs/architecture.md")
}

// note writes a remark of the narrator.
func (c *demoCommand) note(format string, args ...any) {
	fmt.Fprintf(c.stdout, "\n"+format+"\n", args...)
}
