package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/client"
	"github.com/autodefend/autodefend/internal/console/route"
)

// loaded is a Console in a process of its own, on this machine over TLS, with the tokens of some functions.
type loaded struct {
	url, pin string
	client   *http.Client
	tokens   []string
	process  int
}

// sending makes a client for many at once, whose connections are kept for the next, or made anew for each.
func sending(anew bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1000, MaxIdleConns: 1000, DisableKeepAlives: anew,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)},
	}}
}

// underLoad starts a Console for a benchmark.
func underLoad(b *testing.B, functions int) *loaded {
	b.Helper()
	dir := b.TempDir()
	l := &loaded{client: sending(false)}
	l.mint(b, dir, functions)
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	program := filepath.Join(dir, "autodefend")
	if err := os.Symlink(self, program); err != nil {
		b.Fatal(err)
	}
	command := exec.Command(program, "console", "--listen", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	command.Stderr = b.Output()
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			b.Errorf("the Console ended with: %v", err)
		}
	})
	said := bufio.NewScanner(stdout)
	for l.url == "" && said.Scan() {
		if address, ok := strings.CutPrefix(said.Text(), "address"); ok {
			l.url = strings.TrimSpace(address)
		}
	}
	go io.Copy(io.Discard, stdout) //nolint:errcheck // what else it says doesn't matter
	l.process = command.Process.Pid
	return l
}

// mint makes a Console's keys and certificate, and tokens by them.
func (l *loaded) mint(b *testing.B, dir string, functions int) {
	b.Helper()
	command := &consoleCommand{
		app: &app{stdout: io.Discard, stderr: io.Discard, quiet: true}, listen: "127.0.0.1:0", getenv: func(string) string { return "" }, auditAge: time.Hour, auditMB: 1,
		where: consoleData{dir: dir, database: filepath.Join(dir, databaseFile)},
	}
	opened, err := command.open(b.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	for i := range functions {
		l.tokens = append(l.tokens, opened.services.access.DefenderToken(route.FunctionIdentity{
			Account: "123456789012", Region: "eu-west-1", Function: "f-" + strconv.Itoa(i),
		}))
	}
	l.pin = opened.trust.pin
	if err := opened.close(); err != nil {
		b.Fatal(err)
	}
}

// post sends a batch as a function and returns the status and how long it took.
func (l *loaded) post(b *testing.B, function int, body []byte) (int, time.Duration) {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, l.url+"/api/v1/defender/audits", bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return 0, 0
	}
	r.Header.Set("Authorization", "Bearer "+l.tokens[function])
	began := time.Now()
	response, err := l.client.Do(r)
	if err != nil {
		return 0, 0 // the connection was refused, or gave way
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, time.Since(began)
}

// processorTime is what the Console has used.
func (l *loaded) processorTime(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", l.process))
	if err != nil {
		b.Fatal(err)
	}
	const user, hertz = 11, 100 // after the name in brackets; clock ticks
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	ticks := 0
	for _, f := range fields[user : user+2] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / hertz
}

// resident is a figure of the Console's memory in MB: VmRSS or VmHWM, the most that it was.
func (l *loaded) resident(b *testing.B, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.process))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), name+":")
	kilobytes, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kilobytes) / 1024
}

// percentile returns how long the given share of them took at most.
func percentile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(float64(len(all))*share), len(all)-1)]
}

