package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// texts are the fields of an event, one line each: place, name, value.
func texts(fields []Field) []string {
	var lines []string
	for _, f := range fields {
		lines = append(lines, fmt.Sprintf("%s %s=%q", placeName(f.Place), f.Name, f.Value))
	}
	return lines
}

// kinds are the faults of an event, one line each: kind, place.
func kinds(faults []Fault) []string {
	var lines []string
	for _, f := range faults {
		lines = append(lines, string(f.Kind)+" "+placeName(f.Place))
	}
	return lines
}

// TestWalk decodes documents as direct events.
func TestWalk(t *testing.T) {
	for _, test := range []struct {
		name, doc string
		want      []string
		faults    []string
	}{
		{"string", `"a\tb"`, []string{`Message ="a\tb"`}, nil},
		{"number", ` -1.5e+3 `, []string{`Message ="-1.5e+3"`}, nil},
		{"words", `[true,false,null]`, nil, nil},
		{"empty", `{"a":{},"b":[]}`, []string{`MessageName /a="a"`, `MessageName /b="b"`}, nil},
		{"duplicates", `{"a":"1","a":"2"}`, []string{`MessageName /a="a"`, `Message /a="1"`, `MessageName /a="a"`, `Message /a="2"`}, nil},
		{"escapes", `"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`, []string{`Message ="\"\\/\b\f\n\r\té😀"`}, nil},
		{"escaped name", `{"\u0061\/~":1}`, []string{`MessageName /a~1~0="a/~"`, `Message /a~1~0="1"`}, nil},
		{"lone high surrogate", `"x\ud83dy"`, []string{`Message ="x�y"`}, []string{"utf8 Message"}},
		{"lone low surrogate", `"\ude00"`, []string{`Message ="�"`}, []string{"utf8 Message"}},
		{"two high surrogates", `"\ud83d\ud83d\ude00"`, []string{`Message ="�😀"`}, []string{"utf8 Message"}},
		{"NUL", `"\u0000"`, []string{`Message ="\x00"`}, []string{"controlBytes Message"}},
		{"not UTF-8", "\"\xff\"", []string{`Message ="\xff"`}, []string{"utf8 Message"}},
		{"invalid escape", `"\x41\u00"`, []string{`Message ="\\x41\\u00"`, `Message ="\"\\x41\\u00\""`}, []string{"eventSyntax Whole"}},
		{"raw line", "\"a\nb\"", []string{`Message ="a\nb"`, `Message ="\"a\nb\""`}, []string{"eventSyntax Whole"}},
		{"no JSON", `<x>`, []string{`Message ="<x>"`}, []string{"eventSyntax Whole"}},
		{"nothing", ``, []string{`Message =""`}, []string{"eventSyntax Whole"}},
		{"breaks off", `{"a":"b`, []string{`MessageName /a="a"`, `Message ="{\"a\":\"b"`}, []string{"eventSyntax Whole"}},
		{"comma too many", `["a",]`, []string{`Message /0="a"`, `Message ="[\"a\",]"`}, []string{"eventSyntax Whole"}},
		{"brackets mixed", `["a"}`, []string{`Message /0="a"`, `Message ="[\"a\"}"`}, []string{"eventSyntax Whole"}},
		{"octal", `[012]`, []string{`Message ="[012]"`}, []string{"eventSyntax Whole"}},
		{"NaN", `[NaN]`, []string{`Message ="[NaN]"`}, []string{"eventSyntax Whole"}},
		{"lines", "{\"a\":1}\n{\"a\":2}", []string{`MessageName /a="a"`, `Message /a="1"`, `MessageName /a="a"`, `Message /a="2"`}, nil},
		{"text after it", `{"a":1}x`, []string{`MessageName /a="a"`, `Message /a="1"`, `Message ="{\"a\":1}x"`}, []string{"eventSyntax Whole"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Decode([]byte(test.doc), Limits{})
			if diff := cmp.Diff(test.want, texts(e.Fields)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.faults, kinds(e.Faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsNumber(t *testing.T) {
	for _, s := range []string{"0", "-0", "10", "1.5", "1e5", "1E-5", "-1.25e+10", "2.2250738585072011e-308"} {
		if !isNumber(s) {
			t.Errorf("%q should be a number", s)
		}
	}
	for _, s := range []string{"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1-1", "--1", "1'"} {
		if isNumber(s) {
			t.Errorf("%q should be no number", s)
		}
	}
}

func TestLongNames(t *testing.T) {
	long := strings.Repeat("é", 200)
	e := Decode([]byte(`{"`+long+`":{"`+long+`":"v"}}`), Limits{})
	for _, f := range e.Fields {
		if len(f.Name) > maxName || !strings.HasSuffix(f.Name, "…") {
			t.Errorf("name of %d bytes: %q", len(f.Name), f.Name)
		}
	}
	if got := e.Fields[1].Value; got != long {
		t.Errorf("the name itself is cut: %q", got)
	}
	if len(e.Faults) > 0 {
		t.Errorf("faults %v", e.Faults)
	}
}

// jsonValue draws a JSON value of few levels with hostile strings.
func jsonValue(depth int) *rapid.Generator[any] {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"' OR 1=1", "<x>", "a/b~c", "\u0000", `\`, `"`, "😀", "Records", "requestContext"}))
	leaf := rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-1e6, 1e6), func(f float64) any { return f }),
		rapid.SampledFrom([]any{true, false, nil}),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(
		leaf,
		rapid.Map(rapid.MapOfN(text, jsonValue(depth-1), 0, 4), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(jsonValue(depth-1), 0, 4), func(a []any) any { return a }),
	)
}

// collect counts the strings and names of a value.
func collect(v any, values, names map[string]int) {
	switch v := v.(type) {
	case string:
		values[v]++
	case map[string]any:
		for k, e := range v {
			names[k]++
			collect(e, values, names)
		}
	case []any:
		for _, e := range v {
			collect(e, values, names)
		}
	}
}

// TestEveryLeafOfADirectEvent holds the decoder to encoding/json.
func TestEveryLeafOfADirectEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, err := json.Marshal(jsonValue(4).Draw(t, "event"))
		if err != nil {
			t.Skip("no JSON")
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		e := Decode(data, Limits{})
		if e.Trigger != Direct {
			t.Skip("an event after all")
		}
		values, names := map[string]int{}, map[string]int{}
		collect(v, values, names)
		for _, f := range e.Fields {
			switch {
			case f.Place == MessageName:
				names[f.Value]--
			case values[f.Value] > 0: // not a number
				values[f.Value]--
			}
		}
		for s, n := range values {
			if n != 0 {
				t.Errorf("value %q: %d not found", s, n)
			}
		}
		for s, n := range names {
			if n != 0 {
				t.Errorf("name %q: %d not found", s, n)
			}
		}
		if len(e.Exceeded) > 0 {
			t.Errorf("exceeded %v", e.Exceeded)
		}
	})
}
