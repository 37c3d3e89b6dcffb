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

// idPlace stands in a template for what makes the ids of a batch its own.
const idPlace = "00000000-0000"

// batchTemplate is a batch of 50 audits of one function, as a Defender writes it.
func batchTemplate(b *testing.B, function int) []byte {
	b.Helper()
	batch := make([]autodefend.Audit, 50)
	for i := range batch {
		batch[i] = autodefend.Audit{
			ID: fmt.Sprintf("%s-%d", idPlace, i), Effect: autodefend.Prevent, Type: autodefend.AuditNetwork, AttackType: autodefend.AttackDeniedDNS,
			Msg:      "DNS resolution of domain name yahoo.com triggered by /usr/bin/wget explicitly denied by a runtime rule",
			Function: "f-" + strconv.Itoa(function), Region: "eu-west-1", AccountID: "123456789012", RuleName: "r", FQDN: "f", Time: time.Now().UTC(), Count: 1,
			Domain: "yahoo.com", ProcessPath: "/usr/bin/wget", Severity: autodefend.SeverityHigh, Runtime: "python3.13", RequestID: idPlace,
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
	mu             sync.Mutex
	took           []time.Duration
	admitted, shed int
	seconds        float64
}

// sender sends batches that were never sent before.
type sender struct {
	*loaded
	templates [][]byte
	sent      atomic.Int64
}

func newSender(b *testing.B, l *loaded) *sender {
	s := &sender{loaded: l}
	for i := range l.tokens {
		s.templates = append(s.templates, batchTemplate(b, i))
	}
	return s
}

func (s *sender) send(b *testing.B, into *ingested) {
	n := s.sent.Add(1)
	function := int(n) % len(s.tokens)
	body := bytes.ReplaceAll(s.templates[function], []byte(idPlace), fmt.Appendf(nil, "%08d-%04d", n, function))
	status, _, took := s.do(b, "POST", "/defender/audits", function, "", body)
	into.mu.Lock()
	defer into.mu.Unlock()
	if status == http.StatusOK || status == http.StatusNoContent {
		into.admitted++
		into.took = append(into.took, took)
	} else {
		into.shed++
	}
}

// busy lets so many clients send one batch after the other.
func (s *sender) busy(b *testing.B, clients int, period time.Duration) *ingested {
	all := &ingested{}
	var sending sync.WaitGroup
	began := time.Now()
	for range clients {
		sending.Go(func() {
			for time.Since(began) < period {
				s.send(b, all)
			}
		})
	}
	sending.Wait()
	all.seconds = time.Since(began).Seconds()
	return all
}

// offer sends batches at a rate, whatever comes of those before.
func (s *sender) offer(b *testing.B, perSecond float64, period time.Duration) *ingested {
	all := &ingested{}
	var sending sync.WaitGroup
	began := time.Now()
	for n := 0; time.Since(began) < period; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))))
		sending.Go(func() { s.send(b, all) })
	}
	sending.Wait()
	all.seconds = time.Since(began).Seconds()
	return all
}

// BenchmarkOverload finds out what 16 busy clients get stored, and then offers six tenths of that and five times that,
// whether or not the Console keeps up: the admitted ones shouldn't take twice as long, and the memory shouldn't grow.
func BenchmarkOverload(b *testing.B) {
	s := newSender(b, underLoad(b, 2000))
	for b.Loop() {
		s.busy(b, 16, 2*time.Second)
		full := s.busy(b, 16, 6*time.Second)
		capacity := float64(full.admitted) / full.seconds
		normal := s.offer(b, 0.6*capacity, 6*time.Second)
		s.offer(b, 5*capacity, 2*time.Second)
		before := heapAlloc()
		over := s.offer(b, 5*capacity, 8*time.Second)
		grown := heapAlloc() - before
		p99Full, p99, p99Over := percentile(full.took, 0.99), percentile(normal.took, 0.99), percentile(over.took, 0.99)
		b.ReportMetric(50*capacity, "audits/s")
		b.ReportMetric(50*float64(over.admitted)/over.seconds, "audits/s-over")
		b.ReportMetric(float64(p99Full.Milliseconds()), "p99-ms-full")
		b.ReportMetric(float64(p99.Milliseconds()), "p99-ms-0.6")
		b.ReportMetric(float64(p99Over.Milliseconds()), "p99-ms-over")
		b.ReportMetric(float64(p99Over)/float64(max(p99Full, 1)), "over/full")
		b.ReportMetric(float64(over.shed)/float64(over.shed+over.admitted), "shed-share")
		b.ReportMetric(grown/1e6, "heap-grown-MB")
	}
}

// heapAlloc is what the heap holds after a collection, in bytes.
func heapAlloc() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
