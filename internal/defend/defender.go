package defend

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
)

// Function is what is known of the function from the start.
type Function struct {
	Name    string
	Version string // of the function: $LATEST or a number
	Region  string
	Runtime string // such as python3.12
	// Environ is the function's environment. No value of it gets into an audit's command.
	Environ []string
}

// Console is where audits go and where newer policies come from.
type Console interface {
	// PostAudits sends audits. To send the same again, by their ids, does no harm. An error with [autodefend.CodeInvalid] says
	// that they will always be refused, one with [autodefend.CodeDenied] that the token isn't accepted, and one that has a
	// method RetryAfter() time.Duration how long to wait.
	PostAudits(ctx context.Context, audits []autodefend.Audit) error
	// PostFirewallAudits does the same for those of the firewall.
	PostFirewallAudits(ctx context.Context, audits []autodefend.FirewallAudit) error
	// Policy returns a newer TW_POLICY and its tag, or "" when the one with the given tag still holds.
	Policy(ctx context.Context, tag string) (string, string, error)
}

// Config is what a Defender is made of. Function, Log, Lines, Now and NewID are needed.
type Config struct {
	// Policy is the value of TW_POLICY.
	Policy string
	// Key is whom policies must be signed by; nil means whoever signed the first one.
	Key ed25519.PublicKey
	// FailMode overrides the policy's unless it is "".
	FailMode autodefend.FailMode
	Function Function
	Runtime  Runtime
	// Version is this program's.
	Version string
	Log     *slog.Logger
	// Lines is the function's log: each audit is one call of Write.
	Lines io.Writer
	Now   func() time.Time
	NewID func() string
	// API is where the runtime speaks to Lambda, which only the runtime may, and Upstream where nobody may but us.
	API, Upstream netip.AddrPort
	// Console makes a connection to a Console; nil when there is none. It is called for the first policy, and again when a
	// later one has another token or address, and doesn't wait for anybody.
	Console func(policy.Console) (Console, error)
	// Changed is told the lists of a new policy. It may be nil.
	Changed func(policy.Sections)
	// End ends the running invocation by ending the runtime. It must return at once.
	End func()
}

// Defender judges what happens in one function. Its methods are safe for concurrent use.
type Defender struct {
	config      Config
	state       atomic.Pointer[state]
	main        *mainProcess
	learnt      *learnt
	invocations *invocations
	repeats     *repeats
	scrub       scrubber
	lines       *lines
	audits      *channel[autodefend.Audit]
	firewall    *channel[autodefend.FirewallAudit]
	link        *link      // nil without a Console
	refreshing  *refresher // nil without a Console
}

// state is the policy that holds now.
type state struct {
	compiled *policy.Compiled
	envelope policy.Envelope
	firewall *waas.Engine // nil when no event is inspected
	taken    time.Time    // when it was read
}

// New makes a Defender. With an error, the policy can't be read: then the Defender works all the same, everything is
// off, and an audit has been written when somebody tampered with the policy.
func New(config Config) (*Defender, error) {
	d := &Defender{
		config:      config,
		main:        newMainProcess(config.Runtime),
		learnt:      newLearnt(),
		invocations: newInvocations(),
		repeats:     newRepeats(),
		scrub:       newScrubber(config.Function.Environ),
		lines:       &lines{out: config.Lines, log: config.Log},
	}
	d.audits = newChannel(ofRuntime(), config, d.lines)
	d.firewall = newChannel(ofFirewall(), config, d.lines)
	first, err := d.read(config.Policy, config.Key)
	if err != nil {
		first = &state{compiled: &policy.Compiled{}, envelope: policy.Envelope{FailMode: autodefend.FailOpen}}
	}
	d.state.Store(first)
	if errors.Is(err, policy.ErrTampered) || errors.Is(err, errWrongFunction) {
		d.hijacked(err)
	}
	if err != nil {
		return d, fmt.Errorf("read policy: %w", err)
	}
	if d.config.Key == nil {
		d.config.Key = first.envelope.Key
	}
	d.connect(first.envelope.Console)
	return d, nil
}

