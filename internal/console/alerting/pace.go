package alerting

import (
	"sync"
	"time"
)

// defaultPerMinute is how many messages a channel gets in a minute, unless the profile says otherwise.
const defaultPerMinute = 30

// pacer bounds the messages of each channel of each profile: as many at once as there may be in a minute, then evenly.
// Another replica that takes over begins with full buckets, which a receiver bears.
type pacer struct {
	// minutes is how many minutes' worth there may be at once; 0 means one.
	minutes int
	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is what a channel may still send.
type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
	// queue is when the last message that was put off gets its turn.
	queue time.Time
}

// longestQueue bounds how far messages are put off: then they are put together anew.
const longestQueue = 30 * time.Minute

// available is how many messages a channel may send now.
func (p *pacer) available(channel string, perMinute int, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.fill(channel, perMinute, now).tokens)
}

// take counts a message. It reports whether there is room for it.
func (p *pacer) take(channel string, perMinute int, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.fill(channel, perMinute, now)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	p.buckets[channel] = b
	return true
}

// spend counts so many of those that were available.
func (p *pacer) spend(channel string, perMinute, n int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.fill(channel, perMinute, now)
	b.tokens -= float64(n)
	p.buckets[channel] = b
}

// turn is when a message that has no room now should try again: one after the other, so that a long queue isn't taken
// out of the store and put back at every turn.
func (p *pacer) turn(channel string, perMinute int, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.fill(channel, perMinute, now)
	interval := time.Minute / time.Duration(perMinuteOr(perMinute))
	next := now.Add(time.Duration(max(1-b.tokens, 0) * float64(interval)))
	if b.queue.Add(interval).After(next) {
		next = b.queue.Add(interval)
	}
	if next.After(now.Add(longestQueue)) {
		next = now.Add(longestQueue)
	}
	b.queue = next
	p.buckets[channel] = b
	return next
}

// fill adds what has come since.
func (p *pacer) fill(channel string, perMinute int, now time.Time) bucket {
	rate := float64(perMinuteOr(perMinute))
	most := rate * float64(max(p.minutes, 1))
	if p.buckets == nil {
		p.buckets = make(map[string]bucket)
	}
	b, known := p.buckets[channel]
	if !known {
		b = bucket{tokens: most, at: now}
	}
	if past := now.Sub(b.at); past > 0 {
		b.tokens, b.at = b.tokens+past.Minutes()*rate, now
	}
	b.tokens = min(b.tokens, most)
	p.buckets[channel] = b
	return b
}

// keep forgets the channels that aren't among these.
func (p *pacer) keep(channels map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for channel := range p.buckets {
		if !channels[channel] {
			delete(p.buckets, channel)
		}
	}
}

func perMinuteOr(n int) int {
	if n == 0 {
		return defaultPerMinute
	}
	return n
}
