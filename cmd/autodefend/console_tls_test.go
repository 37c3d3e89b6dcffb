package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
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
