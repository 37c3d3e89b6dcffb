package settings

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/plan"
	"github.com/autodefend/autodefend/internal/policy"
)

// encodeRoom is how much room the value of TW_POLICY gets when it isn't known what else a function has, in bytes.
const encodeRoom = 4000

// Target is the function that a policy is for.
type Target struct {
	policy.Target
	Account string
}

// Envelope makes the value of TW_POLICY for a function: the rules that hold for it, the Console's address and a token of its
// own, signed. It has at most room bytes when room is positive, and what has no room is replaced by a summary. The tag
// stands for what the rules mean. Labels that aren't given are looked up.
func (s *Service) Envelope(ctx context.Context, target Target, room int) (string, string, error) {
	t := target.Target
	if t.AccountID == "" {
		t.AccountID = target.Account
	}
	r, err := s.resolve(ctx, 0)
	if err != nil {
		return "", "", err
	}
	at := r.holding(t)
	if t.Labels == nil {
		if at, err = s.place(ctx, r, t); err != nil {
			return "", "", err
		}
	}
	value, err := s.encode(r, at, policy.Envelope{Target: t, Console: s.console()}, room)
	if err != nil {
		return "", "", err
	}
	tag, err := s.tag(r, at)
	return value, tag, err
}

// console is how functions reach this Console.
func (s *Service) console() policy.Console { return policy.Console{Address: s.Address, CA: s.CA} }

// encode completes an envelope with rules, time and, when it has none, a new token, and signs it.
func (s *Service) encode(r *resolved, at rules, e policy.Envelope, room int) (string, error) {
	return s.encodeBy(s.Signer, r, at, e, room)
}

// signer is the one that a function obeys: an older master key's, until its policy is set anew.
func (s *Service) signer(id route.FunctionIdentity) ed25519.PrivateKey {
	if id.Key != "" && s.OldSigner != nil {
		if old := s.OldSigner(id.Key); old != nil {
			return old
		}
	}
	return s.Signer
}

func (s *Service) encodeBy(signer ed25519.PrivateKey, r *resolved, at rules, e policy.Envelope, room int) (string, error) {
	r.take(&e, at)
	e.Interval = cmp.Or(e.Interval, s.Interval)
	e.Issued = s.Now().UTC().Truncate(time.Second)
	if e.Console.Token == "" {
		e.Console.Token = s.Tokens.DefenderToken(route.FunctionIdentity{
			Account: e.Target.AccountID, Region: e.Target.Region, Function: e.Target.Function, Issued: e.Issued.Unix(),
		})
	}
	return policy.Encode(e, signer, room)
}

