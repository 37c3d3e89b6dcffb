package settings

import (
	"encoding/base64"
	"fmt"

	"github.com/autodefend/autodefend/internal/api"
)

// Reseal returns what a stored document becomes when each of its secrets, with what it is sealed for, goes through reseal;
// nil for documents that have none.
func Reseal(d api.Document, reseal func(sealed, of []byte) ([]byte, error)) ([]byte, error) {
	switch {
	case d.Kind == api.KindCredential:
		var c api.Credential
		if err := stored(d, &c); err != nil {
			return nil, err
		}
		return resealed(d, &c, secrets(&c), reseal)
	case d.Kind == api.KindSettings && d.ID == "proxy":
		var p api.ProxySettings
		if err := stored(d, &p); err != nil {
			return nil, err
		}
		return resealed(d, &p, map[string]*api.CredentialSecret{proxyOwner: &p.Password}, reseal)
	default:
		return nil, nil
	}
}

// resealed is a document's content after its secrets were sealed anew.
func resealed(d api.Document, content any, members map[string]*api.CredentialSecret, reseal func(sealed, of []byte) ([]byte, error)) ([]byte, error) {
	for of, member := range members {
		if member.Encrypted == "" {
			continue
		}
		sealed, err := base64.StdEncoding.DecodeString(member.Encrypted)
		if err == nil {
			sealed, err = reseal(sealed, []byte(of))
		}
		if err != nil {
			return nil, fmt.Errorf("seal %s %q anew: %w", d.Kind, d.ID, err)
		}
		member.Encrypted = base64.StdEncoding.EncodeToString(sealed)
	}
	return marshal(content), nil
}
