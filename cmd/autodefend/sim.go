package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// simCommand is the command sim with its flags.
type simCommand struct {
	*app
	addr   string
	seed   uint64
	estate string
	quotas bool
	faults float64
	// profile is the sandbox that functions run in, empty when they don't.
	profile string
	logs    bool

	runner *functionRunner // nil without a profile
}

func newSim(a *app) *cobra.Command {
	c := &simCommand{app: a}
	cmd := &cobra.Command{
		Long: `Serves a simulated AWS Lambda with its rules, limits and rates, and the few calls of
other services that go with it, on this machine only. Any AWS client can use it: the
aws command, boto3, Terraform, autodefend. With --run functions are run in sandboxes
on this machine. Ends with Ctrl-C.`,
		Example: `  autodefend sim &
  AWS_ENDPOINT_URL=http://127.0.0.1:4599 aws lambda list-functions
  autodefend sim --run=lambda --logs`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&c.addr, "addr", "127.0.0.1:4599", "loopback `ADDRESS` to listen on; port 0 picks one")
	cmd.Flags().Uint64Var(&c.seed, "seed", 1, "`NUMBER` that decides ids, times and the estate")
	cmd.Flags().StringVar(&c.estate, "estate", "demo", "`ESTATE` to begin with: demo or empty")
	cmd.Flags().BoolVar(&c.quotas, "quotas", true, "limit rates as AWS does")
	cmd.Flags().Float64Var(&c.faults, "faults", 0, "`SHARE` of calls, 0 to 1, that go wrong in some way; the seed decides which")
	cmd.Flags().StringVar(&c.profile, "run", "", "run functions that are invoked, in sandboxes of a `PROFILE`: open, as containers, or lambda, as AWS Lambda's")
	cmd.Flags().Lookup("run").NoOptDefVal = "open"
	cmd.Flags().BoolVar(&c.logs, "logs", false, "print what functions log to standard error")
	return cmd
}

func (c *simCommand) run(ctx context.Context) error {
	world, err := c.world()
	if err != nil {
		return err
	}
	server, err := serveWorld(c.addr, world)
	if err != nil {
		return errors.Join(err, c.closeRunner())
	}
	fmt.Fprintf(c.stdout, "# A simulated AWS: accounts %s (production) and %s (staging). Point a client at it with:\n",
		lambdasim.DemoProduction, lambdasim.DemoStaging)
	for _, variable := range server.environ() {
		fmt.Fprintf(c.stdout, "export %s\n", variable)
	}
	c.say("autodefend: serving until interrupted")
	<-ctx.Done()
	return errors.Join(server.stop(), c.closeRunner())
}

// openRunner makes the runner that --run asks for.
func (c *simCommand) openRunner(opts *lambdasim.Options) error {
	if c.profile == "" {
		return nil
	}
	var output io.Writer
	if c.logs {
		output = c.stderr
	}
	var err error
	if c.runner, err = newFunctionRunner(c.profile, output, c.stderr); err != nil {
		return err
	}
	opts.Invoker = c.runner
	return nil
}

// closeRunner ends the functions that run.
func (c *simCommand) closeRunner() error {
	if c.runner == nil {
		return nil
	}
	return c.runner.close()
}

// world makes the simulated AWS that the flags ask for.
func (c *simCommand) world() (*lambdasim.World, error) {
	opts := lambdasim.Options{Seed: c.seed, Settle: quickSettle()}
	if c.quotas {
		opts.Quotas = lambdasim.AWSQuotas()
	}
	if !(c.faults >= 0 && c.faults <= 1) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --faults: %g isn't a share", c.faults).WithHint("0.05 lets one call in twenty go wrong")
	}
	if c.faults > 0 {
		opts.Faults = lambdasim.SeededFaults(c.seed, mixedFaults(c.faults))
	}
	if c.estate != "demo" && c.estate != "empty" {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --estate: there is no estate %q", c.estate).WithHint("name demo or empty")
	}
	if err := c.openRunner(&opts); err != nil {
		return nil, err
	}
	world := lambdasim.New(opts)
	switch c.estate {
	case "demo":
		lambdasim.BuildDemo(world)
	case "empty":
		for _, id := range []string{lambdasim.DemoProduction, lambdasim.DemoStaging} {
			world.AddAccount(lambdasim.Account{ID: id, Regions: []string{"us-east-1", "us-west-2", "eu-west-1", "eu-central-1"}})
		}
	}
	return world, nil
}

// mixedFaults shares the faults out evenly among all kinds.
func mixedFaults(share float64) lambdasim.FaultRates {
	each := share / 8
	return lambdasim.FaultRates{
		Throttle: each, ServerError: each, ServerErrorAfter: each, DropBefore: each, DropAfter: each,
		Slow: each, OwnerEdit: each, UpdateFails: each,
	}
}

// quickSettle is how long updates take: long enough to be seen in progress.
func quickSettle() lambdasim.SettleTimes {
	return lambdasim.SettleTimes{Min: 100 * time.Millisecond, Max: 400 * time.Millisecond}
}

// simServer serves a world.
type simServer struct {
	url    string
	server *http.Server
	done   chan error
}

// serveWorld serves a world on a loopback address. Nobody else shall reach it:
// it doesn't check signatures.
func serveWorld(addr string, world http.Handler) (*simServer, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --addr: %q isn't an address", addr).WithHint("an address looks like 127.0.0.1:4599")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --addr: %q isn't a loopback address", addr).
			WithHint("the simulator doesn't check signatures, so it serves this machine only; use 127.0.0.1, [::1] or localhost")
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeUnavailable, "option --addr: %s", err).WithHint("choose another port, or 0 for a free one")
	}
	s := &simServer{
		url:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: world, ReadHeaderTimeout: 10 * time.Second},
		done:   make(chan error, 1),
	}
	go func() { s.done <- s.server.Serve(listener) }()
	return s, nil
}

// environ returns the variables that lead an AWS client here.
func (s *simServer) environ() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.url,
		"AWS_ACCESS_KEY_ID=AKIASIM" + lambdasim.DemoProduction,
		"AWS_SECRET_ACCESS_KEY=simulated",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
	}
}

// stop ends the server at once.
func (s *simServer) stop() error {
	err := s.server.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
