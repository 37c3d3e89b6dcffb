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
// "sha256:" with 64 hexadecimal digits the one certificate whose DER has that digest.
func trust(ca string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return config, nil
	}
	if pin, ok := strings.CutPrefix(ca, pinPrefix); ok {
		digest, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(pin), ":", ""))
		if err != nil || len(digest) != sha256.Size {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's CA isn't sha256: and 64 hexadecimal digits")
		}
		pinned(config, digest)
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM([]byte(ca)) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the Console's CA has no certificate in PEM")
	}
	return config, nil
}

// pinned makes a configuration accept one certificate alone, whatever names it has and whoever signed it: who has its key is
// the Console. Its end doesn't count either, because all functions would lose the Console at the same minute.
func pinned(config *tls.Config, digest []byte) {
	config.InsecureSkipVerify = true // in favour of VerifyConnection, which is called for resumed sessions too
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errOtherCertificate
		}
		have := sha256.Sum256(state.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(have[:], digest) != 1 {
			return errOtherCertificate
		}
		return nil
	}
}
