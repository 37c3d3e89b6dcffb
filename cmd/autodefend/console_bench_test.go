package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/route"
)

// loaded is a Console on this machine over plain HTTP, with the tokens of some functions.
type loaded struct {
	url    string
	client *http.Client
	tokens []string
}

// underLoad starts a Console for a benchmark.
func underLoad(b *testing.B, functions int) *loaded {
	b.Helper()
	dir := b.TempDir()
	command := &consoleCommand{
		app: &app{stdout: io.Discard, stderr: io.Discard, quiet: true}, listen: "127.0.0.1:0", insecure: true,
		auditAge: 24 * time.Hour, auditMB: 1000, getenv: func(string) string { return "" },
		where: consoleData{dir: dir, database: filepath.Join(dir, databaseFile)},
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	opened, err := command.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		stop()
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- opened.serve(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			b.Errorf("the Console ended with: %v", err)
		}
	})
	l := &loaded{url: opened.local + "/api/v1", client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000, MaxIdleConns: 1000}}}
	for i := range functions {
		l.tokens = append(l.tokens, opened.services.access.DefenderToken(route.FunctionIdentity{
			Account: "123456789012", Region: "eu-west-1", Function: "f-" + strconv.Itoa(i),
		}))
	}
	return l
}

// do makes a request as a function and returns the status, the ETag and how long it took.
func (l *loaded) do(b *testing.B, method, path string, function int, etag string, body []byte) (int, string, time.Duration) {
	r, err := http.NewRequestWithContext(b.Context(), method, l.url+path, bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return 0, "", 0
	}
	r.Header.Set("Authorization", "Bearer "+l.tokens[function])
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	began := time.Now()
	response, err := l.client.Do(r)
	if err != nil {
		b.Error(err)
		return 0, "", 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header.Get("ETag"), time.Since(began)
}

// percentile returns how long the given share of them took at most.
func percentile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(float64(len(all))*share), len(all)-1)]
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkPolling is 100,000 functions that ask every two minutes for a newer policy: 833 questions a second, by TCP. The
// processor time is the Console's and that of the clients, which share the process.
func BenchmarkPolling(b *testing.B) {
	const perSecond, functions = 833, 2000
	l := underLoad(b, functions)
	etags := make([]string, functions)
	for i := range functions {
		_, etags[i], _ = l.do(b, "GET", "/defender/policy", i, "", nil)
	}
	var mu sync.Mutex
	var took []time.Duration
	var asking sync.WaitGroup
	other := atomic.Int64{}
	b.ResetTimer()
	began, before := time.Now(), processorTime()
	ticker := time.NewTicker(time.Second / perSecond)
	defer ticker.Stop()
	for i := range b.N {
		<-ticker.C
		asking.Go(func() {
			status, _, t := l.do(b, "GET", "/defender/policy", i%functions, etags[i%functions], nil)
			if status != http.StatusNotModified {
				other.Add(1)
			}
			mu.Lock()
			took = append(took, t)
			mu.Unlock()
		})
	}
	asking.Wait()
	elapsed := time.Since(began)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "questions/s")
	b.ReportMetric(float64(percentile(took, 0.99).Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(processorTime()-before)/float64(elapsed), "cores")
	b.ReportMetric(float64(other.Load()), "refused")
}

// batchOf is a batch of audits of one function; their ids begin with a text.
func batchOf(b *testing.B, function int, prefix string, size int) []byte {
	b.Helper()
	batch := make([]autodefend.Audit, size)
	for i := range batch {
		batch[i] = autodefend.Audit{
			ID: fmt.Sprintf("%s-%d", prefix, i), Effect: autodefend.Prevent, Type: autodefend.AuditNetwork, AttackType: autodefend.AttackDeniedDNS,
			Msg:      "DNS resolution of domain name yahoo.com triggered by /usr/bin/wget explicitly denied by a runtime rule",
			Function: "f-" + strconv.Itoa(function), Region: "eu-west-1", AccountID: "123456789012", RuleName: "r", FQDN: "f", Time: time.Now().UTC(), Count: 1,
			Domain: "yahoo.com", ProcessPath: "/usr/bin/wget", Severity: autodefend.SeverityHigh, Runtime: "python3.13", RequestID: prefix,
		}
	}
	body, err := json.Marshal(batch)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// ingested is what came of a load.
type ingested struct {
	took           []time.Duration
	admitted, shed int
	seconds        float64
}

// ingest lets clients send batches of 50 audits for a while; who is asked to wait waits a second.
func (l *loaded) ingest(b *testing.B, clients int, name string, period time.Duration) ingested {
	b.Helper()
	var mu sync.Mutex
	var all ingested
	var sending sync.WaitGroup
	began := time.Now()
	for c := range clients {
		sending.Go(func() {
			for n := 0; time.Since(began) < period; n++ {
				function := (c*31 + n) % len(l.tokens)
				status, _, took := l.do(b, "POST", "/defender/audits", function, "", batchOf(b, function, fmt.Sprintf("%s-%d-%d", name, c, n), 50))
				mu.Lock()
				if status == http.StatusOK || status == http.StatusNoContent {
					all.admitted++
					all.took = append(all.took, took)
				} else {
					all.shed++
				}
				mu.Unlock()
			}
		})
	}
	sending.Wait()
	all.seconds = time.Since(began).Seconds()
	return all
}

// BenchmarkOverload sends audits with 8 clients, and with 40: the admitted ones shouldn't take twice as long, and the
// memory shouldn't grow.
func BenchmarkOverload(b *testing.B) {
	l := underLoad(b, 2000)
	for b.Loop() {
		l.ingest(b, 8, "warm", time.Second)
		normal := l.ingest(b, 8, "normal", 8*time.Second)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		over := l.ingest(b, 40, "over", 8*time.Second)
		runtime.GC()
		runtime.ReadMemStats(&after)
		p99, p99Over := percentile(normal.took, 0.99), percentile(over.took, 0.99)
		b.ReportMetric(50*float64(normal.admitted)/normal.seconds, "audits/s")
		b.ReportMetric(50*float64(over.admitted)/over.seconds, "audits/s-over")
		b.ReportMetric(float64(p99.Milliseconds()), "p99-ms")
		b.ReportMetric(float64(p99Over)/float64(max(p99, 1)), "p99-ratio")
		b.ReportMetric(float64(over.shed)/float64(over.shed+over.admitted), "shed-share")
		b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "heap-grown-MB")
	}
}
