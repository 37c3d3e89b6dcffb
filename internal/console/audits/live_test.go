package audits

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// screen shows what a client of a live stream gets.
type screen struct {
	mu     sync.Mutex
	text   strings.Builder
	closed bool
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("closed")
	}
	return s.text.Write(p)
}

func (s *screen) Flush() error { return nil }

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the client has got a text.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	for range 500 {
		if strings.Contains(s.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%q doesn't come; there is %q", text, s.String())
}

// watch opens a live stream; what it returns ends it and returns what the handler returned.
func (b *bench) watch(s *screen, query, lastEvent string) func() error {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	values := map[string][]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values[name] = append(values[name], value)
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := b.live(ctx, &route.Call{
			Principal: admin(), Query: values, Stream: func(string) (route.Stream, error) { return s, nil },
			Header: func(name string) string { return map[string]string{"Last-Event-ID": lastEvent}[name] },
		})
		done <- err
	}()
	return func() error {
		cancel()
		return <-done
	}
}

func TestLive(t *testing.T) {
	b := start(t, nil)
	b.mustPost(orders(), audit("before"))
	s := &screen{}
	end := b.watch(s, "type=processes&fields=_id", "")
	s.await(t, "retry: 1000\nid: 1\n\n")
	b.mustPost(orders(), audit("1"), audit("no", "type", "network"), audit("3"))
	s.await(t, "id: 4\n")
	if err := end(); err != nil {
		t.Error(err)
	}
	want := "retry: 1000\nid: 1\n\nid: 2\nevent: audit\ndata: {\"_id\":\"1\"}\n\nid: 4\nevent: audit\ndata: {\"_id\":\"3\"}\n\n"
	if got := s.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// A client that comes again goes on where it was.
	b.mustPost(orders(), audit("5"))
	again := &screen{}
	end = b.watch(again, "fields=_id", "2")
	again.await(t, `{"_id":"5"}`)
	if err := end(); err != nil || strings.Count(again.String(), "event: audit") != 3 {
		t.Errorf("%q, %v", again.String(), err)
	}
}

// TestLivePassesOver: what a filter doesn't want is looked at once.
func TestLivePassesOver(t *testing.T) {
	b := start(t, nil)
	l, err := b.newLive(t.Context(), &route.Call{Principal: admin(), Query: map[string][]string{"function": {"other"}}})
	if err != nil {
		t.Fatal(err)
	}
	l.out = &screen{}
	b.mustPost(orders(), audit("a"), audit("b"))
	if more, err := l.next(t.Context()); more || err != nil {
		t.Errorf("next: %t, %v", more, err)
	}
	if newest, err := b.newest(t.Context(), api.AuditQuery{Stream: api.StreamRuntime}); err != nil || newest == 0 || l.at != newest {
		t.Errorf("it's at %d of %d, %v", l.at, newest, err)
	}
}

