package crstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corazawaf/coraza/v3"
)

// post is an ordinary request: 1.9 KB of JSON and 21 headers.
func post() functionURL {
	e := functionURL{Version: "2.0", RouteKey: "$default", RawPath: "/v1/orders", RawQueryString: "expand=items&lang=de-AT"}
	e.Headers = map[string]string{
		"accept": "application/json, text/plain, */*", "accept-encoding": "gzip, deflate, br, zstd", "accept-language": "de-AT,de;q=0.9,en;q=0.8",
		"cache-control": "no-cache", "content-type": "application/json", "dnt": "1", "host": "abcdefghij.lambda-url.eu-central-1.on.aws",
		"origin": "https://shop.example.com", "pragma": "no-cache", "referer": "https://shop.example.com/cart?step=2",
		"sec-ch-ua": `"Chromium";v="141", "Not?A_Brand";v="8"`, "sec-ch-ua-mobile": "?0", "sec-ch-ua-platform": `"Linux"`,
		"sec-fetch-dest": "empty", "sec-fetch-mode": "cors", "sec-fetch-site": "same-site",
		"user-agent":      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e", "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
	}
	e.Cookies = []string{"session=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "consent=all", "_ga=GA1.2.1144.1700000000"}
	var items []map[string]any
	for i := range 9 {
		items = append(items, map[string]any{
			"sku": fmt.Sprintf("BK-%04d-X", 4711+i), "title": "Der Mann ohne Eigenschaften, Band " + fmt.Sprint(i+1), "quantity": i + 1,
			"price": map[string]any{"amount": "24.90", "currency": "EUR"}, "gift": i%2 == 0, "tags": []string{"novel", "hardcover", "german"},
		})
	}
	body, _ := json.Marshal(map[string]any{
		"customer": map[string]any{
			"name": "Ulrich Anders", "email": "ulrich.anders@example.com", "phone": "+43 1 5550147",
			"address": map[string]any{"street": "Rasumofskygasse 20/4", "zip": "1030", "city": "Wien", "country": "AT"},
		},
		"items": items, "note": "Please ring twice, and leave it with the neighbours if nobody's home.", "coupon": nil, "createdAt": "2026-11-22T08:30:00Z",
	})
	e.RequestContext.HTTP = httpContext{Method: "POST", Path: e.RawPath, Protocol: "HTTP/1.1", SourceIP: "203.0.113.7", UserAgent: e.Headers["user-agent"]}
	e.RequestContext.DomainName, e.RequestContext.RequestID = e.Headers["host"], "e1506fd5-9e7b-434f-bd42-4f8fa224b599"
	e.Headers["content-length"] = fmt.Sprint(len(body))
	e.setBody(string(body))
	return e
}

// form is a request with one form field.
func form(value string) functionURL {
	e := post()
	e.Headers["content-type"] = "application/x-www-form-urlencoded"
	e.setBody("text=" + strings.NewReplacer("%", "%25", "&", "%26", "+", "%2B", " ", "+", ";", "%3B").Replace(value))
	return e
}

func prose(bytes int) string {
	words := strings.Fields(`the committee met on Tuesday to choose a new chair and to talk about the list of members who had
		not replied; it's likely that from now on we need more (and better) books, so please let me know where they should go or
		what else is missing. Anna was there, heard who else came, and fixed a day for the next one: "soon", she said - or later`)
	random := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	for b.Len() < bytes {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteByte(' ')
	}
	return b.String()[:bytes]
}

func TestProseIsOrdinary(t *testing.T) {
	e := form(prose(16 << 10))
	if v := engine(t, "").Inspect(context.Background(), e.json()); len(v.Detections) > 0 {
		t.Errorf("%+v", v.Detections)
	}
}

func TestPostIsOrdinary(t *testing.T) {
	e := post()
	if n := len(e.body()); n < 1700 || n > 2100 {
		t.Errorf("%d bytes of JSON", n)
	}
	if len(e.Headers) < 21 {
		t.Errorf("%d headers", len(e.Headers))
	}
	if v := engine(t, "").Inspect(context.Background(), e.json()); len(v.Detections) > 0 {
		t.Errorf("%+v", v.Detections)
	}
}

// versus measures ours against Coraza on one event, in processor time, and reports the ratio. A share of the
// processor time for kilobytes of text is reported when they aren't 0.
func versus(b *testing.B, e *functionURL, peer coraza.WAF, kilobytes float64) {
	ours, data := engine(b, ""), e.json()
	ours.Inspect(context.Background(), data)
	b.ReportAllocs()
	before := processorTime()
	for b.Loop() {
		ours.Inspect(context.Background(), data)
	}
	mine := (processorTime() - before) / time.Duration(b.N)
	b.ReportMetric(float64(mine.Microseconds()), "cpu-µs/op")
	if kilobytes > 0 {
		b.ReportMetric(float64(mine.Microseconds())/kilobytes, "cpu-µs/KB")
	}
	if peer == nil {
		return
	}
	const rounds = 20
	before = processorTime()
	for range rounds {
		judge(peer, e)
	}
	theirs := (processorTime() - before) / rounds
	b.ReportMetric(float64(theirs.Microseconds()), "coraza-cpu-µs/op")
	b.ReportMetric(float64(theirs)/float64(mine), "x-faster")
}

// processorTime is what the process has used, of all its threads.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// peer is Coraza with the nine families' rules of level 1.
func peer(b testing.TB) coraza.WAF {
	return corazaPL1(b, func(family string) bool {
		return slices.ContainsFunc(nine(), func(n int) bool { return strings.HasPrefix(family, fmt.Sprint(n)) })
	})
}

func BenchmarkPost(b *testing.B) {
	e := post()
	versus(b, &e, peer(b), 0)
}

func BenchmarkProse(b *testing.B) {
	for _, kilobytes := range []int{1, 16, 100} {
		b.Run(fmt.Sprintf("%dKB", kilobytes), func(b *testing.B) {
			e := form(prose(kilobytes << 10))
			versus(b, &e, nil, float64(kilobytes))
		})
	}
}

// hostile are texts that cost more than others, 16 KB each.
func hostile() map[string]string {
	all := map[string]string{}
	for name, piece := range map[string]string{
		"parentheses": "(", "assignments": "a=", "quotes": "c'a't ", "unicode escapes": `\u0061`, "entities": "&#x61;", "percent": "%2561",
		"concatenation": "'||'a'", "dots": "../", "tags": "<a ", "comments": "/**/", "selects": "select(", "pipes": "|a", "dollars": "$(", "braces": "{{",
		"spaces": " ", "letters": "a", "dashes": "--", "backticks": "`", "on": " on=", "semicolons": ";", "exec": "exec ", "json": `{"$a":`, "slashes": "/a",
	} {
		all[name] = strings.Repeat(piece, 16<<10/len(piece)+1)[:16<<10]
	}
	random := rand.New(rand.NewPCG(7, 8))
	punctuation := []byte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \n")
	all["random punctuation"] = string(bytes.Map(func(rune) rune { return rune(punctuation[random.IntN(len(punctuation))]) }, make([]byte, 16<<10)))
	all["random bytes"] = string(bytes.Map(func(rune) rune { return rune(random.IntN(256)) }, make([]byte, 8<<10)))
	return all
}

func BenchmarkHostile(b *testing.B) {
	all := hostile()
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range all {
			if !yield(name) {
				return
			}
		}
	}) {
		b.Run(name, func(b *testing.B) {
			e := form(all[name])
			versus(b, &e, nil, float64(len(all[name]))/1024)
		})
	}
}

// BenchmarkManyValues inspects JSON of many short texts: what a text costs at least.
func BenchmarkManyValues(b *testing.B) {
	for name, text := range map[string]func(i int) string{
		"words":       func(i int) string { return fmt.Sprintf("w%dx", i) },
		"punctuation": func(i int) string { return fmt.Sprintf("'%d;(", i) },
		"chained":     func(i int) string { return fmt.Sprintf("%d or %d=%d", i, i+1, i) },
		"names":       func(i int) string { return fmt.Sprintf("$type%d.class", i) },
		"half rules":  func(i int) string { return fmt.Sprintf("<x%d onx=href select union", i) },
	} {
		b.Run(name, func(b *testing.B) {
			var values []string
			for size, i := 0, 0; size < 16<<10; i++ {
				values = append(values, text(i))
				size += len(text(i)) + 3
			}
			body, _ := json.Marshal(values)
			e := post()
			e.setBody(string(body))
			versus(b, &e, nil, float64(len(body))/1024)
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		engine(b, "")
	}
}
