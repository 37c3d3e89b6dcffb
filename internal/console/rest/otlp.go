package rest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlpClient sends spans as OTLP over HTTP. OpenTelemetry's own client for it links gRPC, and with that templates whose use
// of reflection keeps every method of every library in the program: a third of its size.
type otlpClient struct {
	http   *http.Client
	url    string
	header http.Header
	gzip   bool
	// pause is the wait before the first repetition; it doubles with each.
	pause time.Duration
}

// Bounds of what is sent.
const (
	otlpTimeout  = 10 * time.Second // of one request, unless the environment says otherwise
	otlpPause    = time.Second
	otlpPatience = time.Minute // for all tries of one batch
	otlpAnswer   = 64 << 10    // bytes
)

// newOTLPClient makes one as OpenTelemetry's environment variables say. Those for traces go before those for everything.
func newOTLPClient(getenv func(string) string) (*otlpClient, error) {
	variable := func(name string) string {
		return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), getenv("OTEL_EXPORTER_OTLP_"+name))
	}
	c := &otlpClient{pause: otlpPause}
	address := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if address == "" {
		address = strings.TrimSuffix(getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "/") + "/v1/traces"
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT: want the URL of a collector, such as http://127.0.0.1:4318")
	}
	c.url = u.String()
	if c.header, err = otlpHeader(variable("HEADERS")); err != nil {
		return nil, err
	}
	if c.gzip = variable("COMPRESSION") == "gzip"; c.gzip {
		c.header.Set("Content-Encoding", "gzip")
	}
	c.header.Set("Content-Type", "application/x-protobuf")
	timeout := otlpTimeout
	if text := variable("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			return nil, errors.New("OTEL_EXPORTER_OTLP_TIMEOUT: want a number of milliseconds")
		}
		timeout = time.Duration(ms) * time.Millisecond
	}
	trust, err := otlpTrust(variable)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trust
	c.http = &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// otlpHeader reads name=value with commas between them.
func otlpHeader(text string) (http.Header, error) {
	header := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS: want name=value, with commas between them") // the value may be a secret
		}
		header.Set(strings.TrimSpace(name), value)
	}
	return header, nil
}

// otlpTrust says whom to trust, and who the Console is, as the environment names it.
func otlpTrust(variable func(string) string) (*tls.Config, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := variable("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file) //nolint:gosec // whoever starts the Console names it
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate", file)
		}
	}
	if certificate, key := variable("CLIENT_CERTIFICATE"), variable("CLIENT_KEY"); certificate != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	return trust, nil
}

// Start does nothing: a collector that is away costs spans and nothing else.
func (c *otlpClient) Start(context.Context) error { return nil }

// Stop lets connections go.
func (c *otlpClient) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans, again and again while the collector asks for patience or can't be reached.
func (c *otlpClient) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	// An ExportTraceServiceRequest has the same one field.
	body, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans})
	if err == nil && c.gzip {
		body, err = packed(body)
	}
	if err != nil {
		return fmt.Errorf("write spans: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, otlpPatience)
	defer cancel()
	for pause := c.pause; ; pause *= 2 {
		wait, err := c.send(ctx, body)
		if err == nil || wait < 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the last try: %w", ctx.Err(), err)
		case <-time.After(max(wait, pause)):
		}
	}
}

// send sends a body once. With an error it returns how long to wait at least before the next try, or -1 when none helps.
func (c *otlpClient) send(ctx context.Context, body []byte) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return -1, fmt.Errorf("send spans: %w", err)
	}
	request.Header = c.header
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("send spans: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, otlpAnswer) // so that the connection can be used again
	switch response.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return time.Duration(min(max(seconds, 0), int(otlpPatience/time.Second))) * time.Second, fmt.Errorf("send spans: %s", response.Status)
	default:
		return -1, fmt.Errorf("send spans: %s", response.Status)
	}
}

// packed is a body as gzip.
func packed(body []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}
