package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func TestDiffLists(t *testing.T) {
	tests := []struct{ before, after, want string }{
		{"", "", ""},
		{"", "a", "+a"},
		{"a b", "a b c", " a  b +c"},
		{"c a b", "a b", "-c  a  b"},
		{"a x b", "a b y", " a -x  b +y"},
		{"a b", "b a", "-a  b +a"},
		{"a", "b", "-a +b"},
	}
	for _, tt := range tests {
		var got []string
		for _, l := range diffLists(strings.Fields(tt.before), strings.Fields(tt.after)) {
			got = append(got, string(l.op)+l.text)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q to %q: %q, want %q", tt.before, tt.after, s, tt.want)
		}
	}
}

func TestDiffOf(t *testing.T) {
	if diffOf(nil) != nil || diffOf(&autodefend.Change{Revision: "1"}) != nil {
		t.Error("no change has lines")
	}
	var got []string
	for _, l := range diffOf(detachChange()) {
		got = append(got, string(l.op)+" "+l.text)
	}
	want := []string{
		"- layer " + oldLayer, "  layer " + ownersLayer, "- handler twistlock.handler", "+ handler app.main",
		"- variable ORIGINAL_HANDLER", "- tag SecurityProtected=True", "- tag autodefend:attached",
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func TestEvidenceText(t *testing.T) {
	tests := []struct {
		in   *autodefend.Evidence
		want string
	}{
		{nil, ""},
		{&autodefend.Evidence{}, ""},
		{&autodefend.Evidence{Seen: int64(262144001), Limit: int64(262144000), Unit: "bytes"}, "seen 262,144,001 bytes, limit 262,144,000 bytes"},
		{&autodefend.Evidence{Seen: "Image", Limit: "Zip", Unit: ""}, "seen Image, limit Zip"},
		{&autodefend.Evidence{Seen: int64(0)}, "seen 0"},
		{&autodefend.Evidence{Seen: int64(-1234)}, "seen -1,234"},
		{&autodefend.Evidence{Seen: int64(-123), Limit: 5}, "seen -123, limit 5"},
		{&autodefend.Evidence{Seen: 1.5}, ""},
	}
	for _, tt := range tests {
		if got := evidenceText(tt.in); got != tt.want {
			t.Errorf("evidenceText(%+v) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
