package consoletest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store"
)

// writers is how many goroutines store audits in a writer.
const writers = 4

// counter is the document that a writer counts up.
const counter = "counter"

// writeForever stores audits and counts a document up, and prints what was acknowledged, one line each: "a FIRST LAST" for
// a batch of audits, "d N" for the document.
func writeForever(address string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Address: address})
	if err != nil {
		fmt.Fprintln(os.Stderr, "open:", err)
		return 1
	}
	var say sync.Mutex
	tell := func(format string, args ...any) {
		say.Lock()
		defer say.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	failed := make(chan error)
	run := rand.Uint64()
	for w := range writers {
		go func() { failed <- writeAudits(ctx, s, fmt.Sprintf("%x-%d-", run, w), tell) }()
	}
	go func() { failed <- countUp(ctx, s, tell) }()
	fmt.Fprintln(os.Stderr, "write:", <-failed)
	return 1
}

func writeAudits(ctx context.Context, s *store.Store, prefix string, tell func(string, ...any)) error {
	for next := 0; ; {
		batch := make([]api.AuditRecord, 1+rand.IntN(20))
		for i := range batch {
			batch[i] = audit(prefix + strconv.Itoa(next+i))
		}
		if _, err := s.AppendAudits(ctx, batch); err != nil {
			return err
		}
		tell("a %s %d %d", prefix, next, next+len(batch)-1)
		// Defenders that weren't answered in time send a batch again.
		if rand.IntN(4) == 0 {
			if again, err := s.AppendAudits(ctx, batch); err != nil || again != 0 {
				return errors.Join(err, fmt.Errorf("%d audits were stored twice", again))
			}
		}
		next += len(batch)
	}
}

func countUp(ctx context.Context, s *store.Store, tell func(string, ...any)) error {
	now, err := s.Document(ctx, api.KindSettings, counter)
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return err
	}
	for n := now.Version; ; n++ {
		change := api.DocumentChange{Kind: api.KindSettings, ID: counter, Version: n, Body: fmt.Appendf(nil, `{"n":%d}`, n+1)}
		entry := api.MgmtAudit{Time: time.Now(), Type: api.MgmtSettings, Username: "writer", API: strconv.FormatInt(n+1, 10)}
		if err := s.Write(ctx, []api.DocumentChange{change}, &entry); err != nil {
			return err
		}
		tell("d %d", n+1)
	}
}

// audit is an audit of now.
func audit(id string) api.AuditRecord {
	now := time.Now().UTC()
	effects := []string{"alert", "prevent"}
	return api.AuditRecord{
		ID: id, Stream: api.StreamRuntime, Time: now, Received: now, Account: "123456789012", Region: "eu-west-1",
		Function: "orders-" + strconv.Itoa(rand.IntN(50)), Runtime: "python3.12", Provider: "aws", Type: "network",
		AttackType: "explicitlyDeniedDNS", Effect: effects[rand.IntN(2)], Rule: "rule", Severity: "high", Msg: "DNS resolution", Count: 1,
		Body: []byte(`{"_id":"` + id + `","msg":"DNS resolution"}`),
	}
}

// acknowledged is what a writer was told to be stored.
type acknowledged struct {
	audits  map[string]bool
	counter int64
}

// writeUntilKilled runs a writer on the database, kills it a while after it was first told that something is stored, and
// adds what it was told.
func writeUntilKilled(t *testing.T, address string, all *acknowledged) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writer := exec.Command(program)
	writer.Env = append(os.Environ(), writerVariable+"="+address)
	var complaints strings.Builder
	writer.Stderr = &complaints
	output, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	var first sync.Once
	for lines.Scan() {
		first.Do(func() {
			after := time.Duration(rand.IntN(150)) * time.Millisecond
			time.AfterFunc(after, func() { _ = writer.Process.Kill() })
		})
		all.add(t, lines.Text())
	}
	var exit *exec.ExitError
	if err := writer.Wait(); !errors.As(err, &exit) || !killed(exit) {
		t.Fatalf("the writer ended by itself: %v\n%s", err, complaints.String())
	}
}

// killed tells that a process ended by SIGKILL.
func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (a *acknowledged) add(t *testing.T, line string) {
	t.Helper()
	var prefix string
	var from, to int
	if n, _ := fmt.Sscanf(line, "d %d", &from); n == 1 {
		a.counter = max(a.counter, int64(from))
		return
	}
	if n, _ := fmt.Sscanf(line, "a %s %d %d", &prefix, &from, &to); n != 3 {
		return // the last line of a killed process may be cut
	}
	for i := from; i <= to; i++ {
		a.audits[prefix+strconv.Itoa(i)] = true
	}
}
