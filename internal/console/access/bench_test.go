package access

import (
	"fmt"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// BenchmarkAuthenticate is what each call of the API pays, with a thousand users.
func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b)
	for i := range 1000 {
		body := fmt.Sprintf(`{"username":"user%d","role":"auditor","authType":"basic","uid":"u","epoch":"e"}`, i)
		change := api.DocumentChange{Kind: api.KindUser, ID: fmt.Sprintf("user%d", i), Body: []byte(body)}
		if err := w.store.Write(b.Context(), []api.DocumentChange{change}, nil); err != nil {
			b.Fatal(err)
		}
	}
	for name, auth := range map[string]string{
		"session":  bearer(w.login("root", rootPassword)),
		"basic":    asRoot(),
		"token":    bearer(w.token(asRoot(), api.TokenRequest{Name: "t"}).Token),
		"defender": bearer(w.DefenderToken(route.FunctionIdentity{Account: "1", Function: "f"})),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := w.who(auth); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPassword is what a login costs.
func BenchmarkPassword(b *testing.B) {
	h := newHashing()
	for b.Loop() {
		if _, err := h.hashPassword(b.Context(), rootPassword); err != nil {
			b.Fatal(err)
		}
	}
}
