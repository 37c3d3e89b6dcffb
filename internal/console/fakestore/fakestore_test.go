package fakestore

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/store"
)

// both is what the fake stands for.
type both interface {
	console.Documents
	console.Leases
}

// TestAsTheStore does the same to the fake and to the store, and wants the same of both.
func TestAsTheStore(t *testing.T) {
	real, err := store.Open(t.Context(), store.Config{Address: filepath.Join(t.TempDir(), "console.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	want, got := documentsOf(t, real), documentsOf(t, &Store{})
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("documents, step %d: %s, and the store's is %s", i, got[i], want[i])
		}
	}
	want, got = leasesOf(t, real), leasesOf(t, &Store{})
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("leases, step %d: %s, and the store's is %s", i, got[i], want[i])
		}
	}
}

// documentsOf writes and reads documents and tells what came of each step.
func documentsOf(t *testing.T, s both) []string {
	ctx, a, b := t.Context(), api.KindAlertProfile, api.KindCollection
	var told []string
	tell := func(values ...any) { told = append(told, fmt.Sprint(values...)) }
	for _, changes := range [][]api.DocumentChange{
		{{Kind: a, ID: "x", Body: []byte("1")}},
		{{Kind: a, ID: "x", Body: []byte("2")}}, // it's there
		{{Kind: a, ID: "x", Version: 1, Body: []byte("3")}},
		{{Kind: a, ID: "x", Version: 1, Body: []byte("4")}}, // it was changed
		{{Kind: a, ID: "x", Version: api.Any, Body: []byte("5")}},
		{{Kind: b, ID: "y", Version: api.Any, Body: []byte("6")}, {Kind: a, ID: "w", Body: []byte("7")}},
		{{Kind: b, ID: "z", Body: []byte("8")}, {Kind: a, ID: "x", Version: 9, Body: []byte("9")}}, // all or none
		{{Kind: b, ID: "z", Version: api.Any}},                                                     // nothing to delete
		{{Kind: b, ID: "z"}},
		{{Kind: b, ID: "z", Version: 3}},
		{{Kind: b, ID: "z", Version: 3, Body: []byte("10")}},
		{{Kind: a, ID: "x", Version: 1}},
		{{Kind: a, ID: "x", Version: 3}},
		{{Kind: a, ID: "x", Body: []byte("11")}},
		{{Kind: a, ID: "w", Version: api.Any}},
		nil,
	} {
		tell("write: ", autodefend.ErrorCode(s.Write(ctx, changes, nil)))
		for _, kind := range []api.Kind{a, b} {
			all, err := s.Documents(ctx, kind)
			for _, d := range all {
				tell(d.Kind, " ", d.ID, " ", d.Version, " ", string(d.Body))
			}
			generation, failed := s.Generation(ctx, kind)
			tell(kind, ": ", len(all), autodefend.ErrorCode(err), " generation ", generation, autodefend.ErrorCode(failed))
		}
		_, err := s.Document(ctx, a, "x")
		generation, _ := s.Generation(ctx)
		two, _ := s.Generation(ctx, a, b)
		tell("x: ", autodefend.ErrorCode(err), " generations ", generation, " ", two)
	}
	return told
}

// leasesOf takes, loses and gives leases up, and tells what came of each step.
func leasesOf(t *testing.T, s both) []string {
	ctx := t.Context()
	var told []string
	var lease, old api.Lease
	acquire := func(owner string, ttl time.Duration) {
		got, ok, err := s.Acquire(ctx, "l", owner, ttl)
		if ok {
			old, lease = lease, got
		}
		told = append(told, fmt.Sprint(owner, " ", ok, got.Owner, got.Token, autodefend.ErrorCode(err)))
		if ttl == time.Minute {
			told = append(told, fmt.Sprint("holds ", autodefend.ErrorCode(s.Holds(ctx, lease)), " held ", autodefend.ErrorCode(s.Holds(ctx, old))))
		}
	}
	acquire("a", time.Minute)
	acquire("b", time.Minute)
	acquire("a", time.Minute) // the token stays
	acquire("a", time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	acquire("a", time.Minute) // it ended in between: another token
	if err := s.Release(ctx, old); err != nil {
		t.Error(err)
	}
	acquire("b", time.Minute) // only the old one was given up
	if err := s.Release(ctx, lease); err != nil {
		t.Error(err)
	}
	acquire("b", time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	acquire("a", time.Minute)
	return told
}
