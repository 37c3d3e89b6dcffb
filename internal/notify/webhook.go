package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// SignatureHeader is "t=UNIX,v1=HEX": the time of sending, and HMAC-SHA256 with the profile's secret of the time, a
	// dot and the body.
	SignatureHeader = "X-Autodefend-Signature"
	// AlertHeader is the alert's id. It's the same when an alert is sent again.
	AlertHeader = "X-Autodefend-Alert"
	// maxAnswer is how much is read of an answer so that the connection ends well, in bytes.
	maxAnswer = 64 << 10
	userAgent = "autodefend"
)

// webhook posts an alert as JSON.
func (n *Notifier) webhook(ctx context.Context, to api.WebhookTarget, format api.AlertFormat, alert api.Alert) error {
	body, err := n.body(to.Template, format, alert)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}, AlertHeader: {headerValue(alert.ID)}}
	if to.Secret != "" {
		header.Set(SignatureHeader, Sign(to.Secret, n.now(), body))
	}
	switch {
	case to.Login.Token != "":
		header.Set("Authorization", "Bearer "+clean(to.Login.Token, len(to.Login.Token)))
	case to.Login.User != "":
		header.Set("Authorization", basicAuth(to.Login))
	}
	return n.post(ctx, to.URL, to.CACert, header, body)
}

// body is what a webhook is sent.
func (n *Notifier) body(template *api.AlertTemplate, format api.AlertFormat, alert api.Alert) ([]byte, error) {
	if template != nil {
		return template.Render(alert), nil
	}
	return n.format(format, alert)
}

// Sign returns the value of [SignatureHeader]. Receivers compare it in constant time and refuse old times.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func basicAuth(login api.Login) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(login.User, login.Password)
	return r.Header.Get("Authorization")
}

// headerValue returns a text without what ends a header, and not too long for one.
func headerValue(s string) string { return clean(s, 1024) }

// post sends a body to an address. Each message has a connection of its own: they are few, and what was decided about an
// address holds for one connection only.
func (n *Notifier) post(ctx context.Context, address, ca string, header http.Header, body []byte) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return autodefend.Errorf(autodefend.CodeInvalid, "the address isn't a URL")
	}
	client, err := n.client(u.Scheme, ca)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "the address isn't a URL")
	}
	request.Header = header
	request.Header.Set("User-Agent", userAgent)
	response, err := client.Do(request)
	if err != nil {
		return connectError(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // what it says doesn't matter, its status does
	return statusError(response.StatusCode, response.Header, n.now())
}

// client makes a client for one address.
func (n *Notifier) client(scheme, ca string) (*http.Client, error) {
	t := public
	switch scheme {
	case "https":
	case "http":
		t = allowedOnly
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the address has the scheme %q", clean(scheme, 20)).WithHint("use https://")
	}
	config, err := n.tlsConfig(ca)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return n.guard.dial(ctx, t, network, address)
			},
			TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// tlsConfig trusts the authorities in PEM, or the notifier's.
func (n *Notifier) tlsConfig(ca string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: n.roots}
	if ca == "" {
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM([]byte(ca)) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "caCert has no certificate in PEM")
	}
	return config, nil
}
