package policy

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// EnvironmentVariable is the variable of a function that carries its policy.
const EnvironmentVariable = "TW_POLICY"

// DefaultInterval is how old a policy gets before the Console is asked for a newer one.
const DefaultInterval = 2 * time.Minute

// Envelope is what TW_POLICY carries: the rules for one function, and how to get newer ones.
type Envelope struct {
	kept

	// Rule is the one that holds; nil when none does.
	Rule *Rule
	// WAAS is the firewall's rule that holds; nil when none does.
	WAAS *WAASRule
	// Summary says that the rules stand for longer ones that didn't fit: the Console has the rest. The rule of the runtime
	// is stricter than the policy; the firewall's may alert where the policy prevents, but never the other way round.
	Summary bool
	// Target is whom the rule is for; its labels aren't carried.
	Target  Target
	Console Console
	// Interval is a number of whole seconds; 0 means [DefaultInterval].
	Interval time.Duration
	// FailMode is the rule's unless set.
	FailMode autodefend.FailMode
	// Issued is when the envelope was made, to the second.
	Issued time.Time
	// Key is the public key whose owner signed; [Encode] and [Decode] fill it in.
	Key ed25519.PublicKey
}

// Console says how the Defender reaches its Console. Without an address it doesn't.
type Console struct {
	kept

	Address string // host, host:port or URL
	Token   string // opens the policy and the audits of this function only; a secret
	CA      string // PEM, or "sha256:" and the fingerprint; empty means the system's
	Proxy   Proxy
}

// Proxy is Prisma's common.ProxySettings.
type Proxy struct {
	kept

	HTTPProxy, NoProxy, User string
	Password                 string // a secret
	CA                       string
}

func (e *Envelope) walk(f *fields) {
	rule := Rule{}
	if e.Rule != nil {
		rule = *e.Rule
	}
	if !f.writing || e.Rule != nil {
		f.object("rule", &rule)
	}
	if !f.writing && rule.Name != "" {
		e.Rule = &rule
	}
	firewall := WAASRule{}
	if e.WAAS != nil {
		firewall = *e.WAAS
	}
	if !f.writing || e.WAAS != nil {
		f.object("waas", &firewall)
	}
	if !f.writing && firewall.Name != "" {
		e.WAAS = &firewall
	}
	f.flag("summary", &e.Summary)
	f.text("function", &e.Target.Function)
	f.text("region", &e.Target.Region)
	f.text("account", &e.Target.AccountID)
	f.text("provider", &e.Target.Provider)
	f.object("console", &e.Console)
	seconds, issued := int(e.Interval/time.Second), 0
	if !e.Issued.IsZero() {
		issued = int(e.Issued.Unix())
	}
	f.number("interval", &seconds)
	choice(f, "failMode", "a fail mode", &e.FailMode, autodefend.FailOpen, autodefend.FailClosed)
	f.number("issued", &issued)
	e.Interval = time.Duration(seconds) * time.Second
	if issued != 0 {
		e.Issued = time.Unix(int64(issued), 0).UTC()
	}
}

func (c *Console) walk(f *fields) {
	f.text("address", &c.Address)
	f.text("token", &c.Token)
	f.text("ca", &c.CA)
	f.object("proxy", &c.Proxy)
}

func (p *Proxy) walk(f *fields) {
	f.text("httpProxy", &p.HTTPProxy)
	f.text("noProxy", &p.NoProxy)
	f.text("user", &p.User)
	f.text("password", &p.Password)
	f.text("ca", &p.CA)
}

