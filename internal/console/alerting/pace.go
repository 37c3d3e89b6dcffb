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
	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is what a channel may still send.
type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
}

// available is how many messages a channel may send now.
func (p *pacer) available(channel string, perMinute int, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.fill(channel, perMinute, now).tokens)
}

// take counts a message. Without room for it, it returns how long there won't be.
func (p *pacer) take(channel string, perMinute int, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.fill(channel, perMinute, now)
	if b.tokens < 1 {
		rate := float64(perMinuteOr(perMinute)) / float64(time.Minute)
		return max(time.Duration((1-b.tokens)/rate), time.Millisecond)
	}
	b.tokens--
	p.buckets[channel] = b
	return 0
}

// fill adds what has come since.
func (p *pacer) fill(channel string, perMinute int, now time.Time) bucket {
	most := float64(perMinuteOr(perMinute))
	if p.buckets == nil {
		p.buckets = make(map[string]bucket)
	}
	b, known := p.buckets[channel]
	if !known {
		b = bucket{tokens: most, at: now}
	}
	if past := now.Sub(b.at); past > 0 {
		b.tokens, b.at = b.tokens+past.Minutes()*most, now
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
