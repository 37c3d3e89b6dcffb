package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/access"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/store"
)

// Environment variables of the Console, for what doesn't belong on a command line.
const (
	adminPasswordVariable = "AUTODEFEND_ADMIN_PASSWORD"
	databaseVariable      = "AUTODEFEND_DATABASE"
	metricsTokenVariable  = "AUTODEFEND_METRICS_TOKEN" //nolint:gosec // it's a name
)

// firstAdministrator is the user that the first start makes.
const firstAdministrator = "admin"

// consoleCommand is the command console with its flags.
type consoleCommand struct {
	*app
	listen   string
	insecure bool
	address  string
	names    []string
	tlsCert  string
	tlsKey   string
	tlsCA    string
	proxies  []string
	alertTo  []string
	programs string
	auditAge time.Duration
	auditMB  int64

	where consoleData
}

func newConsole(a *app) *cobra.Command {
	c := &consoleCommand{app: a}
	cmd := &cobra.Command{
		Long: `Serves the Console: policies, collections, auto-defend rules and audits, by an API that
Prisma Cloud Compute's clients speak. docs/api.md is the guide to it.

The first start makes a directory with a master key, a self-signed certificate, a database
and the user ` + firstAdministrator + `, whose password it prints once (or takes from ` + adminPasswordVariable + `).
The database is a SQLite file, or PostgreSQL for several Consoles that share the work; they
share the master key too, by ` + keys.EnvironmentVariable + `. Ends with Ctrl-C.

/healthz and /readyz are for load balancers, /metrics for Prometheus with the bearer token
` + metricsTokenVariable + `, and traces are sent where OTEL_EXPORTER_OTLP_ENDPOINT says.`,
		Example: `  autodefend console --data /var/lib/autodefend
  autodefend console --database postgres://autodefend@db.internal/autodefend --name console.example.com
  autodefend console --listen 127.0.0.1:8083 --insecure-http     # behind a proxy on this machine
  autodefend console backup /backup/console.db`,
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.listen, "listen", ":8083", "`ADDRESS` to listen on; port 0 picks one")
	c.where.flags(cmd)
	flags.StringVar(&c.address, "address", "", "`URL` where functions and people reach the Console (default: https://, this machine's name and the port)")
	flags.StringSliceVar(&c.names, "name", nil, "further `NAME` or IP address in the self-signed certificate; repeatable")
	flags.StringVar(&c.tlsCert, "tls-cert", "", "`FILE` with the certificate and its chain in PEM, instead of the self-signed one")
	flags.StringVar(&c.tlsKey, "tls-key", "", "`FILE` with the certificate's private key in PEM")
	flags.StringVar(&c.tlsCA, "tls-ca", "", "`FILE` with the authority that functions are to trust, when it isn't one that every system knows")
	flags.BoolVar(&c.insecure, "insecure-http", false, "serve plain HTTP; only on a loopback address")
	flags.StringSliceVar(&c.proxies, "trusted-proxy", nil, "`NETWORK` of proxies whose X-Forwarded-For is believed; repeatable")
	flags.StringSliceVar(&c.alertTo, "alert-network", nil, "private `NETWORK` that alerts may be sent to; public ones always may; repeatable")
	flags.DurationVar(&c.auditAge, "audit-age", 30*24*time.Hour, "how long audits are kept; `DURATION`")
	flags.Int64Var(&c.auditMB, "audit-megabytes", 20<<10, "how much room audits may take; `MB`")
	programsFlag(cmd, &c.programs)
	return cmd
}

