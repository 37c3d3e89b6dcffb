package access

import (
	"encoding/json"
	"fmt"

	"github.com/autodefend/autodefend/internal/api"
)

// Reseal returns what the stored settings of the OpenID Connect provider become when their secret, with what it is sealed
// for, goes through reseal; nil for other documents and without a secret.
func Reseal(d api.Document, reseal func(sealed, of []byte) ([]byte, error)) ([]byte, error) {
	if d.Kind != api.KindSettings || d.ID != api.SettingsOIDC {
		return nil, nil
	}
	o, err := read[oidcSettings](d)
	if err != nil || len(o.SealedSecret) == 0 {
		return nil, err
	}
	if o.SealedSecret, err = reseal(o.SealedSecret, o.aad()); err != nil {
		return nil, fmt.Errorf("seal %s %q anew: %w", d.Kind, d.ID, err)
	}
	return json.Marshal(o)
}
