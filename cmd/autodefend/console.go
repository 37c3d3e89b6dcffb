package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/notify"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/store"
)

// Environment variables of the Console, for what doesn't belong on a command line.
const (
	adminPasswordVariable = "AUTODEFEND_ADMIN_PASSWORD"
	databaseVariable      = "AUTODEFEND_DATABASE"
	metricsTokenVariable  = "AUTODEFEND_METRICS_TOKEN" // it's a name
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
	hosts    []string
	programs string
	interval time.Duration
	auditAge time.Duration
	auditMB  int64

	where consoleData
	// getenv reads the environment; the demo's Console has none.
	getenv func(string) string
}

func newConsole(a *app) *cobra.Command {
	c := &consoleCommand{app: a, getenv: os.Getenv}
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
	flags.StringSliceVar(&c.hosts, "allow-destination", nil, "the only `HOST`s, such as *.example.com, that alerts and the OpenID Connect provider may have; repeatable (default any)")
	flags.DurationVar(&c.interval, "policy-interval", policy.DefaultInterval, "a function that runs asks for a newer policy after this `DURATION`")
	flags.DurationVar(&c.auditAge, "audit-age", 30*24*time.Hour, "how long audits are kept; `DURATION`")
	flags.Int64Var(&c.auditMB, "audit-megabytes", 20<<10, "how much room audits may take; `MB`")
	programsFlag(cmd, &c.programs)
	cmd.AddCommand(newConsoleBackup(a), newConsoleRestore(a), newConsoleMigrate(a), newConsoleRekey(a, os.Getenv))
	return cmd
}

// run serves the Console until ctx ends.
func (c *consoleCommand) run(ctx context.Context) error {
	if c.cfg.origins["log_level"] == "" {
		c.cfg.LogLevel = slog.LevelInfo
	}
	c.tuneCollector()
	log := newLogger(c.stderr, c.cfg)
	opened, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	password, _, err := opened.services.access.Bootstrap(ctx, firstAdministrator, c.getenv(adminPasswordVariable))
	if err != nil {
		return errors.Join(fmt.Errorf("make the user %s: %w", firstAdministrator, err), opened.close())
	}
	c.greet(opened, password)
	return opened.serve(ctx)
}

// tuneCollector lets four times as much garbage as memory in use come together before it's collected: a Console uses some
// 15 MB at rest, and answers wait for the collector. Near the limit it's collected more often. Go's own variables go first.
func (c *consoleCommand) tuneCollector() {
	if c.getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if c.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(192 << 20)
	}
}

// openConsole is a Console that listens and doesn't serve yet.
type openConsole struct {
	listener net.Listener
	trust    consoleTrust
	database *store.Store
	services *consoleServices
	server   *consoleServer
	// local is its address as it's reached from this machine.
	local string
}

