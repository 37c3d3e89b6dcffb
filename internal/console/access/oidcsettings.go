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
