package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

const (
	// MaxBatch is how many audits one request may carry.
	MaxBatch = 100

	auditsPath   = "/api/v1/defender/audits"
	firewallPath = "/api/v1/defender/audits/firewall"
	policyPath   = "/api/v1/defender/policy"
	// maxEnvelope bounds an envelope, in bytes.
	maxEnvelope = 1 << 20
	// gzipFrom is the size from which compressing saves a packet, in bytes.
	gzipFrom = 1400
	// idleTimeout is how long a connection is kept for the next batch, a little less than the Console keeps it. A sandbox that
	// was frozen learns of the end when it sends.
	idleTimeout = 25 * time.Second
	// connectTimeout bounds the making of a connection, once for TCP and once for TLS. A request's context doesn't: net/http
	// goes on without the request.
	connectTimeout = 5 * time.Second
)

// Config says where the Console is. Address and Token are required.
type Config struct {
	// Address is the Console's, https://host[:port][/prefix]. Plain http is for this machine only.
	Address string
	Token   string
	// CA is a PEM bundle that replaces the system's authorities, or "sha256:" and the hexadecimal digest of the one
	// certificate that the Console may have; "" keeps the system's.
	CA string
	// Proxy is the URL of an HTTP proxy, with user and password if it wants them; "" goes directly. The proxy variables
	// of the environment are the customer's, and not used.
	Proxy string
	// NoProxy are the hosts that are reached without it: names, addresses and networks, divided by commas.
	NoProxy string
	// ProxyCA is the PEM of the authority of a proxy that opens the TLS, or that is reached by TLS itself; it is trusted
	// besides CA.
	ProxyCA string
	// UserAgent names the Defender and its version.
	UserAgent string
}

// Client is a Console as a Defender sees it. It is safe for concurrent use. Its requests last as long as their context
// lets them, of which a TCP connection gets at most 5 seconds and its TLS as many.
type Client struct {
	base      string
	token     string
	userAgent string
	http      http.Client
}

// New checks the configuration and makes a client. It doesn't connect. Errors have [autodefend.CodeInvalid] and never
// contain the token or the proxy's password.
func New(config Config) (*Client, error) {
	address, err := parseAddress(config.Address)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(config.Token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's token is empty or has characters that no token has")
	}
	proxy, err := proxyTo(address, config)
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		config.ProxyCA = ""
	}
	trusted, err := trust(config.CA, config.ProxyCA)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: proxy, TLSClientConfig: trusted, MaxIdleConns: 1, IdleConnTimeout: idleTimeout,
		DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext, TLSHandshakeTimeout: connectTimeout,
	}
	return &Client{
		base: strings.TrimSuffix(address.String(), "/"), token: token, userAgent: config.UserAgent,
		http: http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func parseAddress(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "":
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's address is not of the form https://host[:port][/prefix]")
	case address.Scheme == "https" || address.Scheme == "http" && isLoopback(address.Hostname()):
		return address, nil
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's address must begin with https://")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// PostAudits sends audits, at most [MaxBatch], and returns nil when the Console has stored all. A [Temporary] error
// asks for the same batch again later; after one with [autodefend.CodeInvalid] it will always be refused. With
// [autodefend.CodeDenied] it is the token that isn't accepted, and with [autodefend.CodeNotFound] something else answers at
// the Console's address: the batch is as good as before.
func (c *Client) PostAudits(ctx context.Context, audits []autodefend.Audit) error {
	return post(ctx, c, auditsPath, audits)
}

// PostFirewallAudits does the same for audits of the firewall.
func (c *Client) PostFirewallAudits(ctx context.Context, audits []autodefend.FirewallAudit) error {
	return post(ctx, c, firewallPath, audits)
}

func post[A any](ctx context.Context, c *Client, path string, audits []A) error {
	if len(audits) == 0 {
		return nil
	}
	if len(audits) > MaxBatch {
		return autodefend.Errorf(autodefend.CodeInvalid, "%d audits in a batch, at most %d fit", len(audits), MaxBatch)
	}
	body, err := json.Marshal(audits)
	if err != nil {
		return &autodefend.Error{Code: autodefend.CodeInternal, Message: "write audits as JSON", Err: err}
	}
	header := http.Header{
		"Content-Type": {"application/json"},
		// Present and empty: net/http may repeat the request on a new connection when the sandbox was frozen and the old
		// one is gone.
		"X-Idempotency-Key": {},
	}
	if len(body) > gzipFrom {
		body = compress(body)
		header.Set("Content-Encoding", "gzip")
	}
	_, err = c.call(ctx, http.MethodPost, path, header, body)
	return err
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// Policy is the Console's answer to the question for a function's policy.
type Policy struct {
	// Changed is false when the envelope is still that of the given ETag; Envelope is then empty.
	Changed  bool
	Envelope string
	ETag     string
}

// FetchPolicy asks for the function's envelope; etag is that of the one at hand, or "". A [Temporary] error asks to try
// again later. The envelope isn't verified here.
func (c *Client) FetchPolicy(ctx context.Context, etag string) (Policy, error) {
	header := http.Header{"Accept": {"text/plain"}}
	if etag != "" {
		header.Set("If-None-Match", etag)
	}
	answer, err := c.call(ctx, http.MethodGet, policyPath, header, nil)
	switch {
	case err != nil:
		return Policy{}, err
	case answer.status == http.StatusNotModified:
		return Policy{ETag: etag}, nil
	case len(answer.body) > maxEnvelope:
		return Policy{}, autodefend.Errorf(autodefend.CodeInvalid, "the Console's policy is larger than %d bytes", maxEnvelope)
	}
	return Policy{Changed: true, Envelope: strings.TrimSpace(string(answer.body)), ETag: answer.etag}, nil
}

type answer struct {
	status int
	etag   string
	body   []byte
}

// call makes one request. Answers other than 2xx and 304 are errors. A connection is kept for the next batch of audits, but
// not for the next question, which comes minutes later: at a Console that many functions ask, those that wait would fill
// the memory, and a sandbox that is frozen doesn't close its own.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, &autodefend.Error{Code: autodefend.CodeInternal, Message: "make a request to the Console", Err: err}
	}
	request.Header = header
	request.Close = method == http.MethodGet
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("User-Agent", c.userAgent)
	response, err := c.http.Do(request)
	if err != nil {
		// What was dialled for this request goes on being dialled, and would be kept. Those who wait for a connection or an
		// answer keep theirs.
		c.http.CloseIdleConnections()
		return answer{}, unreachable(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxEnvelope+1))
	if err := refusal(response); err != nil {
		return answer{}, err
	}
	if err != nil {
		return answer{}, unreachable(err)
	}
	return answer{status: response.StatusCode, etag: response.Header.Get("ETag"), body: content}, nil
}

// unreachable drops the URL from an error of net/http: it may name a proxy and its user.
func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &Temporary{Err: &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the Console can't be reached", Err: err}}
}