// BenchmarkPolling is 100,000 functions that ask every two minutes for a newer policy: 833 questions a second by Defenders'
// own client, each by a TLS connection of its own. The processor time is the Console's.
func BenchmarkPolling(b *testing.B) {
	const perSecond, functions = 833, 2000
	usual := debug.SetGCPercent(400) // clients are many machines, each with less to collect
	b.Cleanup(func() { debug.SetGCPercent(usual) })
	l := underLoad(b, functions)
	defenders, tags := make([]*client.Client, functions), make([]string, functions)
	for i := range defenders {
		var err error
		if defenders[i], err = client.New(client.Config{Address: l.url, Token: l.tokens[i], CA: l.pin}); err != nil {
			b.Fatal(err)
		}
		first, err := defenders[i].FetchPolicy(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		tags[i] = first.ETag
	}
	var mu sync.Mutex
	var took []time.Duration
	var asking sync.WaitGroup
	answered := atomic.Int64{}
	b.ResetTimer()
	began, before := time.Now(), l.processorTime(b)
	for n := range b.N {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / perSecond)))
		asking.Go(func() {
			asked, i := time.Now(), n%functions
			if p, err := defenders[i].FetchPolicy(b.Context(), tags[i]); err != nil || p.Envelope != "" {
				answered.Add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(asked))
		})
	}
	asking.Wait()
	elapsed := time.Since(began)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "questions/s")
	b.ReportMetric(float64(percentile(took, 0.5).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(percentile(took, 0.99).Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(l.processorTime(b)-before)/float64(elapsed), "cores")
	b.ReportMetric(float64(answered.Load()), "not-304")
	b.ReportMetric(l.resident(b, "VmHWM"), "RSS-MB")
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

// send sends one batch, and tells whether it was taken.
func (s *sender) send(b *testing.B, into *ingested) bool {
	n := s.sent.Add(1)
	function := int(n) % len(s.tokens)
	body := bytes.ReplaceAll(s.templates[function], []byte(idPlace), fmt.Appendf(nil, "%08d-%04d", n, function))
	status, took := s.post(b, function, body)
	into.mu.Lock()
	defer into.mu.Unlock()
	taken := status == http.StatusOK
	if taken {
		into.admitted++
		into.took = append(into.took, took)
	} else {
		into.shed++
	}
	return taken
}

// busy lets so many clients send one batch after the other. Who is refused waits for a second, as Defenders are told to.
func (s *sender) busy(b *testing.B, clients int, period time.Duration) *ingested {
	all := &ingested{}
	var sending sync.WaitGroup
	began := time.Now()
	for range clients {
		sending.Go(func() {
			for time.Since(began) < period {
				if !s.send(b, all) {
					time.Sleep(time.Second)
				}
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

// apart keeps the Console to the first processor and its clients to the others: clients that want more than is left of a
// processor wait for themselves, and can't tell that from the Console.
func (l *loaded) apart(b *testing.B) {
	b.Helper()
	processors := runtime.NumCPU()
	if processors < 2 {
		b.Skip("SKIPPED: this machine has one processor")
	}
	for process, list := range map[int]string{l.process: "0", os.Getpid(): fmt.Sprintf("1-%d", processors-1)} {
		if said, err := exec.Command("taskset", "-a", "-p", "-c", list, strconv.Itoa(process)).CombinedOutput(); err != nil {
			b.Fatalf("taskset: %v\n%s", err, said)
		}
	}
	b.Cleanup(func() {
		_ = exec.Command("taskset", "-a", "-p", "-c", fmt.Sprintf("0-%d", processors-1), strconv.Itoa(os.Getpid())).Run()
	})
}

// BenchmarkOverload finds out what 16 busy clients get stored. Then five times as many come, who wait when they're told to;
// then five times as much at a fixed rate, from clients who don't; and then 800 batches a second, each on a connection of its
// own. The admitted batches shouldn't take twice as long, and the memory shouldn't grow.
func BenchmarkOverload(b *testing.B) {
	s := newSender(b, underLoad(b, 2000))
	s.apart(b)
	for b.Loop() {
		s.client = sending(false)
		s.busy(b, 16, 2*time.Second)
		normal := s.busy(b, 16, 6*time.Second)
		capacity := float64(normal.admitted) / normal.seconds
		before := s.resident(b, "VmRSS")
		report := func(name string, l *ingested) {
			b.ReportMetric(50*float64(l.admitted)/l.seconds, "audits/s-"+name)
			b.ReportMetric(float64(percentile(l.took, 0.99).Milliseconds()), "p99-ms-"+name)
			b.ReportMetric(float64(l.shed)/float64(l.shed+l.admitted), "shed-"+name)
		}
		report("normal", normal)
		report("patient", s.busy(b, 80, 8*time.Second))
		report("impatient", s.offer(b, 5*capacity, 8*time.Second))
		s.client = sending(true)
		report("strangers", s.offer(b, 800, 8*time.Second))
		b.ReportMetric(s.resident(b, "VmRSS")-before, "RSS-grown-MB")
		b.ReportMetric(s.resident(b, "VmHWM"), "RSS-MB")
	}
}