// run serves the Console until ctx ends.
func (c *consoleCommand) run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	proxies, err := prefixes("--trusted-proxy", c.proxies)
	if err != nil {
		return err
	}
	alertNetworks, err := prefixes("--alert-network", c.alertTo)
	if err != nil {
		return err
	}
	if c.cfg.origins["log_level"] == "" {
		c.cfg.LogLevel = slog.LevelInfo
	}
	log := newLogger(c.stderr, c.cfg)
	if err := c.where.make(); err != nil {
		return err
	}
	secrets, err := keys.Open(c.where.dir, os.Getenv(keys.EnvironmentVariable))
	if err != nil {
		return err
	}
	trust, err := c.trust()
	if err != nil {
		return err
	}
	listener, err := c.bind()
	if err != nil {
		return err
	}
	database, err := store.Open(ctx, store.Config{Address: c.where.database, Logger: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { c.closing(log, "database", database.Close()) }()
	p := consoleParts{
		log: log, database: database, keys: secrets, address: c.publicAddress(listener.Addr()), ca: trust.pin,
		layers: &layerZips{app: c.app, programs: c.programs}, auditAge: c.auditAge, auditBytes: c.auditMB << 20,
		alertNetworks: alertNetworks,
	}
	services, err := p.services()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server, err := newConsoleServer(ctx, services, database, log, proxies)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	password, err := c.firstUser(ctx, services.access)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	c.greet(listener.Addr(), trust, password)
	return server.serve(ctx, listener, trust, services.loops())
}

// check returns what is wrong with the flags.
func (c *consoleCommand) check() error {
	host, _, err := net.SplitHostPort(c.listen)
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --listen: %q isn't an address", c.listen).WithHint("an address looks like :8083 or 127.0.0.1:8083")
	}
	if c.insecure && !loopback(host) {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --insecure-http: %q isn't a loopback address", c.listen).
			WithHint("without TLS everybody on the way reads passwords; use --listen 127.0.0.1:8083, or leave --insecure-http out")
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		return autodefend.Errorf(autodefend.CodeInvalid, "options --tls-cert and --tls-key: one is missing").WithHint("give both, or neither for a self-signed certificate")
	}
	if c.insecure && c.tlsCert != "" {
		return autodefend.Errorf(autodefend.CodeInvalid, "options --insecure-http and --tls-cert exclude each other")
	}
	if c.auditAge <= 0 || c.auditMB <= 0 {
		return autodefend.Errorf(autodefend.CodeInvalid, "options --audit-age and --audit-megabytes: must be greater than 0")
	}
	return nil
}

// prefixes reads the networks of an option.
func prefixes(option string, texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		p, err := prefix(text)
		if err != nil {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "option %s: %q isn't a network", option, text).WithHint("a network looks like 10.0.0.0/8 or 192.0.2.7")
		}
		all = append(all, p)
	}
	return all, nil
}

// prefix reads a network or a single address.
func prefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// loopback reports whether a host is this machine only.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bind listens. That comes before the database is opened: a second Console on one port does nothing to it.
func (c *consoleCommand) bind() (net.Listener, error) {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeUnavailable, "option --listen: %s", err).WithHint("choose another port, or 0 for a free one")
	}
	return listener, nil
}

// publicAddress is where functions reach the Console.
func (c *consoleCommand) publicAddress(bound net.Addr) string {
	if c.address != "" {
		return c.address
	}
	return c.localAddress(bound)
}

// localAddress is the address as it's reached from this machine, or by its name when it listens to all.
func (c *consoleCommand) localAddress(bound net.Addr) string {
	scheme := "https://"
	if c.insecure {
		scheme = "http://"
	}
	host, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return scheme + bound.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = hostname()
	}
	return scheme + net.JoinHostPort(host, port)
}

// hostname is this machine's name, or localhost.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// firstUser makes the administrator where there is no user, and returns the password when it made one up.
func (c *consoleCommand) firstUser(ctx context.Context, users *access.Service) (string, error) {
	password, _, err := users.Bootstrap(ctx, firstAdministrator, os.Getenv(adminPasswordVariable))
	if err != nil {
		return "", fmt.Errorf("make the user %s: %w", firstAdministrator, err)
	}
	return password, nil
}

// greet tells where the Console is and, once, how to get in.
func (c *consoleCommand) greet(bound net.Addr, trust consoleTrust, password string) {
	fmt.Fprintf(c.stdout, "address      %s\n", c.localAddress(bound))
	if trust.fingerprint != "" {
		fmt.Fprintf(c.stdout, "certificate  sha256:%s\n", trust.fingerprint)
	}
	dir := c.where.dir
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	fmt.Fprintf(c.stdout, "data         %s\n", dir)
	if password != "" {
		fmt.Fprintf(c.stdout, "user         %s\npassword     %s\n", firstAdministrator, password)
		c.say("autodefend: the password is shown this once; change it with: autodefend api PUT /users/password")
	}
	c.say("autodefend: serving until interrupted")
}

// closing logs what went wrong at the end.
func (c *consoleCommand) closing(log *slog.Logger, what string, err error) {
	if err != nil {
		log.Error("close", slog.String("what", what), slog.Any("error", err))
	}
}
