package event

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exceeded are the limits an event went beyond.
func exceeded(e *Event) []string {
	var lines []string
	for _, x := range e.Exceeded {
		lines = append(lines, recordOf(x.Record)+string(x.Limit)+" "+placeName(x.Place)+" "+x.Key)
	}
	return lines
}

func TestLimits(t *testing.T) {
	var zip bytes.Buffer
	z := gzip.NewWriter(&zip)
	if _, err := z.Write([]byte(`{"a":"` + strings.Repeat("x", 5000) + `"}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := base64.StdEncoding.EncodeToString(zip.Bytes())
	kinesis := func(data string) string {
		return `{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":"1","data":"` + data + `"}}`
	}
	sqs := func(body string) string { return `{"eventSource":"aws:sqs","messageId":"m","body":"` + body + `"}` }
	url := func(contentType, body string) string {
		return `{"version":"2.0","rawPath":"/","headers":{"content-type":"` + contentType + `"},"requestContext":{"http":{"method":"POST"}},"body":"` + body + `"}`
	}
	for _, test := range []struct {
		name, doc string
		limits    Limits
		want      []string
		exceeded  []string
	}{
		{"at the limit", `["12345"]`, Limits{TotalBytes: 5, Count: 1, Depth: 1}, []string{`Message /0="12345"`}, nil},
		{"total", `["12345","6789","x"]`, Limits{TotalBytes: 7}, []string{`Message /0="12345"`, `Message /1="67"`}, []string{"totalBytes Message /1"}},
		{"total within a character", `["1234é"]`, Limits{TotalBytes: 5}, []string{`Message /0="1234"`}, []string{"totalBytes Message /0"}},
		{"total spent", `["12345","x"]`, Limits{TotalBytes: 5}, []string{`Message /0="12345"`}, []string{"totalBytes Message /1"}},
		{"count", `["a","b","c"]`, Limits{Count: 2}, []string{`Message /0="a"`, `Message /1="b"`}, []string{"count Message /2"}},
		{"count of names", `{"a":"b","c":"d"}`, Limits{Count: 2}, []string{`MessageName /a="a"`, `Message /a="b"`}, []string{"count MessageName /c"}},
		{"depth", `[["a",["deep \u0027",{"x":1}]],"b"]`, Limits{Depth: 2}, []string{`Message /0/0="a"`, `Message /0/1="[\"deep \\u0027\",{\"x\":1}]"`, `Message /1="b"`}, []string{"depth Message /0/1"}},
		{
			"body of JSON", url("application/json", `{\"a\":\"12345\",\"b\":\"6789\"}`),
			Limits{BodyBytes: 20},
			[]string{`JSONName /a="a"`, `JSON /a="12345"`, `JSONName /b="b"`, `JSON /b="67"`},
			[]string{"bodyBytes Body "},
		},
		{
			"body of JSON within a name", url("application/json", `{\"a\":\"12345\",\"name\":\"6789\"}`),
			Limits{BodyBytes: 17},
			[]string{`JSONName /a="a"`, `JSON /a="12345"`, `JSONName /nam="nam"`},
			[]string{"bodyBytes Body "},
		},
		{"body of a form", url("application/x-www-form-urlencoded", `a=123&b=456`), Limits{BodyBytes: 9}, []string{`FormName a="a"`, `Form a="123"`, `FormName b="b"`, `Form b="4"`}, []string{"bodyBytes Body "}},
		{"body of XML", url("text/xml", `<a><b>123</b><c>456</c></a>`), Limits{BodyBytes: 18}, []string{`XML /a/b="123"`, `XML /a/c="45"`}, []string{"bodyBytes Body "}},
		{"body within an escape", url("text/plain", `12345\u00e9`), Limits{BodyBytes: 6}, []string{`Body ="12345"`}, []string{"bodyBytes Body "}},
		{"body of multipart", url("multipart/form-data; boundary=b", `--b\r\n\r\n12345\r\n--b--`), Limits{BodyBytes: 10}, []string{`Multipart ="123"`}, []string{"bodyBytes Body "}},
		{"body at the limit", url("text/plain", `12345`), Limits{BodyBytes: 5}, []string{`Body ="12345"`}, nil},
		{"one record of two", `{"Records":[` + sqs("123456") + "," + sqs("12345") + `]}`, Limits{BodyBytes: 5}, []string{`Message body="12345"`, `Message body="12345"`}, []string{"#0 bodyBytes Message body"}},
		{"records after the total", `{"Records":[` + sqs("123456") + "," + sqs("1") + "," + sqs("2") + `]}`, Limits{TotalBytes: 6}, []string{`Message body="123456"`}, []string{"#1 totalBytes Message body", "#2 totalBytes Message body"}},
		{
			"unpacked", `{"Records":[` + kinesis(bomb) + "," + kinesis(bomb) + `]}`,
			Limits{Unpacked: 20},
			[]string{`MessageName data/a="a"`, `Message data/a="xxxxxxxxxxxxxx"`},
			[]string{"#0 unpackedBytes Message data", "#1 unpackedBytes Message data"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Decode([]byte(test.doc), test.limits)
			var got []Field
			for _, f := range e.Fields {
				if f.Place >= FormName {
					got = append(got, f)
				}
			}
			if diff := cmp.Diff(test.want, texts(got)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.exceeded, exceeded(e)); diff != "" {
				t.Errorf("exceeded (-want +got):\n%s", diff)
			}
			if len(e.Faults) > 0 {
				t.Errorf("faults %v: what is cut is no fault", e.Faults)
			}
		})
	}
}

// TestResultIsIndependentOfData changes the bytes after they were decoded.
func TestResultIsIndependentOfData(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		independent(t, file, data)
	}
	independent(t, "deep", []byte(strings.Repeat("[", 60)+`"a"`+strings.Repeat("]", 60)))
	independent(t, "broken", []byte(`{"a": "b"`))
}

func independent(t *testing.T, name string, data []byte) {
	t.Helper()
	want := render(Decode(bytes.Clone(data), Limits{}))
	e := Decode(data, Limits{})
	for i := range data {
		data[i] = '#'
	}
	if diff := cmp.Diff(want, render(e)); diff != "" {
		t.Errorf("%s refers to data (-want +got):\n%s", name, diff)
	}
}

// hostile are inputs of some megabytes that would take hours if anything in the
// decoder took quadratic time.
func hostile() map[string]string {
	const n = 1 << 19
	quoted := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(s) + `"`
	}
	url := func(contentType, body string) string {
		return `{"version":"2.0","rawPath":"/","headers":{"content-type":"` + contentType + `"},"requestContext":{"http":{"method":"POST"}},"body":` + quoted(body) + `}`
	}
	sqs := func(body string) string {
		return `{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":` + quoted(body) + `}]}`
	}
	nested := `"x"`
	for range 12 {
		nested = quoted(`{"Message":` + nested + `}`)
	}
	return map[string]string{
		"arrays":            strings.Repeat("[", n),
		"closed arrays":     strings.Repeat("[", n) + strings.Repeat("]", n),
		"objects":           strings.Repeat(`{"a":`, n),
		"long name":         `{"` + strings.Repeat("k", n) + `":[` + strings.Repeat("1,", n) + `1]}`,
		"names":             `{` + strings.Repeat(`"a":1,`, n) + `"a":1}`,
		"backslashes":       `"` + strings.Repeat(`\\`, n) + `"`,
		"quotes":            `"` + strings.Repeat(`\"`, n) + `"`,
		"surrogates":        `"` + strings.Repeat(`\ud83d`, n) + `"`,
		"open strings":      strings.Repeat(`"`, n),
		"commas":            `[` + strings.Repeat(",", n),
		"records":           `{"Records":[` + strings.Repeat(`{"eventSource":"aws:sqs","messageId":"m","body":""},`, n/50) + `{"eventSource":"aws:sqs","body":"x"}]}`,
		"percent":           url("application/x-www-form-urlencoded", strings.Repeat("%", n)),
		"ampersands":        url("application/x-www-form-urlencoded", strings.Repeat("&", n)),
		"equals":            url("application/x-www-form-urlencoded", strings.Repeat("=&", n)),
		"boundaries":        url("multipart/form-data; boundary=-", strings.Repeat("--", n)),
		"parts":             url("multipart/form-data; boundary=b", strings.Repeat("--b\n\n", n)),
		"part headers":      url("multipart/form-data; boundary=b", "--b\n"+strings.Repeat("a: b\n ", n)),
		"part parameters":   url("multipart/form-data; boundary=b", "--b\nContent-Disposition: x"+strings.Repeat(`;name="`, n)),
		"elements":          url("text/xml", strings.Repeat("<a>", n)),
		"attributes":        url("text/xml", "<a "+strings.Repeat(`b="" `, n)+"/>"),
		"names of elements": url("text/xml", "<"+strings.Repeat("a", 300)+">"+strings.Repeat("<b>x</b>", n)),
		"open quotes":       url("text/xml", strings.Repeat(`<a b="`, n)),
		"types":             url("text/xml", `<!`+strings.Repeat(`<!"'`, n)),
		"comments":          url("text/xml", strings.Repeat(`<!--`, n)),
		"ampersands in XML": url("text/xml", "<a>"+strings.Repeat("&", n)+"</a>"),
		"braces":            url("application/graphql", strings.Repeat("{", n)),
		"selections":        url("application/json", `{"query":"`+strings.Repeat("{a", n)+`"}`),
		"block strings":     url("application/graphql", `{a(b:`+strings.Repeat(`"""`, n)),
		"envelopes":         sqs(nested),
		"broken envelopes":  sqs(strings.Repeat(`{"Message":"`, n)),
		"binary":            `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"` + strings.Repeat("AAAA", n) + `"}}]}`,
		"attribute values":  `{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{"NewImage":` + strings.Repeat(`{"M":`, n/8) + `{}` + strings.Repeat("}", n/8) + `}}]}`,
		"cookies":           `{"version":"2.0","rawPath":"/","cookies":[` + strings.Repeat(`"a=1;",`, n/8) + `"b"],"requestContext":{"http":{"method":"POST"}}}`,
		"headers":           `{"version":"2.0","rawPath":"/","headers":{` + strings.Repeat(`"a":"b",`, n/8) + `"b":"c"},"requestContext":{"http":{"method":"POST"}}}`,
		"lengths":           `{"version":"2.0","rawPath":"/","headers":{"content-length":"` + strings.Repeat("5,", n/8) + `"},"requestContext":{"http":{"method":"POST"}}}`,
		"path":              `{"version":"2.0","rawPath":"` + strings.Repeat("%2", n/8) + `","requestContext":{"http":{"method":"POST"}}}`,
	}
}

