package fleet

import (
	"context"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// attempts is how often one function's change is computed anew because the
// function changed meanwhile or a reply was lost.
const attempts = 8

// patience is how long another deployer's update is waited for.
const patience = 30 * time.Second

// job works on one function.
type job struct {
	*scout
	common  plan.Facts
	planned autodefend.Verdict
	// run limits a roll-back to functions attached by that run.
	run string
	// stopped tells that no function shall be begun any more; nil means never.
	stopped func() bool
	// mending is true when the function's state is no reason to leave it alone,
	// because a change of ours brought it there.
	mending bool

	// sent is true once an update of ours may have been carried out, and
	// before is the revision it was computed on.
	sent   bool
	before string
	// outcome is what a success is called: it depends on what was there first.
	outcome autodefend.Outcome
	// tag is true when the function shall be tagged.
	tag bool
	// tagged is the roll-back's verdict when it saw a tag of ours.
	tagged *autodefend.Verdict
}

// attach makes the function carry the Defender: read, judge, write, wait,
// verify. Whenever a write's fate isn't known it reads again, because a
// conflict may be our own success whose reply was lost. A function that wasn't
// begun when the run was stopped has a receipt without outcome.
func (j *job) attach(ctx context.Context) autodefend.Receipt {
	j.outcome = autodefend.OutcomeUnchanged
	var last error
	for attempt := range attempts {
		now, err := j.settled(ctx)
		if err != nil {
			return j.unread(err)
		}
		if j.sent && !now.Settled() {
			return j.unsettled(now)
		}
		facts := j.factsFor(ctx, now, j.common)
		v := plan.Assess(now, facts)
		if why, bad := j.wentWrong(now); bad {
			return j.undo(ctx, v, why)
		}
		if receipt, done := j.concluded(now, v); done {
			return receipt
		}
		if !j.sent && j.stopped != nil && j.stopped() {
			j.tag = false
			return autodefend.Receipt{} // not begun
		}
		if last = j.write(ctx, now, v.Change, facts); last == nil {
			continue
		}
		if !transient(last) {
			return j.refused(last)
		}
		pause(ctx, attempt)
	}
	return failure(j.planned, autodefend.CheckUpdate, "the function kept changing or AWS couldn't be reached; apply again", last)
}

// concluded says whether the function needs no write, or may not have one.
func (j *job) concluded(now autodefend.Function, v autodefend.Verdict) (autodefend.Receipt, bool) {
	r := receiptOf(v)
	r.Revision = now.RevisionID
	switch {
	case v.Decision == autodefend.Protected:
		r.Outcome = j.outcome
		return r, true
	case !v.Changes():
		r.Outcome = autodefend.OutcomeSkipped
		return r, true
	case !v.Change.Configures():
		// All but the tag is there.
		j.tag = true
		r.Outcome, r.Reasons = j.outcome, []autodefend.Reason{}
		if !j.sent {
			r.Outcome = autodefend.OutcomeRepaired
		}
		return r, true
	case j.cfg.Strict && !v.Change.Same(j.planned.Change):
		r.Outcome = autodefend.OutcomeChanged
		r.Reasons = []autodefend.Reason{{
			Check:   autodefend.CheckRevision,
			Message: "the function changed since it was planned and the reviewed change no longer fits, so it wasn't touched",
			Hint:    "make a new plan",
		}}
		return r, true
	}
	if j.outcome == autodefend.OutcomeUnchanged {
		j.outcome = autodefend.OutcomeProtected
		if v.Decision == autodefend.Repair {
			j.outcome = autodefend.OutcomeRepaired
		}
	}
	j.tag = v.Change.Tag != nil && !v.Change.Tag.Remove
	return r, false
}

// write sends one guarded update.
func (j *job) write(ctx context.Context, now autodefend.Function, change *autodefend.Change, facts plan.Facts) error {
	j.sent, j.before = true, now.RevisionID
	err := j.region.Writer.UpdateFunction(ctx, plan.Materialize(now, change, facts, j.cfg.Run))
	log := j.log.With("function", now.ARN.Name, "revision", now.RevisionID)
	switch {
	case err == nil:
		log.Info("updated the function")
	case transient(err):
		because(log, err).Info("the update may not have been carried out; the function is read again", "check", autodefend.CheckUpdate)
	default:
		because(log, err).Error("update", "check", autodefend.CheckUpdate)
	}
	return err
}

// wentWrong tells whether our update ended badly, and why.
func (j *job) wentWrong(now autodefend.Function) (autodefend.Reason, bool) {
	if !j.sent || now.RevisionID == j.before {
		return autodefend.Reason{}, false
	}
	bad := now.LastUpdate
	if bad.Name != autodefend.UpdateFailed {
		bad = now.State
		if bad.Name == "" || bad.Name == autodefend.StateActive {
			return autodefend.Reason{}, false
		}
	}
	message := "after the update AWS says " + bad.Name
	if bad.Code != "" {
		message += " (" + bad.Code + ")"
	}
	return autodefend.Reason{Check: autodefend.CheckUpdate, Message: message, Hint: "see LastUpdateStatusReason of the function"}, true
}

// undo rolls back a change that ended badly. AWS keeps the old configuration
// after most failed updates; then nothing of this run's is there to remove.
func (j *job) undo(ctx context.Context, v autodefend.Verdict, why autodefend.Reason) autodefend.Receipt {
	j.tag = false
	r := receiptOf(v)
	r.Outcome, r.Reasons = autodefend.OutcomeFailed, []autodefend.Reason{why}
	back := &job{scout: j.scout, common: j.common, planned: j.planned, run: j.cfg.Run, mending: true}
	removed := back.detach(ctx)
	if removed.Outcome == autodefend.OutcomeRolledBack {
		r.Outcome = autodefend.OutcomeRolledBack
	}
	r.Reasons = append(r.Reasons, removed.Reasons...)
	r.Warnings = append(r.Warnings, removed.Warnings...)
	r.Revision = removed.Revision
	return r
}

// detach removes what is ours from the function as it is now.
func (j *job) detach(ctx context.Context) autodefend.Receipt {
	var last error
	for attempt := range attempts {
		now, err := j.settled(ctx)
		if err != nil {
			return j.unread(err)
		}
		if j.sent && !now.Settled() {
			return j.unsettled(now)
		}
		if j.mending {
			now.State = autodefend.State{}
		}
		facts := j.factsFor(ctx, now, j.common)
		v := plan.AssessRollback(now, facts, j.run)
		r := receiptOf(v)
		r.Revision = now.RevisionID
		why, bad := j.wentWrong(now)
		if v.Change != nil && v.Change.Tag != nil {
			j.tagged = &v
		}
		switch {
		case v.Decision == autodefend.Exclude, v.Change != nil && !v.Change.Configures():
			return j.detached(ctx, r)
		case bad:
			r.Outcome, r.Reasons = autodefend.OutcomeFailed, []autodefend.Reason{why}
			return r
		case v.Decision == autodefend.Skip:
			r.Outcome = autodefend.OutcomeFailed
			return r
		}
		if last = j.write(ctx, now, v.Change, facts); last == nil {
			continue
		}
		if !transient(last) {
			return j.refused(last)
		}
		pause(ctx, attempt)
	}
	return failure(j.planned, autodefend.CheckUpdate, "the function kept changing or AWS couldn't be reached; roll back again", last)
}

// detached ends a roll-back whose function carries nothing of ours any more but
// perhaps a tag.
func (j *job) detached(ctx context.Context, r autodefend.Receipt) autodefend.Receipt {
	r.Outcome = autodefend.OutcomeUnchanged
	if j.sent || j.tagged != nil {
		r.Outcome = autodefend.OutcomeRolledBack
	}
	if j.tagged == nil {
		return r
	}
	if err := untag(ctx, j.scout, []autodefend.Verdict{*j.tagged})[r.ARN]; err != nil {
		r.Warnings = append(r.Warnings, tagWarning("removed", err))
	}
	return r
}

// settled reads the function until no change of it is under way, for as long
// as the settings allow; then it returns the function as it is.
func (j *job) settled(ctx context.Context) (autodefend.Function, error) {
	limit := j.cfg.SettleTimeout
	if !j.sent {
		limit = min(limit, patience)
	}
	deadline := time.Now().Add(limit)
	for wait := time.Second; ; wait = min(wait*6/5, 5*time.Second) {
		now, err := j.region.Estate.GetFunction(ctx, j.planned.ARN.Name)
		late := !time.Now().Before(deadline)
		if err == nil && (now.Settled() || late) {
			return now, nil
		}
		if err != nil && (late || !transient(err)) {
			return now, err
		}
		time.Sleep(wait)
	}
}

// pause waits before the next attempt, longer each time, up to 16 seconds.
func pause(ctx context.Context, attempt int) {
	t := time.NewTimer(time.Second << min(attempt, 4))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// transient reports whether reading and trying again may help.
func transient(err error) bool {
	switch autodefend.ErrorCode(err) {
	case autodefend.CodeConflict, autodefend.CodeThrottled, autodefend.CodeUnavailable:
		return true
	default:
		return false
	}
}
