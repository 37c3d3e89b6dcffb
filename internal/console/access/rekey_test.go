package access

import (
	"bytes"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/route"
)

// TestTokensOfAnOlderMasterKey: sessions and Defenders' tokens hold as long as their key is there, and a Defender's that takes
// the place of another hangs on the same key.
func TestTokensOfAnOlderMasterKey(t *testing.T) {
	w := newWorld(t)
	old := w.keys.IDs()[0]
	session := bearer(w.login("root", rootPassword))
	id := route.FunctionIdentity{Account: "1", Region: "r", Function: "f", Issued: 1}
	token := w.DefenderToken(id)

	replica := func(masters ...[]byte) *Service {
		t.Helper()
		var err error
		if w.keys, err = keys.New(masters...); err != nil {
			t.Fatal(err)
		}
		return w.replica()
	}
	first, second := make([]byte, keys.MasterSize), bytes.Repeat([]byte{1}, keys.MasterSize)
	rekeyed := replica(second, first)
	if p, err := rekeyed.Authenticate(t.Context(), Request{Authorization: session}); err != nil || p.Username != "root" {
		t.Errorf("the session: %+v, %v", p, err)
	}
	p, err := rekeyed.Authenticate(t.Context(), Request{Authorization: bearer(token)})
	if err != nil || p.Function.Key != old {
		t.Fatalf("the Defender's token: %+v, %v", p.Function, err)
	}
	if n := rekeyed.OldKeyCalls(); n != 1 {
		t.Errorf("%d calls by the old key, want 1", n)
	}
	if again := rekeyed.DefenderToken(p.Function); again != token {
		t.Error("a token in its place hangs on another key")
	}
	fresh := rekeyed.DefenderToken(id)
	if p, err := rekeyed.Authenticate(t.Context(), Request{Authorization: bearer(fresh)}); err != nil || p.Function.Key != "" || fresh == token || rekeyed.OldKeyCalls() != 1 {
		t.Errorf("a new token: %+v, %v", p.Function, err)
	}

	retired := replica(second)
	for name, credential := range map[string]string{"session": session, "Defender's token": bearer(token)} {
		if _, err := retired.Authenticate(t.Context(), Request{Authorization: credential}); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("the %s of a key that is gone: %v", name, err)
		}
	}
}
