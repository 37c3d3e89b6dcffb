package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
)

// The files of the self-signed certificate in the Console's directory.
const (
	certificateFile    = "certificate.pem"
	certificateKeyFile = "certificate.key"
)

// selfSignedYears is how long a self-signed certificate holds. Those who trust it know its fingerprint, so that a new one
// must be told to everybody.
const selfSignedYears = 10

// consoleTrust is the Console's certificate, and how others know that it's the right one.
type consoleTrust struct {
	// config is nil for plain HTTP.
	config *tls.Config
	// fingerprint is the certificate's SHA-256 in hexadecimal.
	fingerprint string
	// pin is what functions are given to know the Console by; "" leaves it to their system.
	pin string
}

// trust loads the certificate of the flags, or the self-signed one, which the first start makes.
func (c *consoleCommand) trust() (consoleTrust, error) {
	if c.insecure {
		return consoleTrust{}, nil
	}
	pin := ""
	files := certificateFiles{certificate: c.tlsCert, key: c.tlsKey}
	selfSigned := c.tlsCert == ""
	if selfSigned {
		files = certificateFiles{certificate: filepath.Join(c.where.dir, certificateFile), key: filepath.Join(c.where.dir, certificateKeyFile)}
		if !exists(files.certificate) && !exists(files.key) {
			if err := files.make(append([]string{hostname(), "localhost", "127.0.0.1", "::1"}, c.names...)); err != nil {
				return consoleTrust{}, err
			}
		}
	}
	pair, err := files.load()
	if err != nil {
		return consoleTrust{}, err
	}
	sum := sha256.Sum256(pair.Leaf.Raw)
	fingerprint := hex.EncodeToString(sum[:])
	if selfSigned {
		pin = "sha256:" + fingerprint
	}
	if c.tlsCA != "" {
		authority, err := c.authority()
		if err != nil {
			return consoleTrust{}, err
		}
		pin = authority
	}
	reloader := &certificateReloader{files: files, pair: pair, loaded: files.modified()}
	return consoleTrust{
		config:      &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites(), GetCertificate: reloader.get},
		fingerprint: fingerprint, pin: pin,
	}, nil
}

// suites are those of TLS 1.2: they encrypt with authentication, and what was recorded can't be read when the key is lost
// later. Those of TLS 1.3 are all like that.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// authority reads --tls-ca.
func (c *consoleCommand) authority() (string, error) {
	text, err := os.ReadFile(c.tlsCA)
	if err != nil {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "option --tls-ca: the file %q can't be read: %s", c.tlsCA, whyNot(err))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "option --tls-ca: the file %q holds no certificate in PEM form", c.tlsCA)
	}
	return string(text), nil
}

// certificateFiles are the names of a certificate's files.
type certificateFiles struct{ certificate, key string }

// make makes a self-signed certificate for some names and addresses.
func (f certificateFiles) make(names []string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Autodefend Console"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(selfSignedYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if !slices.Contains(template.DNSNames, name) {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --name: no certificate can be made: %s", err).WithHint("names are those of hosts, or IP addresses")
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	return errors.Join(writePEM(f.key, keyBlock, private), writePEM(f.certificate, "CERTIFICATE", certificate))
}

// writePEM writes a new file that only we can read.
func writePEM(name, block string, content []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "option --data: %q can't be written: %s", name, whyNot(err))
	}
	return errors.Join(pem.Encode(file, &pem.Block{Type: block, Bytes: content}), file.Sync(), file.Close())
}

// load reads the certificate with its key. An expired one is refused: nobody could connect.
func (f certificateFiles) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		if p, ok := errors.AsType[*os.PathError](err); ok {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "the certificate: %q can't be read: %s", p.Path, p.Err)
		}
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the certificate %q: %s", f.certificate, err).
			WithHint("it and its key %q must belong together and be in PEM form", f.key)
	}
	if pair.Leaf == nil || time.Now().After(pair.Leaf.NotAfter) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the certificate %q has expired", f.certificate).
			WithHint("renew it; a self-signed one is made anew when its two files are gone, and must then be told to functions by a new apply")
	}
	return &pair, nil
}

// modified is when the files were changed last.
func (f certificateFiles) modified() time.Time {
	var last time.Time
	for _, name := range []string{f.certificate, f.key} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// certificateReloader serves a certificate, and a renewed one once its files have changed.
type certificateReloader struct {
	files certificateFiles

	mu     sync.Mutex // guards the fields below
	pair   *tls.Certificate
	loaded time.Time
	looked time.Time
}

// reloadEvery is how often is looked for a renewed certificate.
const reloadEvery = time.Minute

func (r *certificateReloader) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.looked) < reloadEvery {
		return r.pair, nil
	}
	r.looked = now
	if modified := r.files.modified(); !modified.Equal(r.loaded) {
		// A pair that is half renewed doesn't load; the old one goes on until it does.
		if pair, err := r.files.load(); err == nil {
			r.pair, r.loaded = pair, modified
		}
	}
	return r.pair, nil
}
