package alerting

import (
	"fmt"

	"github.com/autodefend/autodefend/internal/api"
)

// Reseal returns what a stored alert profile becomes when each of its secrets, with what it is sealed for, goes through
// reseal; nil for other documents and for profiles without secrets.
func Reseal(d api.Document, reseal func(sealed, of []byte) ([]byte, error)) ([]byte, error) {
	if d.Kind != api.KindAlertProfile {
		return nil, nil
	}
	p, err := readProfile(d)
	if err != nil || len(p.sealed.Secrets) == 0 {
		return nil, err
	}
	for path, sealed := range p.sealed.Secrets {
		if p.sealed.Secrets[path], err = reseal(sealed, place(p.Name, path)); err != nil {
			return nil, fmt.Errorf("seal alert profile %q anew: %w", d.ID, err)
		}
	}
	return p.body()
}
