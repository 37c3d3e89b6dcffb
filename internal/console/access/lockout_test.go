package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func wrong(username, ip string) request {
	return request{method: "POST", path: "/authenticate", ip: ip, body: api.AuthenticationRequest{Username: username, Password: "no mountain"}}
}

func right(username, ip string) request {
	return request{method: "POST", path: "/authenticate", ip: ip, body: api.AuthenticationRequest{Username: username, Password: rootPassword}}
}

func TestWrongPasswordsLockAUserFromAnAddress(t *testing.T) {
	for _, username := range []string{"root", "nobody"} {
		t.Run(username, func(t *testing.T) {
			w := newWorld(t)
			session := w.login("root", rootPassword)
			for range pairLimit {
				w.refuses(wrong(username, testIP), autodefend.CodeDenied, "the name or the password is wrong")
			}
			w.refuses(wrong(username, testIP), autodefend.CodeThrottled, "too many wrong passwords")
			w.refuses(right(username, testIP), autodefend.CodeThrottled, "too many wrong passwords")
			w.refuses(request{method: "GET", path: "/users", auth: basic(username, rootPassword)}, autodefend.CodeThrottled, "too many")
			if _, err := w.who(bearer(session)); err != nil {
				t.Errorf("a session stopped: %v", err)
			}
			w.must(right("root", "192.0.2.8"))
			if username != "root" {
				return
			}
			w.clock.add(firstWait + time.Second)
			w.refuses(wrong(username, testIP), autodefend.CodeDenied, "wrong")
			w.clock.add(firstWait + time.Second)
			w.refuses(right(username, testIP), autodefend.CodeThrottled, "too many") // twice as long now
			w.clock.add(firstWait)
			w.must(right(username, testIP))
			for range pairLimit {
				w.refuses(wrong(username, testIP), autodefend.CodeDenied, "wrong") // counted from the start
			}
		})
	}
}

func TestAnotherReplicaCountsTheSameFailures(t *testing.T) {
	w := newWorld(t)
	other := w.replica()
	for i := range pairLimit {
		s := []*Service{w.Service, other}[i%2]
		if _, err := s.do(t.Context(), wrong("root", testIP)); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	for _, s := range []*Service{w.Service, other} {
		if _, err := s.do(t.Context(), right("root", testIP)); autodefend.ErrorCode(err) != autodefend.CodeThrottled {
			t.Errorf("a replica lets in: %v", err)
		}
	}
}

func TestWrongPasswordsFromManyAddressesLockTheUser(t *testing.T) {
	w := newWorld(t)
	for i := range userLimit {
		w.refuses(wrong("root", fmt.Sprintf("198.51.100.%d", i+1)), autodefend.CodeDenied, "wrong")
	}
	w.refuses(right("root", "203.0.113.1"), autodefend.CodeThrottled, "too many")
}

func TestWrongPasswordsOfManyUsersLockTheAddress(t *testing.T) {
	for name, ips := range map[string][2]string{
		"IPv4":                    {testIP, testIP},
		"IPv4 as IPv6":            {testIP, "::ffff:" + testIP},
		"one network of IPv6":     {"2001:db8::1", "2001:db8::ffff:1"},
		"addresses nobody can be": {"", "?"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for i := range addressLimit {
				_, err := w.compareOnly(t.Context(), fmt.Sprintf("user%d", i), ips[0])
				if autodefend.ErrorCode(err) != autodefend.CodeDenied {
					t.Fatal(err)
				}
			}
			_, err := w.compareOnly(t.Context(), "root", ips[1])
			if autodefend.ErrorCode(err) != autodefend.CodeThrottled {
				t.Errorf("the address isn't locked: %v", err)
			}
		})
	}
}

// compareOnly verifies a wrong password.
func (s *Service) compareOnly(ctx context.Context, username, ip string) (user, error) {
	return s.verify(ctx, attempt{username: username, password: "no mountain", sourceIP: ip})
}

