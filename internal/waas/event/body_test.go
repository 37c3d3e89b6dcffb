package event

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// posted is a function URL event with a body in base64.
func posted(t *testing.T, headers map[string]string, body string) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": headers,
		"requestContext":  map[string]any{"domainName": "x.lambda-url.eu-west-1.on.aws", "http": map[string]any{"method": "POST"}},
		"isBase64Encoded": true, "body": base64.StdEncoding.EncodeToString([]byte(body)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// bodyTexts are the fields that stem from the body.
func bodyTexts(e *Event) []string {
	var fields []Field
	for _, f := range e.Fields {
		if f.Place >= FormName {
			fields = append(fields, f)
		}
	}
	return texts(fields)
}

func zipped(t *testing.T, w func(io.Writer) io.WriteCloser, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := w(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBody(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	gz := zipped(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, `{"a":"<x>"}`)
	zl := zipped(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, `{"a":"<x>"}`)
	jsonA := []string{`JSONName /a="a"`, `JSON /a="<x>"`}
	for _, test := range []struct {
		name, contentType, encoding, body string
		kind                              BodyKind
		want                              []string
		faults                            []string
	}{
		{"JSON", "application/json", "", `{"a":"<x>"}`, JSONBody, jsonA, nil},
		{"JSON by another name", "application/vnd.api+json;charset=UTF-8", "", `{"a":"<x>"}`, JSONBody, jsonA, nil},
		{"JSON with a BOM", "application/json", "", "\uFEFF" + `{"a":"<x>"}`, JSONBody, jsonA, nil},
		{"JSON as text", "text/plain;charset=UTF-8", "", ` {"a":"\u003cx>"}`, JSONBody, jsonA, nil},
		{"JSON as image", "image/png", "", `{"a":"<x>","b":` + "\"\xff\"}", JSONBody, append(jsonA[:2:2], `JSONName /b="b"`, `JSON /b="\xff"`), []string{"utf8 JSON"}},
		{"JSON without a type", "", "", `[["<x>"]]`, JSONBody, []string{`JSON /0/0="<x>"`}, nil},
		{"JSON as a form", form, "", `{"a":"\u003cx>"}`, FormBody, []string{`FormName {"a":"\u003cx>"}="{\"a\":\"\\u003cx>\"}"`, `Form {"a":"\u003cx>"}=""`, `JSONName /a="a"`, `JSON /a="<x>"`}, nil},
		{"form as JSON", "application/json", "", "a=%3Cx%3E", FormBody, []string{`FormName a="a"`, `Form a="<x>"`, `Body ="a=%3Cx%3E"`}, []string{"bodySyntax Body"}},
		{"scalar", "application/json", "", `"<x>"`, JSONBody, []string{`JSON ="<x>"`}, nil},
		{"broken JSON", "application/json", "", `{"a":"<x>",}`, TextBody, append(jsonA[:2:2], `Body ="{\"a\":\"<x>\",}"`), []string{"bodySyntax Body"}},
		{"form", form, "", "a=1", FormBody, []string{`FormName a="a"`, `Form a="1"`}, nil},
		{"form without a type", "", "", "a=%3Cx%3E&b=1", FormBody, []string{`FormName a="a"`, `Form a="<x>"`, `FormName b="b"`, `Form b="1"`, `Body ="a=%3Cx%3E&b=1"`}, nil},
		{"text", "text/plain", "", "1 = 1 or 2", TextBody, []string{`Body ="1 = 1 or 2"`}, nil},
		{"markup", "text/html", "", "<b>x</b>", TextBody, []string{`Body ="<b>x</b>"`}, nil},
		{"XML by its look", "text/plain", "", `<?xml version="1.0"?><a>&lt;</a>`, XMLBody, []string{`XML /a="<"`, `Body ="<?xml version=\"1.0\"?><a>&lt;</a>"`}, nil},
		{"XML", "text/xml", "", `<a b="&quot;">x</a>`, XMLBody, []string{`XMLAttribute /a/@b="\""`, `XML /a="x"`}, nil},
		{"broken XML", "application/soap+xml", "", `<a>x</b>`, TextBody, []string{`XML /a="x"`, `Body ="<a>x</b>"`}, []string{"bodySyntax Body"}},
		{"GraphQL", "application/graphql", "", `{ a(b: "<x>") }`, JSONBody, []string{`JSON ="<x>"`}, nil},
		{"multipart without a type", "", "", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n<x>\r\n--b--", MultipartBody, []string{`PartHeader content-disposition="Content-Disposition: form-data; name=a"`, `MultipartName a="a"`, `Multipart a="<x>"`}, nil},
		{"multipart without a boundary", "multipart/form-data", "", "x", TextBody, []string{`Body ="x"`}, []string{"bodySyntax Body"}},
		{"image", "image/jpeg", "", "\xff\xd8\xff\xe0\x00\x10JFIF; cat /etc/passwd", BinaryBody, nil, nil},
		{"protocol buffer", "application/x-protobuf", "", "\x0a\x14; cat /etc/passwd |\x12\x03abc\x00", BinaryBody, []string{`Body ="; cat /etc/passwd |"`, `Body ="abc"`}, nil},
		{"octets that are a text", "application/octet-stream", "", "; cat /etc/passwd", TextBody, []string{`Body ="; cat /etc/passwd"`}, nil},
		{"gzip", "application/json", "gzip", gz, JSONBody, jsonA, nil},
		{"deflate", "application/json", "Deflate", zl, JSONBody, jsonA, nil},
		{"said to be gzip", "application/json", "gzip", `{"a":"<x>"}`, JSONBody, jsonA, []string{"compression Body"}},
		{"brotli", "application/json", "br", "\x0b\x05\x80\x01\x02\x03", TextBody, []string{`Body ="\v\x05\x80\x01\x02\x03"`}, []string{"compression Body", "bodySyntax Body", "utf8 Body"}},
		{"gzip that ends early", "application/json", "gzip", gz[:len(gz)-4], JSONBody, jsonA, []string{"compression Body"}},
		{"UTF-16", "application/json; charset=utf-16le", "", "{\x00\"\x00a\x00\"\x00:\x00\"\x00<\x00x\x00>\x00\"\x00}\x00", JSONBody, jsonA, nil},
		{"UTF-16 by its BOM", "application/json", "", "\xfe\xff\x00{\x00\"\x00a\x00\"\x00:\x00\"\x00<\x00x\x00>\x00\"\x00}", JSONBody, jsonA, nil},
		{"Latin 1", "text/plain; charset=ISO-8859-1", "", "caf\xe9", TextBody, []string{`Body ="café"`}, nil},
		{"EBCDIC", "text/plain; charset=ibm037", "", "abc", TextBody, []string{`Body ="abc"`}, []string{"charset Header"}},
		{"UTF-7", "text/plain; charset=\"UTF-7\"", "", "+ADw-x", TextBody, []string{`Body ="+ADw-x"`}, []string{"charset Header"}},
		{"no type at all", "json", "", "x", TextBody, []string{`Body ="x"`}, []string{"contentType Header"}},
		{"two types", "application/json, text/plain", "", `{"a":"<x>"}`, JSONBody, jsonA, []string{"contentType Header"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			headers := map[string]string{}
			if test.contentType != "" {
				headers["content-type"] = test.contentType
			}
			if test.encoding != "" {
				headers["content-encoding"] = test.encoding
			}
			e := Decode(posted(t, headers, test.body), Limits{})
			if e.Request.BodyKind != test.kind {
				t.Errorf("kind %d, want %d", e.Request.BodyKind, test.kind)
			}
			if diff := cmp.Diff(test.want, bodyTexts(e)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.faults, kinds(e.Faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMultipart(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       []string
		faults     []string
	}{
		{
			"line feeds alone", "--b\nContent-Disposition: form-data; name=\"a\"\n\nv\n--b--\n",
			[]string{`PartHeader content-disposition="Content-Disposition: form-data; name=\"a\""`, `MultipartName a="a"`, `Multipart a="v"`},
			nil,
		},
		{
			"text before it", "preamble\r\n--b\r\ncontent-disposition: form-data; name=a\r\n\r\nv--b\r\n--b--",
			[]string{`PartHeader content-disposition="content-disposition: form-data; name=a"`, `MultipartName a="a"`, `Multipart a="v--b"`},
			nil,
		},
		{
			"not closed", "--b\r\ncontent-disposition: form-data; name=a\r\n\r\n<x>",
			[]string{`PartHeader content-disposition="content-disposition: form-data; name=a"`, `MultipartName a="a"`, `Multipart a="<x>"`},
			[]string{"bodySyntax Multipart"},
		},
		{
			"escaped quotes", "--b\r\ncontent-disposition: form-data; name=\"a\\\"b\"; filename=\"C:\\dir\\x;y.txt\"\r\n\r\n<file>\r\n--b--",
			[]string{`PartHeader content-disposition="content-disposition: form-data; name=\"a\\\"b\"; filename=\"C:\\dir\\x;y.txt\""`, `MultipartName a"b="a\"b"`, `FileName a"b="C:\\dir\\x;y.txt"`},
			nil,
		},
		{
			"no file chosen", "--b\r\ncontent-disposition: form-data; name=f; filename=\"\"\r\n\r\n\r\n--b--",
			[]string{`PartHeader content-disposition="content-disposition: form-data; name=f; filename=\"\""`, `MultipartName f="f"`, `FileName f=""`},
			nil,
		},
		{
			"a file without a name has content", "--b\r\ncontent-disposition: form-data; name=f; filename=\"\"\r\n\r\n<x>\r\n--b--",
			[]string{`PartHeader content-disposition="content-disposition: form-data; name=f; filename=\"\""`, `MultipartName f="f"`, `FileName f=""`, `Multipart f="<x>"`},
			nil,
		},
		{
			"two names", "--b\r\ncontent-disposition: form-data; name=a; name=\"<x>\"\r\n\r\nv\r\n--b--",
			[]string{`PartHeader content-disposition="content-disposition: form-data; name=a; name=\"<x>\""`, `MultipartName a="a"`, `MultipartName <x>="<x>"`, `Multipart <x>="v"`},
			[]string{"bodySyntax MultipartName"},
		},
		{
			"folded header", "--b\r\nX-A: 1\r\n 2\r\n\r\nv\r\n--b--",
			[]string{`PartHeader x-a="X-A: 1\r\n 2"`, `Multipart ="v"`},
			[]string{"controlBytes PartHeader"},
		},
		{
			"no header", "--b\r\n\r\nv\r\n--b--", []string{`Multipart ="v"`}, nil,
		},
		{
			"no colon", "--b\r\nnonsense\r\n\r\nv\r\n--b--",
			[]string{`PartHeader nonsense="nonsense"`, `Multipart ="v"`},
			[]string{"bodySyntax PartHeader"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := decoded(func(d *decoder) {
				if !d.multipart(test.body, "b") {
					t.Error("not taken for multipart")
				}
			})
			if diff := cmp.Diff(test.want, texts(e.Fields)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.faults, kinds(e.Faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestXML(t *testing.T) {
	for _, test := range []struct {
		name, doc string
		want      []string
		result    outcome
	}{
		{"texts", "<a>x<b>y</b>z</a>", []string{`XML /a="x"`, `XML /a/b="y"`, `XML /a="z"`}, readWhole},
		{"space is no text", "<a>\n  <b/>\n</a>\n", nil, readWhole},
		{"entities", "<a>&lt;&#60;&#x3c;&amp;lt;&nbsp;& &;&#xffffffff;</a>", []string{`XML /a="<<<&lt;&nbsp;& &;&#xffffffff;"`}, readWhole},
		{"CDATA", "<a><![CDATA[<b>&lt;]]></a>", []string{`XML /a="<b>&lt;"`}, readWhole},
		{"attributes", `<a b='1>' c = "&apos;"/>`, []string{`XMLAttribute /a/@b="1>"`, `XMLAttribute /a/@c="'"`}, readWhole},
		{"comment", "<a><!-- <x> --></a>", nil, readWhole},
		{"entity bomb", `<!DOCTYPE a [<!ENTITY b "bbb"><!ENTITY c "&b;&b;">]><a>&c;</a>`, []string{`XML !DOCTYPE="<!DOCTYPE a [<!ENTITY b \"bbb\"><!ENTITY c \"&b;&b;\">]>"`, `XML /a="&c;"`}, readWhole},
		{"not closed", "<a><b>x</b>", []string{`XML /a/b="x"`}, readBroken},
		{"crossed", "<a><b></a></b>", nil, readBroken},
		{"two roots", "<a/><b/>", nil, readBroken},
		{"text outside", "x<a/>", []string{`XML ="x"`}, readBroken},
		{"attribute without quotes", "<a b=1/>", nil, readBroken},
		{"no name", "<1/>", nil, readBroken},
		{"nothing", "", nil, readBroken},
	} {
		t.Run(test.name, func(t *testing.T) {
			var result outcome
			e := decoded(func(d *decoder) { result = d.xml(test.doc) })
			if diff := cmp.Diff(test.want, texts(e.Fields)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if result != test.result {
				t.Errorf("outcome %d, want %d", result, test.result)
			}
		})
	}
}

func TestGraphQL(t *testing.T) {
	for doc, want := range map[string][]string{
		`{ user(id: 4, name: "a\u0027b") { ...F @skip(if: $x) name } }`:    {`JSON q="a'b"`},
		`query Q($id: [ID!]! = ["d"], $n: Int = -1.5) { a }`:               {`JSON q="d"`},
		`mutation { f(input: {t: """block "quoted" text""", l: [1, 2]}) }`: {`JSON q="block \"quoted\" text"`},
		"query { a } # ' or 1=1": {`JSON q="# ' or 1=1"`},
		"fragment F on A { b }":  nil,
	} {
		e := decoded(func(d *decoder) {
			if !d.graphQL(doc, "q", JSON) {
				t.Errorf("%s: not taken for GraphQL", doc)
			}
		})
		if diff := cmp.Diff(want, texts(e.Fields)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", doc, diff)
		}
	}
	for _, doc := range []string{
		"", "select * from users", "{", "{ a", "{ a } }", "query", "{{7*7}}", "{ {config} }", "query { $(whoami) }", "query { ${IFS} }",
		"query x; rm -rf /", "{ a(system(id)) }", "{ phpinfo() }", "query { a } && id", "{ a || b }", "{ a | | b }", "mutation { `id` }", `{ a("x`, "{ a.b }", "{ a(b: 1x) }",
	} {
		e := decoded(func(d *decoder) {
			if d.graphQL(doc, "q", JSON) {
				t.Errorf("%s: taken for GraphQL", doc)
			}
		})
		if len(e.Fields) > 0 {
			t.Errorf("%s: gave %v although it's no GraphQL", doc, e.Fields)
		}
	}
}

func TestMediaType(t *testing.T) {
	for _, test := range []struct {
		in   string
		want mediaType
		ok   bool
	}{
		{"text/html", mediaType{essence: "text/html"}, true},
		{" Text/HTML ; Charset=\"UTF-8\"", mediaType{essence: "text/html", charset: "utf-8"}, true},
		{`multipart/form-data; a;boundary="x;\"y"`, mediaType{essence: "multipart/form-data", boundary: `x;"y`}, true},
		{"multipart/form-data; boundary=----WebKit7", mediaType{essence: "multipart/form-data", boundary: "----WebKit7"}, true},
		{"text", mediaType{essence: "text"}, false},
		{"text/", mediaType{essence: "text/"}, false},
		{"te xt/html", mediaType{essence: "te xt/html"}, false},
		{"text/html, text/plain", mediaType{essence: "text/html, text/plain"}, false},
	} {
		got, ok := parseMediaType(test.in)
		if got != test.want || ok != test.ok {
			t.Errorf("%q: %+v, %v", test.in, got, ok)
		}
	}
}

func TestHeaderFaults(t *testing.T) {
	for _, test := range []struct {
		name, headers string
		faults        []string
	}{
		{"ordinary", `{"Content-Length":["12"],"Content-Type":["text/plain"],"A":["tab\tis fine"]}`, nil},
		{"lengths that agree", `{"Content-Length":["5","5"]}`, nil},
		{"lengths that differ", `{"Content-Length":["5","6"]}`, []string{"contentLength Header"}},
		{"no length", `{"Content-Length":["0x5"]}`, []string{"contentLength Header"}},
		{"negative", `{"Content-Length":["-5"]}`, []string{"contentLength Header"}},
		{"types that differ", `{"Content-Type":["text/plain","text/html"]}`, []string{"contentType Header"}},
		{"line break", `{"X":["a\r\nSet-Cookie: b"]}`, []string{"controlBytes Header"}},
		{"line break in a name", `{"X\n":["a"]}`, []string{"controlBytes HeaderName"}},
		{"NUL", `{"X":["\u0000"]}`, []string{"controlBytes Header"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Decode([]byte(`{"httpMethod":"GET","path":"/","requestContext":{"identity":{}},"multiValueHeaders":`+test.headers+`}`), Limits{})
			if e.Trigger != APIGateway {
				t.Fatalf("trigger %s", e.Trigger)
			}
			if diff := cmp.Diff(test.faults, kinds(e.Faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHeadersAreFields: Request.Headers is part of Fields, also when these grew.
func TestHeadersAreFields(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(`,"h` + strings.Repeat("x", i) + `":"v"`)
	}
	e := Decode([]byte(`{"httpMethod":"GET","path":"/","requestContext":{"identity":{}},"headers":{`+b.String()[1:]+`}}`), Limits{})
	if len(e.Request.Headers) != 100 || len(e.Request.HeaderNames) != 100 {
		t.Fatalf("%d headers, %d names", len(e.Request.Headers), len(e.Request.HeaderNames))
	}
	if diff := cmp.Diff(e.Fields[1:101], e.Request.Headers); diff != "" {
		t.Error(diff)
	}
}
