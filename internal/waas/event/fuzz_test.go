package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzDecode: no event does harm, whatever the limits.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, 1<<17, 1<<18, 32, 1000)
	}
	f.Add([]byte(`{"Records":[{"eventSource":"aws:sqs","body":"é\u00`), 3, 4, 1, 2)
	f.Fuzz(func(t *testing.T, data []byte, body, total, depth, count int) {
		l := Limits{BodyBytes: body, TotalBytes: total, Depth: depth, Count: count}
		e := Decode(bytes.Clone(data), l)
		bounded(t, data, e, l.orDefaults())
		independent(t, "event", data)
	})
}

// FuzzJSON holds the walker to encoding/json: what that takes, this does, and
// finds the same strings.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":["b",1.5e3,true,null,"\ud83d\ude00\u0000\n"]}`, `[[],{}]`, `"\ud83d"`, `[01]`, `{"a":1,}`, "\"\x01\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		d := newDecoder(0, Limits{Depth: maxDepth})
		result := d.walk(doc, scope{names: JSONName, values: JSON}, true, false)
		if !json.Valid([]byte(doc)) {
			// Several documents are taken too, each of which is valid.
			if result == readWhole && !validLines(doc) {
				t.Fatalf("taken: %q", doc)
			}
			return
		}
		if len(d.Exceeded) > 0 || result != readWhole {
			if len(d.Exceeded) == 0 {
				t.Fatalf("refused: %q", doc)
			}
			return
		}
		var v any
		if err := json.Unmarshal([]byte(strings.ToValidUTF8(doc, "")), &v); err != nil || strings.ToValidUTF8(doc, "") != doc {
			return
		}
		values := map[string]int{}
		collect(v, values, map[string]int{})
		for s := range values {
			if !slices.ContainsFunc(d.Fields, func(f Field) bool { return f.Value == s }) {
				t.Fatalf("%q isn't found in %q", s, doc)
			}
		}
	})
}

func validLines(doc string) bool {
	dec := json.NewDecoder(strings.NewReader(doc))
	for {
		var v any
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			return false
		}
	}
}

// FuzzForm holds the form parser to net/url.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=1&b=%20+&a", "%zz=%", "&&=&", "a=%C3%A9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := decoded(func(d *decoder) { d.form(s, FormName, Form) })
		want, err := url.ParseQuery(s)
		if err != nil || len(e.Exceeded) > 0 {
			return
		}
		for _, field := range e.Fields {
			if field.Place == Form && len(field.Name) < maxName && !slices.Contains(want[field.Name], field.Value) {
				t.Fatalf("%q: %q is not in %v", s, field.Value, want)
			}
		}
		for name, values := range want {
			for _, value := range values {
				if !slices.ContainsFunc(e.Fields, func(f Field) bool { return f.Place == Form && f.Value == value }) {
					t.Fatalf("%q: %q=%q is not found", s, name, value)
				}
			}
		}
		if slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.Kind == PercentEncoding }) {
			t.Fatalf("%q: a fault net/url doesn't see", s)
		}
	})
}

// FuzzMultipart holds the multipart parser to mime/multipart: what that finds,
// this does.
func FuzzMultipart(f *testing.F) {
	for _, s := range []string{
		"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''%41\r\n\r\nv\r\n--b--",
		"--b\nA: b\n c\n\n--b\n\n\n--b--",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := decoded(func(d *decoder) { d.multipart(s, "b") })
		r := multipart.NewReader(strings.NewReader(s), "b")
		for len(e.Exceeded) == 0 {
			part, err := r.NextRawPart()
			if err != nil {
				return
			}
			content, err := io.ReadAll(part)
			if err != nil {
				return
			}
			if name := part.FormName(); name != "" && !slices.ContainsFunc(e.Fields, func(f Field) bool { return f.Place == MultipartName && f.Value == name }) {
				t.Fatalf("%q: part %q is not found: %v", s, name, texts(e.Fields))
			}
			if part.FileName() != "" || len(content) == 0 || part.Header.Get("Content-Type") != "" || part.Header.Get("Content-Disposition") != "" {
				continue
			}
			if !slices.ContainsFunc(e.Fields, func(f Field) bool {
				return f.Place == Multipart && strings.TrimRight(f.Value, "\r\n") == strings.TrimRight(string(content), "\r\n")
			}) {
				t.Fatalf("%q: content %q is not found: %v", s, content, texts(e.Fields))
			}
		}
	})
}

