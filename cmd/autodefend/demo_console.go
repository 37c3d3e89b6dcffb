package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/settings"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/policy"
)

// demoConsole is the Console that the demo's functions report to.
type demoConsole struct {
	*openConsole
	password string
	stop     context.CancelFunc
	served   chan error
}

// startDemoConsole starts a Console in a directory, for this machine only.
func startDemoConsole(dir, programs string) (*demoConsole, error) {
	command := &consoleCommand{
		app: &app{stdout: io.Discard, stderr: io.Discard, quiet: true}, listen: "127.0.0.1:0", programs: programs,
		auditAge: 24 * time.Hour, auditMB: 100, getenv: func(string) string { return "" },
		where: consoleData{dir: dir, database: filepath.Join(dir, databaseFile)},
	}
	ctx, stop := context.WithCancel(context.Background())
	opened, err := command.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		stop()
		return nil, err
	}
	d := &demoConsole{openConsole: opened, stop: stop, served: make(chan error, 1)}
	go func() { d.served <- opened.serve(ctx) }()
	if d.password, _, err = opened.services.access.Bootstrap(ctx, firstAdministrator, ""); err != nil {
		_ = d.end()
		return nil, err
	}
	return d, nil
}

// end stops the Console; nil has nothing to stop.
func (d *demoConsole) end() error {
	if d == nil {
		return nil
	}
	d.stop()
	return <-d.served
}

// environ leads the command api to the Console.
func (d *demoConsole) environ() []string {
	return []string{
		consoleAddressVariable + "=" + d.local, consoleFingerprintVariable + "=" + d.trust.fingerprint,
		consoleUserVariable + "=" + firstAdministrator, consolePasswordVariable + "=" + d.password,
	}
}

// connect gives the Console the demo's policies, and the attacked functions the way to the Console.
func (c *demoCommand) connect(ctx context.Context) error {
	c.note("A Console is up at %s. It takes the same policies, and the two functions get theirs from it from now on, each with a token of its own.", c.console.local)
	for _, args := range [][]string{
		{"POST", "/collections", "--data", `{"name": "all functions", "functions": ["*"]}`},
		{"POST", "/collections", "--data", `{"name": "the shop's search", "functions": ["` + demoSearch + `"]}`},
		{"PUT", "/policies/runtime/serverless", "--data", "@policy.json"},
		{"PUT", "/policies/firewall/app/serverless", "--data", "@firewall.json"},
	} {
		if err := c.step(ctx, append([]string{"api"}, args...)...); err != nil {
			return err
		}
	}
	for _, name := range []string{demoInvoices, demoSearch} {
		target := policy.Target{Function: name, Region: "us-east-1", AccountID: lambdasim.DemoProduction, Provider: "aws"}
		value, _, err := c.console.services.settings.Envelope(ctx, settings.Target{Target: target, Account: lambdasim.DemoProduction}, demoPolicyRoom)
		if err != nil {
			return err
		}
		err = c.world.EditFunction(lambdasim.DemoProduction, "us-east-1", name, func(f *lambdasim.FunctionSpec) {
			f.Env[policy.EnvironmentVariable] = value
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// demoPolicyRoom is how large a function's policy may be, in bytes: Lambda's 4 KB for all variables, less some.
const demoPolicyRoom = 3500

// reported shows what the functions told the Console.
func (c *demoCommand) reported(ctx context.Context) error {
	c.note("The functions have told the Console, too. This is read from there: the last of each kind.")
	for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
		if err := c.awaitAudits(ctx, stream); err != nil {
			return err
		}
	}
	shown := []string{"-Q", "fields=function,effect,attackType,type,msg", "-Q", "limit=2"}
	for _, path := range []string{"/audits/runtime/serverless", "/audits/firewall/app/serverless"} {
		if err := c.step(ctx, append([]string{"api", "GET", path}, shown...)...); err != nil {
			return err
		}
	}
	return nil
}

// auditPatience is how long the functions' reports may take.
const auditPatience = 30 * time.Second

// awaitAudits waits until the Console has an audit of a stream.
func (c *demoCommand) awaitAudits(ctx context.Context, stream api.Stream) error {
	ctx, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		count, err := c.console.database.CountAudits(ctx, api.AuditQuery{Stream: stream})
		if err == nil && count.Total > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return autodefend.Errorf(autodefend.CodeUnavailable, "no function reported to the Console within %s", auditPatience)
		case <-ticker.C:
		}
	}
}
