package fleet

import "sync"

// lazy is a value that is read once, also when several goroutines ask at a
// time. Those who wait do so on a channel, not on a lock, because the read may
// take long.
type lazy[V any] struct {
	mu sync.Mutex
	// done is nil until the first one asks; guarded by mu.
	done  chan struct{}
	value V
	err   error
}

func (l *lazy[V]) get(read func() (V, error)) (V, error) {
	l.mu.Lock()
	if l.done != nil {
		l.mu.Unlock()
		<-l.done
		return l.value, l.err
	}
	l.done = make(chan struct{})
	l.mu.Unlock()
	defer close(l.done)
	l.value, l.err = read()
	return l.value, l.err
}

// cache reads each key once. A failure isn't kept: the next one to ask reads
// again.
type cache[V any] struct {
	mu sync.Mutex
	// entries is guarded by mu.
	entries map[string]*lazy[V]
}

func (c *cache[V]) get(key string, read func() (V, error)) (V, error) {
	c.mu.Lock()
	if c.entries == nil {
		c.entries = map[string]*lazy[V]{}
	}
	e := c.entries[key]
	if e == nil {
		e = &lazy[V]{}
		c.entries[key] = e
	}
	c.mu.Unlock()
	value, err := e.get(read)
	if err != nil {
		c.mu.Lock()
		if c.entries[key] == e {
			delete(c.entries, key)
		}
		c.mu.Unlock()
	}
	return value, err
}