// FuzzXML holds the XML reader to encoding/xml: of what that takes, this finds
// every text and attribute.
func FuzzXML(f *testing.F) {
	for _, s := range []string{
		`<a b="&lt;">x<![CDATA[<y>]]>&#39;<c/></a>`, `<?xml version="1.0" encoding="utf-7"?><a/>`,
		`<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`, `<a b='1' c="2"/>`, `<!-- --><a>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var result outcome
		e := decoded(func(d *decoder) { result = d.xml(s) })
		if len(e.Exceeded) > 0 || result == readBroken {
			return
		}
		var all strings.Builder
		for _, field := range e.Fields {
			all.WriteString(field.Value)
		}
		dec := xml.NewDecoder(strings.NewReader(s))
		for {
			token, err := dec.RawToken()
			if err != nil {
				return
			}
			if start, ok := token.(xml.StartElement); ok {
				for _, a := range start.Attr {
					if v := strings.ReplaceAll(a.Value, "\n", ""); !strings.Contains(strings.NewReplacer("\r", "", "\n", "").Replace(all.String()), v) {
						t.Fatalf("%q: attribute %q is not found", s, a.Value)
					}
				}
			}
		}
	})
}

// FuzzCookies: names and values put together again are the line.
func FuzzCookies(f *testing.F) {
	f.Add("a=1; b=2;c")
	f.Fuzz(func(t *testing.T, s string) {
		e := decoded(func(d *decoder) { d.cookies(s) })
		if len(e.Exceeded) > 0 {
			return
		}
		for pair := range strings.SplitSeq(s, ";") {
			for part := range strings.SplitSeq(pair, "=") {
				part = strings.TrimSpace(part)
				if !slices.ContainsFunc(e.Fields, func(f Field) bool { return strings.Contains(f.Value, part) }) && part != "" {
					t.Fatalf("%q: %q is not found", s, part)
				}
			}
		}
	})
}

// FuzzBase64 holds the decoder to encoding/base64.
func FuzzBase64(f *testing.F) {
	f.Add("aGVsbG8=", 100)
	f.Add("_-8", 1)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 1), 1<<20)
		if strings.ContainsAny(s, "\"\\") {
			return
		}
		d := newDecoder(0, Limits{})
		got, longer := d.base64(`"`+s+`"`, limit, Body, "")
		want, err := base64.StdEncoding.DecodeString(s)
		if len(got) > limit {
			t.Fatalf("%q: %d bytes, limit %d", s, len(got), limit)
		}
		if err != nil {
			return
		}
		if string(want[:min(len(want), limit)]) != got {
			t.Fatalf("%q: %q, want %q", s, got, want)
		}
		if longer != (len(want) > limit) && !strings.ContainsAny(s, "\r\n") {
			t.Fatalf("%q: longer %v, %d bytes of %d", s, longer, limit, len(want))
		}
		if len(d.Faults) > 0 {
			t.Fatalf("%q: faults %v", s, d.Faults)
		}
	})
}

// FuzzGraphQL: what is taken for GraphQL hides nothing outside of its literals.
func FuzzGraphQL(f *testing.F) {
	f.Add(`query Q($a: I = 1) { b(c: "d", e: """f""") ... on G { h } } # i`)
	f.Fuzz(func(t *testing.T, s string) {
		var ok bool
		e := decoded(func(d *decoder) { ok = d.graphQL(s, "", JSON) })
		if !ok {
			if len(e.Fields) > 0 {
				t.Fatalf("%q: fields of no document", s)
			}
			return
		}
		for i := range len(s) {
			if strings.IndexByte(";`'<>\\/*%^~?+", s[i]) >= 0 && len(e.Fields) == 0 && len(e.Exceeded) == 0 && !exponent(s, i) {
				t.Fatalf("%q: %q is hidden", s, s[i])
			}
		}
	})
}

// exponent says whether the sign at i belongs to a number.
func exponent(s string, i int) bool { return s[i] == '+' && i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') }

// FuzzMediaType holds the parser to mime: what that takes, this does.
func FuzzMediaType(f *testing.F) {
	for _, s := range []string{"text/html; charset=utf-8", `a/b; boundary="x\"y"`, "a", "a/b;;c=d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseMediaType(s)
		essence, params, err := mime.ParseMediaType(s)
		if err != nil || !strings.Contains(essence, "/") {
			return
		}
		if !ok || got.essence != essence {
			t.Fatalf("%q: %+v, %v; want %q", s, got, ok, essence)
		}
		if strings.ContainsAny(s, `*\`) {
			return // continuations, and escapes that it treats differently
		}
		if got.boundary != params["boundary"] || got.charset != strings.ToLower(params["charset"]) {
			t.Fatalf("%q: %+v; want %v", s, got, params)
		}
	})
}