// tag stands for what rules mean, how often this Console is asked for them and who signs them.
func (s *Service) tag(r *resolved, at rules) (string, error) {
	digest, err := r.meaning(at)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, part := range []string{digest, s.Interval.String()} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	sum.Write(s.publicKey())
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

func (s *Service) publicKey() ed25519.PublicKey {
	return ed25519.PublicKey(s.Signer[ed25519.SeedSize:])
}

// encodePolicy answers with the value of TW_POLICY for the function of a request. The value has a token that speaks for the
// function, so that callers who see some collections only get none.
func (s *Service) encodePolicy(ctx context.Context, c *route.Call) (route.Answer, error) {
	if len(c.Principal.Collections) > 0 {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "the value has a Defender's token, which who is limited to collections can't make").
			WithHint("ask somebody who sees everything, such as an administrator")
	}
	e, err := s.readEncodeRequest(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	r, err := s.resolve(ctx, 0)
	if err != nil {
		return route.Answer{}, err
	}
	at, err := s.place(ctx, r, e.Target)
	if err != nil {
		return route.Answer{}, err
	}
	value, err := s.encode(r, at, e, encodeRoom)
	if err != nil {
		return route.Answer{}, mistakes(err)
	}
	return route.Answer{JSON: api.EncodedPolicy{Data: value}}, nil
}

// readEncodeRequest reads for which function a value is wanted.
func (s *Service) readEncodeRequest(raw []byte) (policy.Envelope, error) {
	var e policy.Envelope
	var q api.EncodeRequest
	if err := checkDepth(raw); err != nil {
		return e, err
	}
	if err := decodeOne(raw, &q, "provider", "function", "region"); err != nil {
		return e, err
	}
	p := provider(q.Provider)
	switch {
	case q.Function == "":
		return e, invalid("function", "", "it needs the name of a function")
	case len(q.Function) > maxNameBytes || strings.ContainsAny(q.Function, "*\n\r\x00"):
		return e, invalid("function", "a value is for one function", "%q isn't the name of a function", clip(q.Function))
	case p != "aws" && p != "azure":
		return e, invalid("provider", "use aws or azure", "%q has no functions that are known here", clip(q.Provider))
	case p == "aws" && q.Region != "" && !autodefend.ValidRegion(q.Region):
		return e, invalid("region", "leave it out for any", "%q isn't a region", clip(q.Region))
	}
	interval, err := updateInterval(q.UpdateIntervalMS)
	if err != nil {
		return e, err
	}
	console := s.console()
	if console.Address, err = s.address(q.ConsoleAddr); err != nil {
		return e, err
	}
	if err := checkProxyFields("proxy.", &q.Proxy); err != nil {
		return e, err
	}
	console.Proxy = proxyOf(q.Proxy)
	e.Target = policy.Target{Function: q.Function, Region: q.Region, AccountID: q.AccountID, Provider: p}
	e.Console, e.Interval = console, interval
	return e, nil
}

// proxyOf puts a proxy's settings into those of a policy.
func proxyOf(p api.ProxySettings) policy.Proxy {
	if p.HTTPProxy == "" {
		return policy.Proxy{}
	}
	return policy.Proxy{HTTPProxy: p.HTTPProxy, NoProxy: p.NoProxy, User: p.User, Password: p.Password.Plain, CA: p.CA}
}

// updateInterval reads how often the Console is to be asked; 0 is as often as it asks for itself, and parts of a second are
// rounded up.
func updateInterval(ms int) (time.Duration, error) {
	const least, most = 10_000, 24 * 60 * 60 * 1000
	if ms == 0 {
		return 0, nil
	}
	if ms < least || ms > most {
		return 0, invalid("updateIntervalMs", "", "want %d to %d milliseconds, have %d", least, most, ms)
	}
	return time.Duration((ms+999)/1000) * time.Second, nil
}

// address reads the address by which functions are to reach the Console; "" is its own. A host without a port gets the
// port of the Console's own address.
func (s *Service) address(text string) (string, error) {
	if text == "" {
		return s.Address, nil
	}
	full := text
	if !strings.Contains(text, "://") {
		full = "https://" + text
	}
	u, err := url.Parse(full)
	switch {
	case err != nil || !isConsole(u):
		return "", invalid("consoleAddr", "write host, host:port or https://host:port", "%q isn't the address of a Console", clip(text))
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "", invalid("consoleAddr", "", "functions reach a Console by https only")
	}
	own, err := url.Parse(s.Address)
	if err == nil && text != full && u.Port() == "" && own.Port() != "" {
		return net.JoinHostPort(u.Hostname(), own.Port()), nil
	}
	return strings.TrimSuffix(text, "/"), nil
}

// isConsole tells whether an address has a host and nothing that a Console's hasn't.
func isConsole(u *url.URL) bool {
	return u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !strings.ContainsAny(u.Hostname(), " ,;\"'<>\\")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// PolicySource returns what gives each function its policy, as of now, and a digest of all that the values depend on
// besides the function. The proxy's password is in Plain. A value that a function has and that means the same stays, so
// that a second apply changes nothing; one whose token was revoked doesn't.
func (s *Service) PolicySource(ctx context.Context, consoleAddr string, proxy api.ProxySettings) (plan.PolicySource, string, error) {
	r, err := s.resolve(ctx, 0)
	if err != nil {
		return nil, "", err
	}
	revoked, err := readAll[api.RevokedFunction](ctx, s, api.KindRevokedFunction)
	if err != nil {
		return nil, "", err
	}
	console := s.console()
	if console.Address, err = s.address(consoleAddr); err != nil {
		return nil, "", err
	}
	console.Proxy = proxyOf(proxy)
	sum := sha256.New()
	for _, part := range []string{r.digest, console.Address, console.CA, string(marshal(console.Proxy)), string(s.publicKey())} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	source := policySource{service: s, policies: r, console: console, revoked: revoked}
	return source.value, hex.EncodeToString(sum.Sum(nil)), nil
}

// policySource gives functions their policies.
type policySource struct {
	service  *Service
	policies *resolved
	console  policy.Console
	revoked  []api.RevokedFunction
}

// value is a [plan.PolicySource].
func (p *policySource) value(f autodefend.Function, room int) string {
	t := policy.Target{Function: f.ARN.Name, Region: f.ARN.Region, AccountID: f.ARN.Account, Provider: "aws", Labels: f.Tags}
	at := p.policies.holding(t)
	wanted := policy.Envelope{Target: t, Console: p.console, Interval: p.service.Interval}
	present := f.Environment.Variables[policy.EnvironmentVariable]
	if was, err := policy.Decode(present, p.service.publicKey()); err == nil && was.Console.Token != "" && !p.isRevoked(t, was.Issued) {
		same := wanted
		p.policies.take(&same, at)
		same.Issued, same.Console.Token = was.Issued, was.Console.Token
		if value, err := policy.Encode(same, p.service.Signer, room); err == nil && value == present {
			return present
		}
	}
	value, err := p.service.encode(p.policies, at, wanted, room)
	if err != nil {
		// The check env-size says that it doesn't fit, and by how much.
		value, err = p.service.encode(p.policies, at, wanted, 0)
	}
	if err != nil {
		return autodefend.PolicyPrefix // the policies were checked when they were written
	}
	return value
}

// isRevoked tells whether the token that came with an envelope is refused.
func (p *policySource) isRevoked(t policy.Target, issued time.Time) bool {
	return slices.ContainsFunc(p.revoked, func(r api.RevokedFunction) bool {
		return r.Refuses(t.AccountID, t.Region, t.Function, issued.Unix())
	})
}

func (s *Service) defenderRoutes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodPost, Path: "/policies/runtime/serverless/encode", Permission: api.PermManageDefenders, Write: true, Prisma: true,
			Summary: "Returns the value of TW_POLICY for one function: the rules that hold for it, how the Console is reached and a token, signed.",
			Request: api.EncodeRequest{}, Response: api.EncodedPolicy{}, Handle: s.encodePolicy,
		},
		{
			Method: http.MethodGet, Path: "/defender/policy", Permission: route.Function,
			Summary:  "Returns the signed policy of the function that asks, or 304 when If-None-Match has its tag.",
			Response: "", Media: "text/plain", Handle: s.defenderPolicy,
		},
	}
}