// open opens what a Console needs. The port comes before the database: a second Console on one port does nothing to it.
func (c *consoleCommand) open(ctx context.Context, log *slog.Logger) (*openConsole, error) {
	networks, err := c.check()
	if err != nil {
		return nil, err
	}
	if err := c.where.make(); err != nil {
		return nil, err
	}
	secrets, err := keys.Open(c.where.dir, c.getenv(keys.EnvironmentVariable))
	if err != nil {
		return nil, err
	}
	opened := &openConsole{}
	if opened.trust, err = c.trust(); err != nil {
		return nil, err
	}
	if opened.listener, err = c.bind(); err != nil {
		return nil, err
	}
	opened.local = c.localAddress(opened.listener.Addr())
	if opened.database, err = store.Open(ctx, store.Config{Address: c.where.database, Logger: log}); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	if err := c.assemble(ctx, opened, secrets, networks, log); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

// assemble makes the services and the server of an open Console.
func (c *consoleCommand) assemble(ctx context.Context, opened *openConsole, secrets *keys.Keys, networks consoleNetworks, log *slog.Logger) error {
	address := c.address
	if address == "" {
		address = opened.local
	}
	p := consoleParts{
		log: log, database: opened.database, keys: secrets, address: address, ca: opened.trust.pin, interval: c.interval,
		layers: &layerZips{app: c.app, programs: c.programs}, auditAge: c.auditAge, auditBytes: c.auditMB << 20,
		alertNetworks: networks.alerts, destinations: c.hosts, words: ownNames(append([]string{address}, c.names...)),
	}
	var err error
	if opened.services, err = p.services(); err != nil {
		return err
	}
	opened.server, err = newConsoleServer(ctx, opened, log, networks.proxies, c.getenv)
	return err
}

// ownNames are the words in addresses and names of hosts, such as the organisation's.
func ownNames(hosts []string) []string {
	const least = 4 // letters; com and www are nobody's
	var words []string
	for _, host := range hosts {
		if u, err := url.Parse(host); err == nil && u.Host != "" {
			host = u.Hostname()
		}
		for word := range strings.FieldsFuncSeq(host, func(r rune) bool { return r == '.' || r == '-' || r == ':' }) {
			if len(word) >= least && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// serve serves until ctx ends, and closes everything.
func (o *openConsole) serve(ctx context.Context) error {
	err := o.server.serve(ctx, o.listener, o.trust, o.services.loops())
	return errors.Join(err, o.close())
}

// close closes the listener and then the database.
func (o *openConsole) close() error {
	err := o.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if o.database != nil {
		err = errors.Join(err, o.database.Close())
	}
	return err
}

// consoleNetworks are those of the flags.
type consoleNetworks struct{ proxies, alerts []netip.Prefix }

// check returns the networks of the flags, or what is wrong with any flag.
func (c *consoleCommand) check() (consoleNetworks, error) {
	var networks consoleNetworks
	invalid := func(hint, format string, args ...any) (consoleNetworks, error) {
		return networks, autodefend.Errorf(autodefend.CodeInvalid, format, args...).WithHint("%s", hint)
	}
	host, _, err := net.SplitHostPort(c.listen)
	switch {
	case err != nil:
		return invalid("an address looks like :8083 or 127.0.0.1:8083", "option --listen: %q isn't an address", c.listen)
	case c.insecure && !loopback(host):
		return invalid("without TLS everybody on the way reads passwords; use --listen 127.0.0.1:8083, or leave --insecure-http out",
			"option --insecure-http: %q isn't a loopback address", c.listen)
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return invalid("give both, or neither for a self-signed certificate", "options --tls-cert and --tls-key: one is missing")
	case c.insecure && c.tlsCert != "":
		return invalid("leave one out", "options --insecure-http and --tls-cert exclude each other")
	case c.interval < 0 || c.interval > 24*time.Hour || c.interval%time.Second != 0:
		return invalid("two minutes are usual", "option --policy-interval: %s isn't a number of seconds up to a day", c.interval)
	case c.auditAge <= 0 || c.auditMB <= 0:
		return invalid("audits that aren't kept can't be shown", "options --audit-age and --audit-megabytes: must be greater than 0")
	}
	if err := notify.Destinations(c.hosts).Check(); err != nil {
		return invalid(autodefend.ErrorHint(err), "option --allow-destination: %s", err)
	}
	if networks.proxies, err = prefixes("--trusted-proxy", c.proxies); err != nil {
		return networks, err
	}
	networks.alerts, err = prefixes("--alert-network", c.alertTo)
	return networks, err
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

// bind listens.
func (c *consoleCommand) bind() (net.Listener, error) {
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeUnavailable, "option --listen: %s", err).WithHint("choose another port, or 0 for a free one")
	}
	return listener, nil
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

// greet tells where the Console is and, once, how to get in.
func (c *consoleCommand) greet(opened *openConsole, password string) {
	fmt.Fprintf(c.stdout, "address      %s\n", opened.local)
	if opened.trust.fingerprint != "" {
		fmt.Fprintf(c.stdout, "certificate  sha256:%s\n", opened.trust.fingerprint)
	}
	dir := c.where.dir
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	fmt.Fprintf(c.stdout, "data         %s\n", dir)
	if c.where.elsewhere() {
		fmt.Fprintf(c.stdout, "database     %s\n", c.where.shown())
	}
	if password != "" {
		fmt.Fprintf(c.stdout, "user         %s\npassword     %s\n", firstAdministrator, password)
		c.say("autodefend: the password is shown this once; change it with: autodefend api PUT /users/password")
	}
	c.say("autodefend: serving until interrupted")
}
