package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/autodefend/autodefend"
)

// pinPrefix begins a CA that is the fingerprint of the Console's own certificate.
const pinPrefix = "sha256:"

// errOtherCertificate is the error of a connection to a server that has another certificate than the pinned one.
var errOtherCertificate = errors.New("the server's certificate isn't the pinned one")

// trust says whose certificate the Console may have: "" is the system's authorities, a PEM bundle those in it, and
// "sha256:" with 64 hexadecimal digits the one certificate whose DER has that digest. What the authority of a proxy signed,
// for the Console's name or its own, may stand in for it.
func trust(ca, proxyCA string) (*tls.Config, error) {
	const sessions = 4 // one Console and its proxy; a session that goes on saves both ends a signature
	config := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(sessions)}
	var proxies *x509.CertPool
	if proxyCA != "" {
		proxies = x509.NewCertPool()
		if !proxies.AppendCertsFromPEM([]byte(proxyCA)) {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "the CA of the proxy to the Console has no certificate in PEM")
		}
	}
	if pin, ok := strings.CutPrefix(ca, pinPrefix); ok {
		digest, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(pin), ":", ""))
		if err != nil || len(digest) != sha256.Size {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's CA isn't sha256: and 64 hexadecimal digits")
		}
		pinned(config, digest, proxies)
		return config, nil
	}
	if ca == "" && proxyCA == "" {
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	if ca != "" && !config.RootCAs.AppendCertsFromPEM([]byte(ca)) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's CA has no certificate in PEM")
	}
	if system, err := x509.SystemCertPool(); ca == "" && err == nil {
		config.RootCAs = system
	}
	config.RootCAs.AppendCertsFromPEM([]byte(proxyCA))
	return config, nil
}

// pinned makes a configuration accept one certificate alone, whatever names it has and whoever signed it: who has its key is
// the Console. Its end doesn't count either, because all functions would lose the Console at the same minute. The other
// that is accepted is one that a proxy's authority signed, when there is one.
func pinned(config *tls.Config, digest []byte, proxies *x509.CertPool) {
	config.InsecureSkipVerify = true // in favour of VerifyConnection, which is called for resumed sessions too
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errOtherCertificate
		}
		have := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(have[:], digest) == 1 {
			return nil
		}
		if proxies == nil {
			return errOtherCertificate
		}
		return signedBy(proxies, state)
	}
}

// signedBy checks a server's certificate as usual, against some authorities.
func signedBy(authorities *x509.CertPool, state tls.ConnectionState) error {
	options := x509.VerifyOptions{Roots: authorities, DNSName: state.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