// TestHostile ends at all, gives no more than the limits allow, and holds no more
// than a few megabytes of memory.
func TestHostile(t *testing.T) {
	const most = 6 << 20
	for name, doc := range hostile() {
		t.Run(name, func(t *testing.T) {
			data := []byte(doc)
			before := heap()
			e := Decode(data, Limits{})
			if held := heap() - before; held > most {
				t.Errorf("the event holds %d KB", held>>10)
			}
			bounded(t, data, e, DefaultLimits())
			runtime.KeepAlive(data)
		})
	}
}

// heap is what is alive.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bounded checks what holds for the result of every input.
func bounded(t *testing.T, data []byte, e *Event, l Limits) {
	t.Helper()
	if len(e.Fields) > l.Count {
		t.Errorf("%d fields", len(e.Fields))
	}
	total, names := 0, 0
	for _, f := range e.Fields {
		total += len(f.Value)
		names += len(f.Name)
		if len(f.Name) > maxName {
			t.Errorf("a name of %d bytes", len(f.Name))
		}
		if f.Record < -1 || f.Record >= len(e.Records) {
			t.Errorf("record %d of %d", f.Record, len(e.Records))
		}
	}
	if total > l.TotalBytes {
		t.Errorf("%d bytes of values", total)
	}
	if len(e.Records) > len(data) {
		t.Errorf("%d records in %d bytes", len(e.Records), len(data))
	}
	if len(e.Request.RawBody) > max(l.BodyBytes, l.Unpacked) {
		t.Errorf("a raw body of %d bytes", len(e.Request.RawBody))
	}
	for _, x := range e.Exceeded {
		if x.Max != l.of(x.Limit) || x.Max == 0 {
			t.Errorf("limit %s of %d", x.Limit, x.Max)
		}
	}
}
