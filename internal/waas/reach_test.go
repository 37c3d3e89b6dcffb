package waas

import (
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

func TestAlsoAt(t *testing.T) {
	t.Parallel()
	args := rules.Args.Set()
	tests := []struct {
		field event.Field
		want  rules.VariableSet
	}{
		{event.Field{Place: event.XMLAttribute, Name: "/a/@b", Value: "x"}, args | rules.XML.Set()},
		{event.Field{Place: event.FileName, Name: "f", Value: "report-2.pdf"}, 0},
		{event.Field{Place: event.FileName, Name: "f", Value: "a;id.pdf"}, args},
		{event.Field{Place: event.FileName, Name: "f", Value: ".env"}, args},
		{event.Field{Place: event.Header, Name: "x-job", Value: "nightly"}, args},
		{event.Field{Place: event.Header, Name: "x-forwarded-for", Value: "192.0.2.1, 192.0.2.2"}, 0},
		{event.Field{Place: event.Header, Name: "x-forwarded-for", Value: "192.0.2.1|id"}, args},
		{event.Field{Place: event.Header, Name: "sec-ch-ua", Value: `"Chromium";v="124", "Not-A.Brand";v="99"`}, 0},
		{event.Field{Place: event.Header, Name: "user-agent", Value: "Mozilla/5.0 (X11; Linux x86_64)"}, 0},
		{event.Field{Place: event.Header, Name: "user-agent", Value: "wget -O- host"}, args},
		{event.Field{Place: event.Header, Name: "referer", Value: "https://shop.example/?q=a%20b"}, 0},
		{event.Field{Place: event.Header, Name: "referer", Value: "gopher://x:6379/_a"}, args},
		{event.Field{Place: event.Header, Name: "cookie", Value: "a={}"}, 0},
		{event.Field{Place: event.Query, Name: "q", Value: "x"}, 0},
	}
	for _, test := range tests {
		if got := alsoAt(&test.field); got != test.want {
			t.Errorf("%+v: %b, want %b", test.field, got, test.want)
		}
	}
}

func TestAppendWithin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{"plain", nil},
		{"100 %", nil},
		{"%2e%2E/x%", []string{"../x%"}},
		{`{"a":"b;\u0069d","n":1}`, []string{"a", "b;id", "n"}},
		{`%7B%22a%22:[%22b%22]%7D`, []string{`{"a":["b"]}`, "a", "b"}},
		{`["\\", "x\"y"]`, []string{`\`, `x"y`}},
		{`{"broken":`, nil},
	}
	for _, test := range tests {
		var got []string
		room := withinAll
		for _, v := range appendWithin(nil, &value{variables: rules.Args.Set(), text: test.text}, &room) {
			got = append(got, v.text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestWithinHasABound(t *testing.T) {
	t.Parallel()
	room, values := withinAll, []value(nil)
	v := value{variables: rules.Args.Set(), text: "%41" + strings.Repeat("a", withinBytes-3)}
	for range 100 {
		values = appendWithin(values, &v, &room)
	}
	if len(values) != 4 || room > withinBytes {
		t.Errorf("%d values, room for %d bytes", len(values), room)
	}
	v.text += "a"
	if room = withinAll; len(appendWithin(nil, &v, &room)) != 0 {
		t.Error("a value of more bytes is read once more")
	}
}

func TestAppendSegments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		raw  string
		want []string
	}{
		{"/users/42/orders_7.json", nil},
		{"/files/a%3Bid/meta", []string{"a;id/meta", "a;id"}},
		{"/files/..%2f..%2fetc", []string{"../../etc"}},
		{"/files/../etc", []string{"../etc", ".."}},
		{"", nil},
	}
	for _, test := range tests {
		var got []string
		room := withinAll
		for _, v := range appendSegments(nil, &event.Field{Place: event.Path}, test.raw, &room) {
			got = append(got, v.text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.raw, got, test.want)
		}
	}
}
