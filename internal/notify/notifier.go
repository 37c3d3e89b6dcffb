package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Timeout bounds one message to one channel: connecting, sending and waiting for the answer.
const Timeout = 10 * time.Second

// AWS publishes to Amazon's services, with credentials that a profile names or, without a name, the Console's own.
type AWS interface {
	// PublishSNS sends a message to a topic.
	PublishSNS(ctx context.Context, topic api.AlertSNS, subject, message string, attributes map[string]string) error
	// PutEvents puts at most 10 events on a bus.
	PutEvents(ctx context.Context, bus api.AlertEventBridge, events []Event) error
}

// Event is an entry of EventBridge.
type Event struct {
	Source, DetailType string
	// Detail is a JSON object.
	Detail    string
	Resources []string
	Time      time.Time
}

// Config is what a notifier needs. The zero value reaches public addresses and no AWS service.
type Config struct {
	// Allow are networks that may be connected to although they aren't public; http:// and unencrypted syslog and mail
	// go to these only.
	Allow []netip.Prefix
	// Hosts are the only ones that may be connected to, but for those of AWS; none is any.
	Hosts Destinations
	// AWS may be nil: SNS and EventBridge are errors then.
	AWS AWS
	// Version is the Console's, for the formats that name the product.
	Version string
	// Hostname is the Console's, for syslog and mail; "" means the machine's.
	Hostname string
	// Roots are the authorities of channels that name none; nil means the system's.
	Roots *x509.CertPool
	// Resolver may be nil: the system's.
	Resolver *net.Resolver
	// Now may be nil: the system's clock.
	Now func() time.Time
}

// Notifier sends alerts. It is safe for concurrent use.
type Notifier struct {
	guard    guard
	aws      AWS
	version  string
	hostname string
	roots    *x509.CertPool
	now      func() time.Time
}

// New makes a notifier.
func New(cfg Config) *Notifier {
	n := &Notifier{
		guard: guard{allow: cfg.Allow, hosts: cfg.Hosts, resolver: cfg.Resolver}, aws: cfg.AWS, version: cfg.Version, hostname: cfg.Hostname,
		roots: cfg.Roots, now: cfg.Now,
	}
	if n.now == nil {
		n.now = time.Now
	}
	if n.hostname == "" {
		n.hostname = hostname()
	}
	return n
}

// hostname is the machine's name, as mail and syslog need one.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// Send brings an alert to a target, within [Timeout]. Errors name what failed and never hold a secret or what the other
// side said. Those with [autodefend.CodeInvalid] last; others may pass, and [Wait] tells when to ask again. A
// [Partly] isn't a failure.
func (n *Notifier) Send(ctx context.Context, to api.AlertTarget, alert api.Alert) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	err := n.send(ctx, to, alert)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*autodefend.Error](err); !ok {
		err = connectError(err)
	}
	return err
}

func (n *Notifier) send(ctx context.Context, to api.AlertTarget, alert api.Alert) error {
	switch {
	case len(alert.Audits) == 0:
		return autodefend.Errorf(autodefend.CodeInvalid, "an alert without audits")
	case to.Webhook != nil:
		return n.webhook(ctx, *to.Webhook, to.Format, alert)
	case to.Slack != nil:
		return n.slack(ctx, *to.Slack, alert)
	case to.Email != nil:
		return n.mail(ctx, *to.Email, alert)
	case to.Syslog != nil:
		return n.syslog(ctx, *to.Syslog, to.Format, alert)
	case to.SNS != nil && n.aws != nil:
		return n.sns(ctx, *to.SNS, to.Format, alert)
	case to.EventBridge != nil && n.aws != nil:
		return n.eventBridge(ctx, *to.EventBridge, to.Format, alert)
	default:
		return autodefend.Errorf(autodefend.CodeInvalid, "this Console can't send to %q", to.Channel)
	}
}
