package store

import (
	"context"
	"sync"
)

// watchers are those who want to know that something was stored.
type watchers struct {
	listening sync.Once
	mu        sync.Mutex
	all       map[chan struct{}]struct{}
}

// Watch returns a channel that gets a value after audits or documents were stored, by any replica; several stores may
// share one value. It's closed when ctx ends or the store is closed.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	s.watchers.listening.Do(func() { go s.dialect.listen(s.ended, s, s.signal) })
	c := make(chan struct{}, 1)
	w := &s.watchers
	w.mu.Lock()
	if w.all == nil {
		w.all = make(map[chan struct{}]struct{})
	}
	w.all[c] = struct{}{}
	w.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-s.ended.Done():
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, c)
		close(c)
	}()
	return c
}

// signal tells those who watch here that something was stored.
func (s *Store) signal() {
	w := &s.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
