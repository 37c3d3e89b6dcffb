package access

import "github.com/autodefend/autodefend/internal/api"

// oidcSettings are the settings as they are stored.
type oidcSettings struct {
	api.OIDCSettings
	// SealedSecret is the client's secret, encrypted.
	SealedSecret []byte `json:"sealedSecret,omitempty"`
	// Revision changes with every write.
	Revision string `json:"revision"`
}

// public are the settings as they are shown.
func (o oidcSettings) public() api.OIDCSettings {
	shown := o.OIDCSettings
	shown.ClientSecret, shown.ClientSecretSet = "", len(o.SealedSecret) > 0
	if shown.Scopes == nil {
		shown.Scopes = api.Names{}
	}
	return shown
}

// aad binds the secret to whom it is for.
func (o oidcSettings) aad() []byte {
	return []byte("oidc client secret\x00" + o.Issuer + "\x00" + o.ClientID)
}
