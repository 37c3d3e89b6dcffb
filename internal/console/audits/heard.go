package audits

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// heardEvery is how often a function's last-seen is stored at most, and its policy when that is the same.
	heardEvery = time.Minute
	// heardFlush is how long a new last-seen waits for others.
	heardFlush = 5 * time.Second
	// heardBatch is how many are stored at once, pendingMax how many may wait.
	heardBatch = 500
	pendingMax = 50_000
)

// heard collects when functions were heard of, until it's stored.
type heard struct {
	mu      sync.Mutex // guards the fields below
	stored  recent[noted]
	pending map[string]api.DefenderRecord // by FunctionID
}

func newHeard() *heard {
	return &heard{stored: newRecent[noted](), pending: make(map[string]api.DefenderRecord)}
}

// noted is what was noted of a function last.
type noted struct {
	at            time.Time
	version, etag string
	polled        time.Time // when etag was noted
}

// knows tells whether a note adds nothing. The policy is noted apart from the rest: audits, which don't say it, may come
// all the time, and another replica may have noted another one since.
func (n *noted) knows(d *api.DefenderRecord) bool {
	if d.LastSeen.Sub(n.at) >= heardEvery || d.Version != "" && d.Version != n.version {
		return false
	}
	return d.PolicyETag == "" || d.PolicyETag == n.etag && d.LastSeen.Sub(n.polled) < heardEvery
}

func (n *noted) note(d *api.DefenderRecord) {
	n.at = d.LastSeen
	if d.Version != "" {
		n.version = d.Version
	}
	if d.PolicyETag != "" {
		n.etag, n.polled = d.PolicyETag, d.LastSeen
	}
}

// Heard notes that the Defender of a function was heard of. It neither waits nor fails: what is noted is stored some
// seconds later. For each function that is once a minute at most, and once with its policy, unless its version or policy is
// another one. A crash in between only makes the function look quiet until it's heard of again. Empty members leave what
// is known.
func (s *Service) Heard(d api.DefenderRecord) {
	if d.FunctionID == "" {
		d.FunctionID = functionID(d.Account, d.Region, d.Function)
	}
	if d.FunctionID == "" {
		return // a token for any function: nobody knows for which
	}
	if d.LastSeen.IsZero() {
		d.LastSeen = s.Now().UTC().Truncate(time.Millisecond)
	}
	h := s.heard
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.stored.key(route.FunctionIdentity{Account: d.Account, Region: d.Region, Function: d.FunctionID})
	last, known := h.stored.get(key)
	p, waits := h.pending[d.FunctionID]
	if !waits && (known && last.knows(&d) || len(h.pending) >= pendingMax) {
		return
	}
	last.note(&d)
	h.stored.put(key, last)
	if waits {
		h.pending[d.FunctionID] = merged(p, d)
		return
	}
	d.FirstSeen = d.LastSeen
	h.pending[d.FunctionID] = d
}

// merged is what is known after a second note.
func merged(known, d api.DefenderRecord) api.DefenderRecord {
	for _, m := range []struct {
		into *string
		from string
	}{{&known.Runtime, d.Runtime}, {&known.Version, d.Version}, {&known.PolicyETag, d.PolicyETag}} {
		if m.from != "" {
			*m.into = m.from
		}
	}
	if d.LastSeen.After(known.LastSeen) {
		known.LastSeen = d.LastSeen
	}
	return known
}

// storeHeard stores what was noted, until ctx ends, and then once more.
func (s *Service) storeHeard(ctx context.Context) {
	ticker := time.NewTicker(heardFlush)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), heardFlush)
			defer cancel()
			s.flushHeard(last)
			return
		case <-ticker.C:
			s.flushHeard(ctx)
		}
	}
}

// flushHeard stores what was noted. What can't be stored waits, unless it was noted anew.
func (s *Service) flushHeard(ctx context.Context) {
	h := s.heard
	h.mu.Lock()
	pending := h.pending
	h.pending = make(map[string]api.DefenderRecord)
	h.mu.Unlock()
	all := make([]api.DefenderRecord, 0, len(pending))
	for _, id := range slices.Sorted(maps.Keys(pending)) { // the same order in all replicas: they lock the rows one by one
		all = append(all, pending[id])
	}
	for len(all) > 0 {
		batch := all[:min(heardBatch, len(all))]
		if err := s.Defenders.Heard(ctx, batch); err != nil {
			s.Log.Warn("store when Defenders were heard of", slog.Any("error", err), slog.Int("defenders", len(all)))
			break
		}
		all = all[len(batch):]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range all {
		if newer, ok := h.pending[d.FunctionID]; ok {
			d = merged(d, newer)
		}
		h.pending[d.FunctionID] = d
	}
}