// connect makes the parts that need a Console, when the policy names one.
func (d *Defender) connect(address policy.Console) {
	if address.Address == "" || d.config.Console == nil {
		return
	}
	connection, err := newLink(d.config.Console, address, d.config.Log)
	if err != nil {
		d.config.Log.Error("connect to Console", "error", err.Error())
		return
	}
	d.link = connection
	d.audits.connect(d.link.PostAudits, d.config.Log, d.config.Now)
	d.firewall.connect(d.link.PostFirewallAudits, d.config.Log, d.config.Now)
	d.refreshing = newRefresher(d.link, d.config.Now())
	if d.state.Load().envelope.Summary {
		d.refreshing.last = time.Time{} // the rest of the policy is wanted now
	}
}

// FailMode says what becomes of the function when a part of the Defender fails.
func (d *Defender) FailMode() autodefend.FailMode {
	if d.config.FailMode != "" {
		return d.config.FailMode
	}
	if mode := d.state.Load().envelope.FailMode; mode != "" {
		return mode
	}
	return autodefend.FailOpen
}

// Idle reports whether there is nothing to do, now or later: the policy is off and no Console can change that.
func (d *Defender) Idle() bool {
	return d.refreshing == nil && d.Sections().Off() && d.state.Load().firewall == nil
}

// Refreshes reports whether another policy can follow.
func (d *Defender) Refreshes() bool { return d.refreshing != nil }

// Sections are the lists of the policy that holds now.
func (d *Defender) Sections() policy.Sections { return d.state.Load().compiled.Sections() }

// Starting tells, before the runtime is started, whether a tier judges that start as an event.
func (d *Defender) Starting(execed bool) { d.main.starting(execed) }

// Started tells the runtime's process.
func (d *Defender) Started(pid int) { d.main.started(pid) }

// Learn remembers the addresses of an allowed DNS answer.
func (d *Defender) Learn(addrs []netip.Addr, ttl time.Duration) {
	d.learnt.add(addrs, ttl, d.config.Now())
}

// Restored forgets what doesn't hold in a sandbox that was restored from a snapshot.
func (d *Defender) Restored() {
	d.learnt.clear()
	d.invocations.clear()
	if d.refreshing != nil {
		d.refreshing.expire()
	}
}

// Next is called before the runtime waits for an event: the sandbox may freeze from then on. It returns soon.
func (d *Defender) Next(ctx context.Context) {
	d.invocations.waiting()
	d.sums(false)
	d.refreshForPoll(ctx)
}

// Invoked is called when the runtime is given an event.
func (d *Defender) Invoked(requestID, arn string) { d.invocations.start(requestID, arn) }

// Responded is called when an invocation's response was accepted. It sends audits to the Console for a bounded time.
func (d *Defender) Responded(ctx context.Context, requestID string) {
	d.invocations.end(requestID)
	d.flush(ctx, flushAfterResponse, false)
}

// Shutdown writes what is left and sends audits for a bounded time.
func (d *Defender) Shutdown(ctx context.Context) {
	d.sums(true)
	d.flush(ctx, flushAtShutdown, true)
	d.firewall.leave()
	d.audits.leave()
}

const (
	// flushAfterResponse is how long an invocation is billed longer, at most, to get audits to the Console.
	flushAfterResponse = 100 * time.Millisecond
	flushAtShutdown    = 300 * time.Millisecond
)

// sums writes what was only counted: what is due, or all.
func (d *Defender) sums(all bool) {
	now := d.config.Now()
	d.audits.sums(now, all)
	d.firewall.sums(now, all)
}

// flush sends audits of both sorts, side by side: neither is to wait until the other's time is over.
func (d *Defender) flush(ctx context.Context, limit time.Duration, last bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var sorts sync.WaitGroup
	sorts.Go(func() { d.firewall.flush(ctx, last) })
	d.audits.flush(ctx, last)
	sorts.Wait()
}
