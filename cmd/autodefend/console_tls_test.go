package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

func selfSigned(t *testing.T, names ...string) certificateFiles {
	t.Helper()
	dir := t.TempDir()
	files := certificateFiles{certificate: filepath.Join(dir, certificateFile), key: filepath.Join(dir, certificateKeyFile)}
	if err := files.make(names); err != nil {
		t.Fatal(err)
	}
	return files
}

// TestSelfSigned: the certificate is right for its names and addresses, and for whoever has it as an authority.
func TestSelfSigned(t *testing.T) {
	files := selfSigned(t, "console.example.com", "localhost", "127.0.0.1", "::1", "localhost")
	pair, err := files.load()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	for name, want := range map[string]bool{"console.example.com": true, "localhost": true, "127.0.0.1": true, "::1": true, "other.example.com": false} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(pair.Leaf.DNSNames) != 2 || pair.Leaf.IsCA || time.Until(pair.Leaf.NotAfter) < 9*365*24*time.Hour {
		t.Errorf("%v, authority %v, until %s", pair.Leaf.DNSNames, pair.Leaf.IsCA, pair.Leaf.NotAfter)
	}
	if err := files.make(nil); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("made a second time: %v", err)
	}
}

// TestOfferedTLS: nothing older than TLS 1.2, and of its cipher suites only those that authenticate.
func TestOfferedTLS(t *testing.T) {
	c := &consoleCommand{where: consoleData{dir: t.TempDir()}}
	trust, err := c.trust()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		version uint16
		suite   uint16
		ok      bool
	}{
		"1.1":     {version: tls.VersionTLS11},
		"1.2 CBC": {version: tls.VersionTLS12, suite: tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
		"1.2 GCM": {version: tls.VersionTLS12, suite: tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ok: true},
		"1.3":     {version: tls.VersionTLS13, ok: true},
	} {
		client, server := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); _ = tls.Server(server, trust.config).Handshake(); server.Close() }()
		wanted := &tls.Config{InsecureSkipVerify: true, MinVersion: test.version, MaxVersion: test.version}
		if test.suite != 0 {
			wanted.CipherSuites = []uint16{test.suite}
		}
		err := tls.Client(client, wanted).Handshake()
		client.Close()
		<-done
		if (err == nil) != test.ok {
			t.Errorf("TLS %s: %v, want success: %v", name, err, test.ok)
		}
	}
	for _, id := range suites() {
		if name := tls.CipherSuiteName(id); !strings.HasPrefix(name, "TLS_ECDHE_") || strings.Contains(name, "CBC") {
			t.Errorf("%s is offered", name)
		}
	}
}

func TestOwnNames(t *testing.T) {
	got := ownNames([]string{"https://console.example.com:8083", "cd-example.org", "10.0.0.1", "", "acme"})
	if want := []string{"console", "example", "acme"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCertificatesThatWontDo(t *testing.T) {
	files, other := selfSigned(t, "a"), selfSigned(t, "b")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]certificateFiles{
		"missing":          {certificate: files.certificate + "x", key: files.key},
		"another's key":    {certificate: files.certificate, key: other.key},
		"no certificate":   {certificate: text, key: files.key},
		"key in its place": {certificate: files.key, key: files.key},
	} {
		if _, err := bad.load(); autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRenewedCertificate: a renewed certificate is served, a half renewed one isn't.
func TestRenewedCertificate(t *testing.T) {
	files, next := selfSigned(t, "first"), selfSigned(t, "second")
	pair, err := files.load()
	if err != nil {
		t.Fatal(err)
	}
	r := &certificateReloader{files: files, pair: pair, loaded: files.modified()}
	served := func() string {
		t.Helper()
		r.looked = time.Time{}
		got, err := r.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.DNSNames[0]
	}
	replace := func(to, from string, at time.Time) {
		t.Helper()
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(to, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	if got := served(); got != "first" {
		t.Errorf("before: %s", got)
	}
	replace(files.certificate, next.certificate, now.Add(time.Minute))
	if got := served(); got != "first" {
		t.Errorf("half renewed: %s", got)
	}
	replace(files.key, next.key, now.Add(2*time.Minute))
	if got := served(); got != "second" {
		t.Errorf("renewed: %s", got)
	}
}
