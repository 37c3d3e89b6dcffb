package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// tlsConsole serves an empty policy with a certificate that no authority of the system signed.
func tlsConsole(t *testing.T) (*httptest.Server, string, *int) {
	t.Helper()
	calls := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = w.Write([]byte("ad.x"))
	}))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	digest := sha256.Sum256(server.Certificate().Raw)
	return server, hex.EncodeToString(digest[:]), &calls
}

func TestPinnedCertificate(t *testing.T) {
	server, digest, calls := tlsConsole(t)
	// The name doesn't matter: the certificate is for 127.0.0.1 and example.com.
	address := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	var colons []string
	for i := 0; i < len(digest); i += 2 {
		colons = append(colons, strings.ToUpper(digest[i:i+2]))
	}
	for _, ca := range []string{"sha256:" + digest, "sha256:" + strings.ToUpper(digest), "sha256:" + strings.Join(colons, ":") + "\n"} {
		c := newClient(t, Config{Address: address, Token: token, CA: ca})
		for range 2 { // the second one may resume the session
			if _, err := c.FetchPolicy(t.Context(), ""); err != nil {
				t.Errorf("%s: %s", ca, err)
			}
			c.http.CloseIdleConnections()
		}
	}
	if *calls != 6 {
		t.Errorf("%d calls arrived", *calls)
	}
}

func TestOtherCertificateGetsNoToken(t *testing.T) {
	server, digest, calls := tlsConsole(t)
	other := "0" + digest[1:]
	if other == digest {
		other = "1" + digest[1:]
	}
	for _, ca := range []string{"sha256:" + other, ""} {
		c := newClient(t, Config{Address: server.URL, Token: token, CA: ca})
		if _, err := c.FetchPolicy(t.Context(), ""); autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
			t.Errorf("CA %q: error %v", ca, err)
		}
	}
	if *calls != 0 {
		t.Errorf("%d requests, with the token, arrived", *calls)
	}
}

// TestProxyCA: what a proxy's authority signed stands in for the Console's certificate, for the right name alone, and only
// when there's a proxy.
func TestProxyCA(t *testing.T) {
	interceptor, _, calls := tlsConsole(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tunnel(t, w, interceptor.Listener.Addr().String()) // whoever is asked for
	}))
	defer proxy.Close()
	own := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: interceptor.Certificate().Raw}))
	other := "sha256:" + strings.Repeat("ab", 32)
	for name, tt := range map[string]struct {
		address, ca, proxyCA string
		reached              bool
	}{
		"in place of a pin":             {"https://example.com", other, own, true},
		"besides the system's":          {"https://example.com", "", own, true},
		"without the proxy's authority": {"https://example.com", other, "", false},
		"for another name":              {"https://console.example.org", other, own, false},
		"for another name, no pin":      {"https://console.example.org", "", own, false},
	} {
		t.Run(name, func(t *testing.T) {
			*calls = 0
			c := newClient(t, Config{Address: tt.address, Token: token, CA: tt.ca, Proxy: proxy.URL, ProxyCA: tt.proxyCA})
			_, err := c.FetchPolicy(t.Context(), "")
			c.http.CloseIdleConnections()
			if (err == nil) != tt.reached || (*calls > 0) != tt.reached {
				t.Errorf("error %v, %d calls", err, *calls)
			}
		})
	}
	c := newClient(t, Config{Address: interceptor.URL, Token: token, CA: other, ProxyCA: own})
	if _, err := c.FetchPolicy(t.Context(), ""); err == nil {
		t.Error("the authority of a proxy is trusted without one")
	}
	if _, err := New(Config{Address: "https://example.com", Token: token, Proxy: proxy.URL, ProxyCA: "x"}); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("error %v", err)
	}
}

func TestBadPins(t *testing.T) {
	for _, ca := range []string{"sha256:", "sha256:ab", "sha256:" + strings.Repeat("x", 64), "sha256:" + strings.Repeat("ab", 33), "sha1:" + strings.Repeat("ab", 20)} {
		if _, err := New(Config{Address: "https://console", Token: token, CA: ca}); autodefend.ErrorCode(err) != autodefend.CodeInvalid || strings.Contains(err.Error(), ca[5:]) && len(ca) > 20 {
			t.Errorf("CA %q: error %v", ca, err)
		}
	}
}

func FuzzTrust(f *testing.F) {
	f.Add("sha256:" + strings.Repeat("ab", 32))
	f.Add("sha256:zz")
	f.Add("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, ca string) {
		config, err := trust(ca, "")
		if err != nil {
			return
		}
		if config.InsecureSkipVerify != (config.VerifyConnection != nil) {
			t.Fatalf("%q: nobody verifies the certificate", ca)
		}
	})
}
