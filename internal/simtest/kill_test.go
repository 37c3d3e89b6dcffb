package simtest

import (
	"net/http"
	"runtime"
	"sync"

	"github.com/autodefend/autodefend/internal/cloud"
)

// moment is when, within one API call, the program is killed.
type moment int

const (
	beforeSend moment = iota
	afterSend
	afterReply
	moments
)

func (m moment) String() string { return [...]string{"before send", "after send", "after reply"}[m] }

// killer is an HTTP client whose program is killed at a moment of its n-th
// call: the goroutine ends there, and so does every other at its next call.
type killer struct {
	next   cloud.HTTPClient
	at     int
	moment moment

	mu sync.Mutex
	// armed, calls and dead are guarded by mu.
	armed bool
	calls int
	dead  bool
}

// arm starts the counting of calls.
func (k *killer) arm() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed = true
}

// Do sends the request unless the program is dead.
func (k *killer) Do(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	if k.armed {
		k.calls++
	}
	mine := k.calls == k.at
	if mine && k.moment != afterReply {
		k.dead = true
	}
	dead := k.dead
	k.mu.Unlock()
	if dead && (!mine || k.moment == beforeSend) {
		runtime.Goexit()
	}
	resp, err := k.next.Do(r)
	if mine && k.moment == afterReply {
		k.mu.Lock()
		k.dead = true
		k.mu.Unlock()
		return resp, err
	}
	if mine {
		runtime.Goexit()
	}
	return resp, err
}
