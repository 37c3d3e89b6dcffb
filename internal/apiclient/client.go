package apiclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Config says where the Console is and who calls. Address is required, and Token or User with Password.
type Config struct {
	// Address is the Console's, https://host[:port][/prefix]. Plain http is for this machine only.
	Address string
	// Token is an API token, or one of a login.
	Token          string
	User, Password string
	// CA is a PEM bundle that replaces the system's authorities.
	CA string
	// Fingerprint is the SHA-256 of the Console's certificate in hexadecimal, with or without "sha256:" and colons. It
	// takes the place of authorities.
	Fingerprint string
	UserAgent   string
}

// Client calls a Console. It is not for concurrent use before [Client.Login].
type Client struct {
	base           string
	token          string
	user, password string
	userAgent      string
	http           *http.Client
}

const (
	// prefix is where the API begins.
	prefix = "/api/v1"
	// maxError bounds the body of an error, in bytes.
	maxError = 64 << 10
	// headerTimeout is how long the Console may take to begin an answer.
	headerTimeout = 2 * time.Minute
)

// New checks the configuration and makes a client. It doesn't connect. Errors have [autodefend.CodeInvalid] and never hold
// the token or the password.
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Token == "" && (cfg.User == "" || cfg.Password == "") {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "nobody is named to call the Console as").WithHint("give a token, or a user and a password")
	}
	if strings.ContainsFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the token has characters that no token has")
	}
	trust, err := trusting(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{
		base: base, token: cfg.Token, user: cfg.User, password: cfg.Password, userAgent: cfg.UserAgent,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true,
				ResponseHeaderTimeout: headerTimeout, TLSHandshakeTimeout: 10 * time.Second,
				DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// baseURL checks the address.
func baseURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "the Console's address is not of the form https://host[:port][/prefix]")
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "the Console's address must begin with https://").
			WithHint("plain http is for this machine only: everybody on the way could read the password")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// trusting says which certificates are right.
func trusting(cfg Config) (*tls.Config, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != "" {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM([]byte(cfg.CA)) {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's CA has no certificate in PEM form")
		}
	}
	if cfg.Fingerprint == "" {
		return trust, nil
	}
	wanted, err := hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(cfg.Fingerprint), "sha256:"), ":", ""))
	if err != nil || len(wanted) != sha256.Size {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the fingerprint isn't a SHA-256 in hexadecimal").WithHint("the Console prints it when it starts")
	}
	trust.InsecureSkipVerify = true // the certificate is compared with its fingerprint instead
	trust.VerifyConnection = func(state tls.ConnectionState) error {
		got := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(got[:], wanted) != 1 {
			return errFingerprint
		}
		return nil
	}
	return trust, nil
}

var errFingerprint = errors.New("the certificate has another fingerprint")

// Login gets a token for the user and the password. With a token it does nothing.
func (c *Client) Login(ctx context.Context) error {
	if c.token != "" {
		return nil
	}
	body, err := json.Marshal(api.AuthenticationRequest{Username: c.user, Password: c.password})
	if err != nil {
		return err
	}
	response, err := c.Do(ctx, http.MethodPost, "/authenticate", nil, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer api.AuthenticationResponse
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		return &autodefend.Error{Code: autodefend.CodeInternal, Message: "the Console's answer to the login has no token", Err: err}
	}
	c.token = answer.Token
	return nil
}

// Do makes one request. Path may begin with /api/ and a version, or come after it. An answer with an error's status is an
// error with its text; the body of any other must be closed.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	address := c.base + fullPath(path)
	if len(query) > 0 {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, strings.ToUpper(method), address, bytes.NewReader(body))
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the path %q or the method %q can't be sent", path, method)
	}
	request.Header.Set("User-Agent", c.userAgent)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	if response.StatusCode >= http.StatusMultipleChoices && response.StatusCode != http.StatusNotModified {
		defer response.Body.Close()
		return nil, failure(response)
	}
	return response, nil
}

// fullPath puts the API's prefix before a path that has none.
func fullPath(path string) string {
	path = "/" + strings.TrimLeft(path, "/")
	for _, own := range []string{"/api/", "/healthz", "/readyz", "/metrics"} {
		if strings.HasPrefix(path, own) {
			return path
		}
	}
	return prefix + path
}

// unreachable says why there is no answer.
func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	e := &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the Console can't be reached", Err: err}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	if errors.Is(err, errFingerprint) || unknown {
		return e.WithHint("if it's the right Console, give the fingerprint of its certificate as it printed it, or its CA")
	}
	return e
}

// failure reads an error's answer.
func failure(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxError))
	var body struct {
		Err string `json:"err"`
	}
	if json.Unmarshal(text, &body) != nil || body.Err == "" {
		body.Err = "it answered " + response.Status
	}
	return autodefend.Errorf(code(response.StatusCode), "the Console: %s", body.Err)
}

// code is what a status says.
func code(status int) autodefend.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return autodefend.CodeDenied
	case http.StatusNotFound:
		return autodefend.CodeNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return autodefend.CodeConflict
	case http.StatusTooManyRequests:
		return autodefend.CodeThrottled
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return autodefend.CodeUnavailable
	case http.StatusInternalServerError:
		return autodefend.CodeInternal
	default:
		return autodefend.CodeInvalid
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