// Encode makes the value of TW_POLICY, signed with key. It has at most limit bytes, when limit is positive: rules that
// don't fit are replaced by a summary, which needs a Console that has the rest: see [Envelope].Summary. Expressions of
// custom rules aren't checked.
func Encode(e Envelope, key ed25519.PrivateKey, limit int) (string, error) {
	if err := e.check(key); err != nil {
		return "", err
	}
	if e.Interval == DefaultInterval {
		e.Interval = 0
	}
	if strings.EqualFold(e.Target.Provider, "aws") {
		e.Target.Provider = ""
	}
	if e.FailMode == "" && e.Rule != nil {
		e.FailMode = e.Rule.Own.FailMode
	}
	smallest := 0
	for rule, firewall := range candidates(e.Rule, e.WAAS) {
		e.Rule, e.WAAS = rule, firewall
		value, err := seal(&e, key)
		if err != nil {
			return "", err
		}
		if limit <= 0 || len(value) <= limit {
			return value, nil
		}
		if e.Console.Address == "" {
			return "", tooLong(len(value), limit).WithHint("free some of the function's variables, shorten the rule, or name a Console that the Defender can ask for the rest")
		}
		smallest, e.Summary = len(value), true
	}
	return "", tooLong(smallest, limit).WithHint("free some of the function's variables, or shorten filesystem.blacklist, which a summary must keep")
}

func tooLong(have, limit int) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeInvalid, "%s: %d bytes, and there is room for %d", EnvironmentVariable, have, limit)
}

// check finds what can't be encoded.
func (e *Envelope) check(key ed25519.PrivateKey) error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, autodefend.Errorf(autodefend.CodeInvalid, EnvironmentVariable+": "+format, args...))
	}
	if e.Target.Function == "" {
		refuse("it needs the name of the function")
	}
	if len(key) != ed25519.PrivateKeySize {
		refuse("it needs an Ed25519 key to be signed with")
	}
	if e.Interval < 0 || e.Interval%time.Second != 0 {
		refuse("the interval %s isn't a number of whole seconds", e.Interval)
	}
	if e.Rule != nil && e.Rule.Name == "" {
		refuse("the rule needs a name")
	}
	if e.WAAS != nil && e.WAAS.Name == "" {
		refuse("the firewall's rule needs a name")
	}
	return errors.Join(append(errs, e.checkRules())...)
}

// checkRules finds mistakes in the rules.
func (e *Envelope) checkRules() error {
	_, err := Compile(e.Rule)
	if e.WAAS == nil {
		return err
	}
	return errors.Join(err, e.WAAS.Validate(nil))
}

// Decode reads the value of TW_POLICY. With a trusted key only that one's signature counts, else the one inside, which
// shows that the value is complete but not who made it. The error is [ErrTampered], [ErrTruncated], [ErrMalformed] or
// [ErrNewer] for [errors.Is].
func Decode(s string, trusted ed25519.PublicKey) (Envelope, error) {
	content, key, err := unseal(s, trusted)
	if err != nil {
		return Envelope{}, envelopeError(err)
	}
	e := Envelope{}
	var errs []error
	readObject("", content, &e, &errs)
	if len(errs) > 0 {
		// It's signed, so whoever made it knows more words than we do.
		return Envelope{}, envelopeError(fmt.Errorf("%w: %w", ErrNewer, errors.Join(errs...)))
	}
	if len(e.unknown) > 0 {
		return Envelope{}, envelopeError(fmt.Errorf("%w: it has a member %q", ErrNewer, e.unknown[0].name))
	}
	if e.Interval == 0 {
		e.Interval = DefaultInterval
	}
	if e.FailMode == "" {
		e.FailMode = autodefend.FailOpen
	}
	if err := e.checkRules(); err != nil {
		return Envelope{}, envelopeError(fmt.Errorf("%w: %w", ErrNewer, err))
	}
	e.Key = key
	return e, nil
}

// envelopeError gives an error of Decode its code and hint.
func envelopeError(err error) error {
	e := &autodefend.Error{Code: autodefend.CodeInvalid, Message: EnvironmentVariable, Err: err}
	switch {
	case errors.Is(err, ErrTampered):
		return e.WithHint("somebody changed the value, or it was signed with another key: make it anew with autodefend policy encode")
	case errors.Is(err, ErrTruncated):
		return e.WithHint("the end of the value is missing: copy it whole")
	case errors.Is(err, ErrNewer):
		return e.WithHint("it was made by a newer autodefend: update this one, or the layer")
	default:
		return e.WithHint("a value is made with autodefend policy encode")
	}
}
