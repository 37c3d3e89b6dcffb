package plan

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/autodefend/autodefend"
)

// TestPlainBytes: the fast way of measuring variables agrees with encoding them.
func TestPlainBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.String())
		v := autodefend.Variables(rapid.MapOfN(text, text, 0, 4).Draw(t, "variables"))
		encoded := len(compactJSON(map[string]string(v)))
		for name, value := range v {
			encoded -= separatorEscapes(name) + separatorEscapes(value)
		}
		if size, ok := plainBytes(v); ok && size != encoded {
			t.Errorf("plainBytes = %d, encoded they have %d", size, encoded)
		}
		if got := EnvironmentBytes(v); got != encoded {
			t.Errorf("EnvironmentBytes = %d, encoded they have %d", got, encoded)
		}
	})
}

// TestSmallRequest: what's called small is below the limit.
func TestSmallRequest(t *testing.T) {
	small := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,40}`), rapid.StringOfN(rapid.Rune(), 0, 40, -1), rapid.StringMatching("[\x00-\x1f\x7f]{0,90}"))
		variables := autodefend.Variables(rapid.MapOfN(text, text, 0, 20).Draw(t, "variables"))
		layers := rapid.SliceOfN(text, 0, 5).Draw(t, "layers")
		handler := text.Draw(t, "handler")
		u := autodefend.Update{RevisionID: text.Draw(t, "revision"), Variables: &variables, Layers: &layers, Handler: &handler}
		if !smallRequest(u) {
			return
		}
		small++
		if size := RequestBytes(u); size >= MaxRequestBytes {
			t.Errorf("a request of %d bytes was called small", size)
		}
	})
	if small == 0 {
		t.Error("no request was small, so that this tests nothing")
	}
}
