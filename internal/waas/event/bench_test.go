package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ordinary is a POST of 1.9 KB JSON with 21 headers, in payload format 2.0.
func ordinary(tb testing.TB) []byte {
	tb.Helper()
	type item struct {
		ID    int      `json:"id"`
		Name  string   `json:"name"`
		Note  string   `json:"note"`
		Price float64  `json:"price"`
		Tags  []string `json:"tags"`
	}
	var items []item
	for i := range 14 {
		items = append(items, item{i, fmt.Sprintf("Product no. %d", i), "delivered \"as is\" at the door", 9.95, []string{"new", "blue"}})
	}
	body, err := json.Marshal(map[string]any{"customer": map[string]any{"name": "Åsa Öberg", "city": "Malmö"}, "items": items})
	if err != nil {
		tb.Fatal(err)
	}
	headers := map[string]string{
		"content-type": "application/json", "host": "abc.lambda-url.eu-west-1.on.aws", "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
		"content-length": fmt.Sprint(len(body)), "accept": "application/json, text/plain, */*", "accept-language": "en-GB,en;q=0.9,sv;q=0.8",
	}
	for i := len(headers); i < 21; i++ {
		headers[fmt.Sprintf("x-header-%d", i)] = "some value; q=0.5, other"
	}
	data, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/orders/17", "rawQueryString": "page=2&sort=name%20asc&q=a+b",
		"cookies": []string{"session=d2hhdGV2ZXI", "theme=dark"}, "headers": headers,
		"requestContext": map[string]any{
			"domainName": "abc.lambda-url.eu-west-1.on.aws", "requestId": "r",
			"http": map[string]any{"method": "POST", "path": "/orders/17", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "Mozilla/5.0"},
		},
		"body": string(body), "isBase64Encoded": false,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func BenchmarkDecode(b *testing.B) {
	form := []byte(`{"version":"2.0","rawPath":"/","rawQueryString":"","headers":{"content-type":"application/x-www-form-urlencoded"},` +
		`"requestContext":{"domainName":"x.lambda-url.eu-west-1.on.aws","http":{"method":"POST"}},"isBase64Encoded":true,"body":"` +
		strings.Repeat("YT1iJTIwYytkJmE9YiUyMGMrZCZh", 60) + `"}`)
	for _, bench := range []struct {
		name string
		data []byte
	}{
		{"post", ordinary(b)},
		{"form", form},
		{"sqs", []byte(`{"Records":[` + strings.TrimSuffix(strings.Repeat(`{"messageId":"m","eventSource":"aws:sqs","body":"{\"order\":{\"id\":17,\"note\":\"leave it at the door\"}}"},`, 10), ",") + `]}`)},
		{"direct128K", []byte(`{"a":[` + strings.TrimSuffix(strings.Repeat(`{"name":"some text of sixty bytes or so, as people write it all"},`, 2000), ",") + `]}`)},
		{"direct6M", []byte(`{"a":"` + strings.Repeat("some text ", 600_000) + `"}`)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.data)))
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				Decode(bench.data, Limits{})
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkStandard is the yardstick: encoding/json into maps, without a look at
// what is inside the strings.
func BenchmarkStandard(b *testing.B) {
	data := ordinary(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		var v map[string]any
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is what the process has used, in nanoseconds: on a shared machine the
// clock says little.
func cpuTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
