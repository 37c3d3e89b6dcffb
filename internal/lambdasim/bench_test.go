package lambdasim_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// estateOf returns a world with n functions of a kilobyte or so each.
func estateOf(n int) *lambdasim.World {
	w := newWorld(lambdasim.Options{})
	for i := range n {
		putFunction(w, fmt.Sprintf("service-%05d", i), func(f *lambdasim.FunctionSpec) {
			f.Env = map[string]string{"STAGE": "live", "TABLE": fmt.Sprintf("orders-%d", i), "LOG_LEVEL": "info"}
			f.Tags = map[string]string{"team": "orders"}
			f.CodeSize, f.UnzippedSize = 5<<20, 20<<20
		})
	}
	return w
}

// BenchmarkListFunctions measures whole pages of 50 out of 10,000 functions,
// in process. The budget is 1,000 pages/s.
func BenchmarkListFunctions(b *testing.B) {
	w := estateOf(10_000)
	client := w.Client()
	next := ""
	pages := 0
	b.ReportAllocs()
	for b.Loop() {
		url := "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions"
		if next != "" {
			url += "?Marker=" + next
		}
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM"+accountID+"/20260101/"+regionID+"/lambda/aws4_request")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
		_, next, _ = strings.Cut(string(body[len(body)-200:]), `"NextMarker":"`)
		next = strings.TrimSuffix(next, `"}`)
		pages++
	}
	b.ReportMetric(float64(pages)/b.Elapsed().Seconds(), "pages/s")
}

// BenchmarkEstateMemory prints what a function of an estate costs in memory.
func BenchmarkEstateMemory(b *testing.B) {
	const n = 10_000
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := estateOf(n)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(w)
	}
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/n, "B/function")
}
