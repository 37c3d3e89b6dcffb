package plan

import (
	"encoding/json"
	"maps"
	"testing"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
)

func TestEnvironmentBytes(t *testing.T) {
	tests := []struct {
		v    autodefend.Variables
		want int
	}{
		{nil, 2},
		{autodefend.Variables{}, 2},
		{autodefend.Variables{"AB": ""}, 9},
		{autodefend.Variables{"AB": "c", "D": "ef"}, 19},
		{autodefend.Variables{"AB": "<>&"}, 12},
		{autodefend.Variables{"AB": `"\`}, 13},
		{autodefend.Variables{"AB": "é"}, 11},
		{autodefend.Variables{"AB": "🚀"}, 13},
		{autodefend.Variables{"AB": "\u2028\u2029"}, 15},
		{autodefend.Variables{"AB": "\x00"}, 15},
	}
	for _, tt := range tests {
		if got := EnvironmentBytes(tt.v); got != tt.want || got != len(compactText(tt.v)) {
			t.Errorf("%q: %d bytes, want %d", compactText(tt.v), got, tt.want)
		}
	}
}

// TestRequestBytes: only what is sent counts.
func TestRequestBytes(t *testing.T) {
	arns, handler, v := []string{"a", "b"}, "h", autodefend.Variables{"AB": "c"}
	tests := []struct {
		u    autodefend.Update
		want string
	}{
		{autodefend.Update{RevisionID: "r"}, `{"RevisionId":"r"}`},
		{autodefend.Update{RevisionID: "r", Layers: &arns}, `{"RevisionId":"r","Layers":["a","b"]}`},
		{autodefend.Update{RevisionID: "r", Layers: &[]string{}}, `{"RevisionId":"r","Layers":[]}`},
		{autodefend.Update{RevisionID: "r", Handler: &handler}, `{"RevisionId":"r","Handler":"h"}`},
		{autodefend.Update{RevisionID: "r", Variables: &v}, `{"RevisionId":"r","Environment":{"Variables":{"AB":"c"}}}`},
	}
	for _, tt := range tests {
		if got := RequestBytes(tt.u); got != len(tt.want) {
			t.Errorf("%d bytes, want %d as in %s", got, len(tt.want), tt.want)
		}
	}
}

func FuzzEnvironmentBytes(f *testing.F) {
	f.Add("TABLE", "orders", "A1", `<&>"\`)
	f.Add("é", "🚀\u2028\u2029", "B", `\u2028`)
	f.Add("", "\x00\b\f\n\r\t\x1f\x7f", "A", "")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		for _, s := range []string{name1, value1, name2, value2} {
			if !utf8.ValidString(s) {
				t.Skip("AWS stores valid UTF-8 only")
			}
		}
		v := autodefend.Variables{name1: value1, name2: value2}
		text := compactText(v)
		if got := EnvironmentBytes(v); got != len(text) {
			t.Errorf("%d bytes, want %d as in %s", got, len(text), text)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(text), &back); err != nil || !maps.Equal(back, v) {
			t.Errorf("%s isn't the text of the variables: %v", text, err)
		}
	})
}
