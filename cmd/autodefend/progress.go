package main

import (
	"fmt"
	"sync"
	"time"

	bars "github.com/jedib0t/go-pretty/v6/progress"

	"github.com/autodefend/autodefend"
)

// progress tells how far a run is: with a bar on a terminal, with a line for
// each function elsewhere, and not at all with --quiet.
type progress struct {
	app     *app
	writer  bars.Writer
	tracker *bars.Tracker

	mu sync.Mutex // keeps lines of several goroutines apart
}

func newProgress(a *app) *progress { return &progress{app: a} }

// start begins to tell of a number of functions.
func (p *progress) start(total int, message string) {
	p.app.changing.Store(true)
	screen, ok := terminal(p.app.stderr)
	if !ok || p.app.quiet || total == 0 {
		return
	}
	p.tracker = &bars.Tracker{Message: message, Total: int64(total)}
	p.writer = bars.NewWriter()
	p.writer.SetOutputWriter(screen)
	p.writer.SetUpdateFrequency(100 * time.Millisecond)
	p.writer.SetTrackerLength(30)
	p.writer.SetStyle(bars.StyleBlocks)
	if p.app.noColor {
		p.writer.SetStyle(bars.StyleDefault)
	}
	p.writer.AppendTracker(p.tracker)
	go p.writer.Render()
}

// done tells of one function. It's called from several goroutines.
func (p *progress) done(r autodefend.Receipt) {
	switch {
	case p.tracker != nil:
		p.tracker.Increment(1)
	case !p.app.quiet:
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(p.app.stderr, "%s %s %s %s\n", r.Outcome, r.Account, r.Region, r.Name)
	}
}

// stop ends the bar and gives the screen back.
func (p *progress) stop() {
	p.app.changing.Store(false)
	if p.writer == nil {
		return
	}
	p.tracker.MarkAsDone()
	p.writer.Stop()
	for p.writer.IsRenderInProgress() {
		time.Sleep(10 * time.Millisecond)
	}
}
