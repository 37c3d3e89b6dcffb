package lambdasim

import (
	"strconv"
	"time"
)

// Functions settle lazily: nothing runs in the background. A creation or an
// update notes the time it takes effect, and the next call that touches the
// function after that time finds it done, under a new revision id.

// States and update statuses.
const (
	stateActive      = "Active"
	statePending     = "Pending"
	statusSuccessful = "Successful"
	statusInProgress = "InProgress"
	statusFailed     = "Failed"
)

// newRevision returns the next revision id of a function and drops what was
// rendered of the version.
func (f *function) newRevision(v *version) {
	f.revisions++
	v.revision = uuid(f.region.world.opts.Seed, "revision", f.region.functionArn(f.name), strconv.Itoa(f.revisions))
	v.listed = nil
}

// settleTime draws how long the change just made takes.
func (f *function) settleTime() time.Duration {
	t := f.region.world.opts.Settle
	if t.Max <= t.Min {
		return t.Min
	}
	rng := seededRand(f.region.world.opts.Seed, "settle", f.region.functionArn(f.name), strconv.Itoa(f.revisions))
	return t.Min + time.Duration(rng.Int64N(int64(t.Max-t.Min)+1))
}

// startCreation puts a version into Pending.
func (v *version) startCreation(now time.Time) {
	v.spec.State, v.spec.StateReason, v.spec.StateReasonCode = statePending, "The function is being created.", "Creating"
	v.spec.LastUpdateStatus, v.spec.LastUpdateStatusReason, v.spec.LastUpdateStatusReasonCode = "", "", ""
	v.function.newRevision(v)
	v.settles = now.Add(v.function.settleTime())
}

// startUpdate puts a version into InProgress. AWS gives the reason of a
// creation here too. With a previous version the update will fail and fall
// back to it.
func (v *version) startUpdate(now time.Time, previous *version) {
	v.spec.LastUpdateStatus = statusInProgress
	v.spec.LastUpdateStatusReason, v.spec.LastUpdateStatusReasonCode = "The function is being created.", "Creating"
	v.function.newRevision(v)
	v.modified = now
	v.published = ""
	v.settles = now.Add(v.function.settleTime())
	v.previous = previous
}

// settle applies what is due by now to a function and its versions.
func (f *function) settle(now time.Time) {
	f.latest.settle(now)
	for _, v := range f.versions {
		v.settle(now)
	}
}

// settle finishes a pending creation or update when its time has come.
func (v *version) settle(now time.Time) {
	if v.settles.IsZero() || now.Before(v.settles) {
		return
	}
	v.settles = time.Time{}
	v.spec.State, v.spec.StateReason, v.spec.StateReasonCode = stateActive, "", ""
	v.spec.LastUpdateStatus, v.spec.LastUpdateStatusReason, v.spec.LastUpdateStatusReasonCode = statusSuccessful, "", ""
	if v.previous != nil {
		old := v.previous
		v.spec, v.code, v.layers, v.published = old.spec, old.code, old.layers, old.published
		v.spec.LastUpdateStatus = statusFailed
		v.spec.LastUpdateStatusReason = "An internal error occurred while updating the function."
		v.spec.LastUpdateStatusReasonCode = "InternalError"
		v.previous = nil
	}
	v.function.newRevision(v)
}

// busy reports whether a creation or an update is going on.
func (v *version) busy() bool {
	return v.spec.State == statePending || v.spec.LastUpdateStatus == statusInProgress
}

// errBusy answers a change to a function that is still changing.
func (f *function) errBusy() *apiError {
	return errConflict("The operation cannot be performed at this time. An update is in progress for resource: %s",
		f.region.functionArn(f.name))
}
