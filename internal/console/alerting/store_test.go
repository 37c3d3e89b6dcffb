package alerting

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/notify"
	storage "github.com/autodefend/autodefend/internal/store"
)

// TestOnARealStore lets two replicas on one database come and go while audits are stored, and sends by HTTP.
func TestOnARealStore(t *testing.T) {
	db, err := storage.Open(t.Context(), storage.Config{Address: filepath.Join(t.TempDir(), "console.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mu sync.Mutex
	arrived := make(map[string]int)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		arrived[string(body)]++
	}))
	defer hook.Close()
	replica := func(name string) *Service {
		return New(Config{
			Documents: db, Audits: db, Outbox: db, Leases: db, Signals: db, Vault: vault{}, Credentials: wallet{}, Owner: name,
			Sender: notify.New(notify.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
		})
	}
	put(t, replica("setup"), `{"name":"p","webhook":{"enabled":true,"url":"`+hook.URL+`","json":"[#auditID]"},"autodefend":{"maxPerMinute":600},"policy":{"serverlessRuntime":{"enabled":true,"allRules":true}}}`)
	const total = 120
	for i := range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			running.Go(func() { replica(fmt.Sprint(name, i)).Run(ctx) })
		}
		for _, a := range numbered(api.StreamRuntime, i*total/6, (i+1)*total/6) {
			if _, err := db.AppendAudits(t.Context(), []api.AuditRecord{a}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 5 {
			await(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(arrived) == total })
		}
		cancel()
		running.Wait()
	}
	mu.Lock()
	defer mu.Unlock()
	for id, n := range arrived {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	if _, left, err := db.Dead(t.Context(), api.Page{Limit: 1}); err != nil || left != 0 {
		t.Errorf("%d dead, %v", left, err)
	}
}

// await waits until something is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it took too long")
		}
	}
}
