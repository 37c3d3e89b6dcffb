package fleet

import (
	"context"
	"fmt"
	"sync"

	"github.com/autodefend/autodefend"
)

// book collects the receipts of one run.
type book struct {
	cfg Config
	// skipped is what a function is called that was to be skipped.
	skipped autodefend.Outcome
	mu      sync.Mutex
	// The fields below are guarded by mu.
	rest     []autodefend.Verdict
	run      autodefend.Run
	index    map[autodefend.FunctionARN]int
	taken    int
	worked   int
	failures int
}

func newBook(cfg Config, p *autodefend.Plan) *book {
	return &book{
		cfg: cfg, skipped: autodefend.OutcomeSkipped, rest: p.Functions, index: map[autodefend.FunctionARN]int{},
		run: autodefend.Run{Run: cfg.Run, Results: []autodefend.Receipt{}, Errors: append([]autodefend.ScopeError{}, p.Errors...)},
	}
}

// take hands out the region's verdicts that are work to do.
func (b *book) take(r Region, isWork func(autodefend.Verdict) bool) []autodefend.Verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	var work, rest []autodefend.Verdict
	for _, v := range b.rest {
		if v.Account == r.Account && v.Region == r.Name && isWork(v) {
			work = append(work, v)
		} else {
			rest = append(rest, v)
		}
	}
	b.rest = rest
	b.taken += len(work)
	return work
}

// add enters a receipt and tells the progress.
func (b *book) add(r autodefend.Receipt) {
	b.mu.Lock()
	b.index[r.ARN] = len(b.run.Results)
	b.run.Results = append(b.run.Results, r)
	b.worked++
	if r.Outcome == autodefend.OutcomeFailed || (r.Outcome == autodefend.OutcomeRolledBack && len(r.Reasons) > 0) {
		b.failures++
	}
	b.mu.Unlock()
	if b.cfg.Progress != nil {
		b.cfg.Progress(r)
	}
}

// warn adds a warning to a receipt that was entered before.
func (b *book) warn(arn autodefend.FunctionARN, reason autodefend.Reason) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, ok := b.index[arn]; ok {
		b.run.Results[i].Warnings = append(b.run.Results[i].Warnings, reason)
	}
}

func (b *book) scopeError(r Region, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run.Errors = append(b.run.Errors, autodefend.ScopeErrorOf(r.Account, r.Name, err))
}

// tripped reports whether so many functions failed that the run shall stop.
func (b *book) tripped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures >= b.cfg.MaxFailures
}

// settleRest enters the verdicts that were no work for any region.
func (b *book) settleRest() {
	for _, v := range b.rest {
		r := receiptOf(v)
		switch {
		case v.Change != nil:
			r.Outcome = autodefend.OutcomeFailed
			r.Reasons = []autodefend.Reason{{
				Check: autodefend.CheckPermission, Message: "the plan's account and region aren't in the scope of this run",
				Hint: "name them with --region and --assume-role",
			}}
		case v.Decision == autodefend.Protected:
			r.Outcome = autodefend.OutcomeUnchanged
		default:
			r.Outcome = b.skipped
		}
		b.index[r.ARN] = len(b.run.Results)
		b.run.Results = append(b.run.Results, r)
	}
}

// finish says why the run ended early, if it did, and counts the results.
func (b *book) finish(ctx context.Context) *autodefend.Run {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.taken - b.worked
	switch {
	case left == 0:
	case ctx.Err() != nil:
		b.run.Stopped = fmt.Sprintf("interrupted with %s left; run it again to go on", functions(left))
	default:
		b.run.Stopped = fmt.Sprintf("stopped after %d failures with %s left", b.failures, functions(left))
	}
	b.run.Finish()
	return &b.run
}

func functions(n int) string {
	if n == 1 {
		return "1 function"
	}
	return fmt.Sprintf("%d functions", n)
}

func receiptOf(v autodefend.Verdict) autodefend.Receipt {
	return autodefend.Receipt{
		ARN: v.ARN, Name: v.Name, Account: v.Account, Region: v.Region, Reasons: v.Reasons, Warnings: v.Warnings,
	}
}

// failure is the receipt of a function that couldn't be done.
func failure(v autodefend.Verdict, check autodefend.Check, message string, err error) autodefend.Receipt {
	r := receiptOf(v)
	r.Outcome = autodefend.OutcomeFailed
	reason := autodefend.Reason{Check: check, Message: message, Hint: autodefend.ErrorHint(err)}
	if err != nil {
		reason.Message += ": " + err.Error()
	}
	r.Reasons = []autodefend.Reason{reason}
	return r
}

// refused is the receipt of an update that AWS turned down; nothing changed.
func (j *job) refused(err error) autodefend.Receipt {
	check := autodefend.CheckUpdate
	if autodefend.ErrorCode(err) == autodefend.CodeDenied {
		check = autodefend.CheckPermission
	}
	j.tag = false
	return failure(j.planned, check, "AWS refused the update", err)
}

// unread is the receipt of a function that can't be read.
func (j *job) unread(err error) autodefend.Receipt {
	j.tag = false
	switch {
	case autodefend.ErrorCode(err) == autodefend.CodeNotFound:
		r := failure(j.planned, autodefend.CheckRevision, "the function was deleted", nil)
		r.Outcome = autodefend.OutcomeChanged
		return r
	case j.sent:
		return failure(j.planned, autodefend.CheckUpdate, "an update was sent but can't be verified; run it again", err)
	}
	return failure(j.planned, autodefend.CheckState, "the function can't be read, so it wasn't touched", err)
}

// unsettled is the receipt of an update whose end wasn't seen.
func (j *job) unsettled(now autodefend.Function) autodefend.Receipt {
	j.tag = false
	r := failure(j.planned, autodefend.CheckUpdateInProgress,
		fmt.Sprintf("the update didn't end within %s; run it again to verify it", j.cfg.SettleTimeout), nil)
	r.Revision = now.RevisionID
	return r
}