// TestLiveTellsHowFarItLooked: a client that comes again after a search found nothing needn't be searched for from the start.
func TestLiveTellsHowFarItLooked(t *testing.T) {
	b := start(t, nil)
	b.piece = 2
	b.mustPost(orders(), audit("a"), audit("b"), audit("c", "msg", "wget launched"), audit("d", "msg", "wget launched"), audit("e"))
	l, err := b.newLive(t.Context(), &route.Call{Principal: admin(), Query: map[string][]string{"msg": {"wget"}, "after": {"0"}, "fields": {"_id"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{}
	l.out = s
	l.tokens = 1 // a piece has room for more than may be sent
	for turn, want := range []struct {
		more bool
		text string
	}{
		{true, "id: 2\n\n"},
		{true, "id: 3\nevent: audit\ndata: {\"_id\":\"c\"}\n\n"},
	} {
		was := s.String()
		if more, err := l.next(t.Context()); more != want.more || err != nil || strings.TrimPrefix(s.String(), was) != want.text {
			t.Errorf("turn %d: %t, %v, %q", turn, more, err, strings.TrimPrefix(s.String(), was))
		}
	}
	b.clock.add(time.Second)
	if more, err := l.next(t.Context()); !more || err != nil {
		t.Errorf("%t, %v", more, err)
	}
	if more, err := l.next(t.Context()); more || err != nil || l.at != 5 {
		t.Errorf("%t, %v, it's at %d", more, err, l.at)
	}
	b.clock.add(liveBeat)
	if err := l.beat(); err != nil || !strings.HasSuffix(s.String(), ": still here\nid: 5\n\n") {
		t.Errorf("%q, %v", s.String(), err)
	}
}

func TestLiveDropsWhatIsTooMuch(t *testing.T) {
	b := start(t, nil)
	for i := range 15 {
		many := make([]string, 100)
		for j := range many {
			many[j] = audit(nth("a", 100*i+j))
		}
		b.mustPost(orders(), many...)
	}
	b.mustPost(orders(), audit("first"))
	s := &screen{}
	end := b.watch(s, "after=1", "")
	s.await(t, "event: dropped\ndata: {\"count\":500,\"atLeast\":false}\n")
	b.clock.add(time.Second)
	b.mustPost(orders(), audit("last"))
	s.await(t, `"_id":"last"`)
	b.clock.add(time.Minute)
	b.mustPost(orders(), audit("hidden", "type", "network"))
	if err := end(); err != nil || strings.Count(s.String(), "event: audit") < liveBurst+1 || strings.Contains(s.String(), `"_id":"first"`) {
		t.Errorf("%d audits, %v", strings.Count(s.String(), "event: audit"), err)
	}
}

// TestLiveEndsSoon: whoever may no longer see audits sees none after a minute, and who may goes on where the stream ended,
// also when nothing came in it.
func TestLiveEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		b.mustPost(orders(), audit("before"))
		s := &screen{}
		began := time.Now()
		done := make(chan error, 1)
		go func() {
			_, err := b.live(t.Context(), &route.Call{
				Principal: admin(), Query: map[string][]string{"fields": {"_id"}}, Stream: func(string) (route.Stream, error) { return s, nil },
			})
			done <- err
		}()
		if err := <-done; err != nil || time.Since(began) > time.Minute {
			t.Errorf("it lasted %s, %v", time.Since(began), err)
		}
		if !strings.HasPrefix(s.String(), "retry: 1000\nid: 1\n\n") {
			t.Fatalf("the client gets %q, which has no id", s.String())
		}
		b.mustPost(orders(), audit("between"))
		again := &screen{}
		end := b.watch(again, "fields=_id", "1")
		time.Sleep(10 * time.Second)
		if err := end(); err != nil || !strings.Contains(again.String(), `{"_id":"between"}`) {
			t.Errorf("the client that came again gets %q, %v", again.String(), err)
		}
	})
}

func TestLiveEndsWithTheClient(t *testing.T) {
	b := start(t, nil)
	s := &screen{}
	end := b.watch(s, "", "")
	s.await(t, "retry")
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	b.mustPost(orders(), audit("1"))
	for range 500 {
		if b.Counts().Stored == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	quiet := &live{s: b.Service, out: s, spoke: noon()}
	if err := quiet.beat(); err != nil {
		t.Errorf("too early: %v", err)
	}
	b.clock.add(liveBeat)
	if err := quiet.beat(); err == nil {
		t.Error("nobody noticed that the client is gone")
	}
	s.closed = false
	if err := quiet.beat(); err != nil || !strings.HasSuffix(s.String(), ": still here\nid: 0\n\n") {
		t.Errorf("%q, %v", s.String(), err)
	}
}

func TestBadLiveStreams(t *testing.T) {
	b := start(t, nil)
	few := admin()
	few.Permissions = map[api.PermName]bool{api.PermMonitorRuntimeServerless: false}
	for query, want := range map[string]autodefend.Code{
		"stream=x": autodefend.CodeInvalid, "after=x": autodefend.CodeInvalid, "after=-1": autodefend.CodeInvalid, "type=x": autodefend.CodeInvalid,
		"stream=firewall": autodefend.CodeDenied, "stream=firewall&type=sqli": autodefend.CodeDenied, "": autodefend.CodeUnavailable,
	} {
		_, err := b.call(few, "GET /audits/live?"+query, "", nil)
		wantCode(t, query, err, want)
	}
}
