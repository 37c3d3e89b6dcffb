package main

import (
	"context"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/preload"
	"github.com/autodefend/autodefend/internal/watch"
)

// The pauses between two looks: short after the beginning of an invocation, longer then. Where another tier stops acts,
// this one only looks for what got by.
const (
	firstPause       = 20 * time.Millisecond
	longestPause     = 250 * time.Millisecond
	secondNetPause   = 200 * time.Millisecond
	secondNetLongest = 2 * time.Second
)

// watching drives the tier that looks. It looks while something runs, the start or an invocation, and not otherwise.
type watching struct {
	scan           func(ctx context.Context)
	first, longest time.Duration

	mu      sync.Mutex
	running int
	stop    context.CancelFunc
}

// startWatching starts the tier for a runtime when a section can gain by it. Under tier kernel nothing gets by.
func (s *supervisor) startWatching(pid int) {
	sections := s.defender.Sections()
	on := func(e autodefend.Effect) bool { return e != "" && e != autodefend.Disable }
	wanted := on(sections.Processes.Effect) || on(sections.Network.Effect) || s.defender.Refreshes()
	if !s.config.tiers[autodefend.TierWatch] || s.tiers.kernel != nil || !wanted {
		return
	}
	c := watch.Config{
		Judge:     s.defender.Judge,
		Root:      pid,
		Protected: s.protected(),
		Look:      preload.Look,
		Alone:     s.config.lambda.sandbox,
		EndRoot:   true,
		Log:       s.log,
	}
	w := &watching{first: firstPause, longest: longestPause}
	if tier := s.tiers.preload; tier != nil {
		c.Judged = tier.ReportedIn
		w.first, w.longest = secondNetPause, secondNetLongest
	}
	watcher := watch.New(c)
	w.scan = func(ctx context.Context) {
		if _, err := watcher.Scan(ctx); err != nil {
			s.log.Warn("watch", "error", err.Error())
		}
	}
	s.tiers.watch.Store(w)
	w.begin() // the start; it ends with the first poll
}

// begin tells that something runs. It may be called without a tier.
func (w *watching) begin() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
	if w.running > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go w.look(ctx)
}

// end tells that one thing runs no longer.
func (w *watching) end() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == 0 {
		return
	}
	w.running--
	if w.running == 0 {
		w.stop()
	}
}

// look looks until ctx is done.
func (w *watching) look(ctx context.Context) {
	pause := w.first
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		w.scan(ctx)
		pause = min(2*pause, w.longest)
		timer.Reset(pause)
	}
}