func TestManyTriesAtOnceAreCountedEach(t *testing.T) {
	w := newWorld(t)
	codes := make(chan autodefend.Code, 40)
	var wg sync.WaitGroup
	for range cap(codes) {
		wg.Go(func() {
			_, err := w.do(t.Context(), wrong("root", testIP))
			codes <- autodefend.ErrorCode(err)
		})
	}
	wg.Wait()
	close(codes)
	compared := 0
	for code := range codes {
		if code == autodefend.CodeDenied {
			compared++
		}
	}
	if most := pairLimit + hashingAtOnce; compared > most {
		t.Errorf("%d passwords were compared, at most %d should be", compared, most)
	}
}

func TestFailuresNameNobody(t *testing.T) {
	w := newWorld(t)
	w.refuses(wrong("my secret typed in the wrong place", testIP), autodefend.CodeDenied, "wrong")
	documents, err := w.store.Documents(t.Context(), api.KindLoginFailures)
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) != 3 {
		t.Errorf("%d documents", len(documents))
	}
	for _, d := range documents {
		if strings.Contains(d.ID+string(d.Body), "secret") {
			t.Errorf("%s %s", d.ID, d.Body)
		}
	}
}

func TestLockedTellsHowLong(t *testing.T) {
	w := newWorld(t)
	for range pairLimit {
		w.refuses(wrong("root", testIP), autodefend.CodeDenied, "wrong")
	}
	w.clock.add(20 * time.Second)
	_, err := w.do(t.Context(), right("root", testIP))
	wait, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err)
	if !ok || wait.RetryAfter() != 40*time.Second || !strings.Contains(autodefend.ErrorHint(err), "in 41 s") {
		t.Errorf("%v; %s", err, autodefend.ErrorHint(err))
	}
}

func TestFloodsAreSweptUp(t *testing.T) {
	w := newWorld(t)
	w.hashing.memory = 8
	for i := range sweepEvery - 1 {
		if i%20 == 0 {
			w.clock.add(time.Hour)
		}
		w.refuses(wrong(fmt.Sprint("user", i), fmt.Sprintf("198.51.100.%d", i/20)), autodefend.CodeDenied, "wrong")
	}
	w.clock.add(time.Hour)
	w.refuses(wrong("nobody", testIP), autodefend.CodeDenied, "wrong")
	for w.sweeps.running.Load() {
		time.Sleep(time.Millisecond)
	}
	left, err := w.store.Documents(t.Context(), api.KindLoginFailures)
	if err != nil || len(left) != 3 {
		t.Errorf("%d documents are left, %v", len(left), err)
	}
}

func TestWaitsGrow(t *testing.T) {
	now := time.Unix(1000, 0)
	f := failures{}
	var waits []time.Duration
	for range 10 {
		f = f.more(5, now)
		waits = append(waits, max(0, f.Until.Sub(now)))
		now = now.Add(max(0, f.Until.Sub(now)))
	}
	want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 15, 15}
	for i := range want {
		if waits[i] != want[i]*time.Minute {
			t.Errorf("failure %d waits %v, want %d min", i+1, waits[i], want[i])
		}
	}
	if !f.expired(now.Add(longestWait + time.Second)) {
		t.Error("never forgotten")
	}
	if f.expired(now) {
		t.Error("forgotten at once")
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t)
	w.login("root", rootPassword)
	w.refuses(wrong("root", testIP), autodefend.CodeDenied, "wrong")
	if n, err := w.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	w.clock.add(31 * time.Minute)
	token := w.login("root", rootPassword) // forgives one of three
	if n, err := w.Sweep(t.Context()); n != 3 || err != nil {
		t.Errorf("swept %d, %v; want a session and the failures of a user and an address", n, err)
	}
	if _, err := w.who(bearer(token)); err != nil {
		t.Error(err)
	}
}
