package runtimeapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkInvocation polls for an event and answers it with as many bytes, directly, through the proxy and through
// net/http/httputil's reverse proxy, in turns, and prints the medians in microseconds and what is added.
func BenchmarkInvocation(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20, 6 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			lambda := httptest.NewServer(fakeLambda(size))
			defer lambda.Close()
			upstream, err := url.Parse(lambda.URL)
			if err != nil {
				b.Fatal(err)
			}
			listener := listen(b)
			proxy := NewProxy(Config{Listener: listener, Upstream: upstream.Host, Hooks: (&trace{}).hooks()})
			go func() { _ = proxy.Serve() }()
			defer proxy.Close()
			reverse := httptest.NewServer(&httputil.ReverseProxy{
				Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
				FlushInterval: -1,
			})
			defer reverse.Close()

			answer := bytes.Repeat([]byte{'x'}, size)
			urls := []string{lambda.URL, "http://" + listener.Addr().String(), reverse.URL}
			times := make([][]float64, len(urls))
			for b.Loop() {
				for i, u := range urls {
					start := time.Now()
					invoke(b, u, answer)
					times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/1000)
				}
			}
			direct, ours, theirs := median(times[0]), median(times[1]), median(times[2])
			b.Logf("figure: Runtime API proxy at %d KB: next and response take %.0f µs, through the proxy %.0f µs more (ratio %.2f), through httputil.ReverseProxy %.0f µs more",
				size>>10, direct, ours-direct, ours/direct, theirs-direct)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(direct, "direct-µs")
			b.ReportMetric(ours-direct, "added-µs")
			b.ReportMetric(theirs-direct, "reverseproxy-added-µs")
			b.ReportMetric(ours/direct, "ratio")
		})
	}
}

// fakeLambda serves events of a size and accepts all answers.
func fakeLambda(size int) http.Handler {
	event := bytes.Repeat([]byte{'e'}, size)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/next") {
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", "1542409706888")
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = w.Write(event)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	})
}

func invoke(b testing.TB, base string, answer []byte) {
	base += "/2018-06-01/runtime/invocation/"
	response, err := http.Get(base + "next")
	if err != nil {
		b.Fatal(err)
	}
	drain(b, response)
	response, err = http.Post(base+response.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(answer))
	if err != nil {
		b.Fatal(err)
	}
	drain(b, response)
}

func drain(b testing.TB, response *http.Response) {
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		b.Fatal(err)
	}
	_ = response.Body.Close()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
