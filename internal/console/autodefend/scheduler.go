package autodefend

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// errStopped ends work that a person stopped.
var errStopped = autodefend.Errorf(autodefend.CodeConflict, "stopped on request")

// errChanged ends work that goes by what was written over since.
func errChanged() error {
	return autodefend.Errorf(autodefend.CodeConflict, "the rules or their collections were changed meanwhile").WithHint("it begins anew by itself")
}

// lookEvery is how often the accounts of cloud scan rules are looked at.
const lookEvery = 24 * time.Hour

// task is one piece of work that one replica does at a time.
type task struct {
	lease string
	// due tells, by what is stored, whether the work is still to be done.
	due func(st *state, now time.Time) bool
	// do does it; the context ends with the lease.
	do func(ctx context.Context, h *held, owner string) error
	// stopped tells when people last asked for the end of such work.
	stopped func(control) time.Time
	// began is when rules and looks were last begun; what else there is never waits behind them.
	began time.Time
}

// Run looks for due work until ctx ends, and then waits for the work in hand: functions that were begun are finished.
func (s *Service) Run(ctx context.Context) {
	defer s.workers.Wait()
	ticker := time.NewTicker(s.cfg.Tick)
	defer ticker.Stop()
	for {
		s.tick(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tick starts what is due.
func (s *Service) tick(ctx context.Context) {
	st, err := s.load(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("read the auto-defend rules", "error", err)
		}
		return
	}
	now := s.now()
	for _, t := range s.tasks(st) {
		if t.due(st, now) {
			s.start(ctx, t)
		}
	}
}

// start does a task in the background, unless somebody else has its lease or this replica has enough to do. The lease is
// taken at once: those that others have mustn't take up this replica's room.
func (s *Service) start(ctx context.Context, t task) {
	if !s.claim(t.lease) {
		return
	}
	owner := s.cfg.Replica + "/" + rand.Text()[:8] // two tasks of one replica are two owners
	ctx, h, err := s.hold(ctx, t.lease, owner)
	if h == nil {
		s.unclaim(t.lease)
		if err != nil && ctx.Err() == nil {
			s.log.Error("take a lease", "lease", t.lease, "error", err)
		}
		return
	}
	s.workers.Go(func() {
		defer s.unclaim(t.lease)
		defer h.release(ctx)
		s.try(ctx, t, h, owner)
	})
}

// claim keeps a task from being started twice, and too many at a time.
func (s *Service) claim(lease string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working[lease] || len(s.working) >= s.cfg.AtOnce {
		return false
	}
	s.working[lease] = true
	return true
}

func (s *Service) unclaim(lease string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.working, lease)
}

// try does a task if it's still due: another replica may have been faster.
func (s *Service) try(ctx context.Context, t task, h *held, owner string) {
	st, err := s.load(ctx)
	if err != nil || !t.due(st, s.now()) {
		return
	}
	began := s.now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watching, done := context.WithCancel(ctx)
	defer done()
	s.workers.Go(func() { s.watchStop(watching, began, t.stopped, stop) })
	if err := t.do(ctx, h, owner); err != nil {
		s.log.Error("auto-defend", "lease", t.lease, "error", err)
	}
}

// watchStop ends work when a person asks for it.
func (s *Service) watchStop(ctx context.Context, began time.Time, stopped func(control) time.Time, stop context.CancelCauseFunc) {
	ticker := time.NewTicker(s.cfg.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if c, err := read[control](ctx, s, api.KindRuleStatus, idControl); err == nil && stopped(c).After(began) {
			stop(errStopped)
			return
		}
	}
}

// whyEnded says why work ended before its time, or returns nil.
func whyEnded(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return autodefend.Errorf(autodefend.CodeUnavailable, "the Console is stopping")
	}
	return cause
}

// tasks lists all work there can be: jobs, then what was begun longest ago, so that rules which come to nothing again and again
// leave their turn to the others.
func (s *Service) tasks(st *state) []task {
	var all []task
	rules, looks := func(c control) time.Time { return c.Stop }, func(c control) time.Time { return c.StopLook }
	for _, j := range st.jobs {
		all = append(all, task{lease: leaseJob + j.ID, due: jobDue(j.ID), stopped: rules, do: func(ctx context.Context, h *held, owner string) error {
			return s.job(ctx, h, owner, j.ID)
		}})
	}
	for _, r := range st.rules {
		all = append(all, task{lease: leaseRule + r.Name, due: ruleDue(r.Name), stopped: rules, began: st.states[r.Name].Started, do: func(ctx context.Context, h *held, owner string) error {
			return s.evaluate(ctx, h, owner, r.Name)
		}})
	}
	for _, id := range st.credentials() {
		all = append(all, task{lease: leaseLook + id, due: lookDue(id), stopped: looks, began: st.looks[id].Started, do: func(ctx context.Context, h *held, owner string) error {
			return s.look(ctx, h, owner, id)
		}})
	}
	all = append(all, task{lease: leaseForget, due: forgetDue, stopped: looks, do: s.forget})
	slices.SortStableFunc(all, func(a, b task) int { return a.began.Compare(b.began) })
	return all
}

// credentials are all that functions are known by: those of the rules and of the cloud scan rules.
func (st *state) credentials() []string {
	ids := slices.Clone(st.scans)
	for _, r := range st.rules {
		ids = append(ids, r.CredentialID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// rule finds a rule by its name.
func (st *state) rule(name string) (api.AutoDeployRule, int, bool) {
	i := slices.IndexFunc(st.rules, func(r api.AutoDeployRule) bool { return r.Name == name })
	if i < 0 {
		return api.AutoDeployRule{}, i, false
	}
	return st.rules[i], i, true
}

// ruleDue: a rule is due when its time has come, when it changed since, when somebody asked for it, and when an evaluation
// began that nobody ended.
func ruleDue(name string) func(*state, time.Time) bool {
	return func(st *state, now time.Time) bool {
		r, _, ok := st.rule(name)
		if !ok {
			return false
		}
		was := st.states[name]
		return was.Finished.Before(was.Started) || was.Started.IsZero() || !now.Before(was.Next) ||
			st.control.Scan.After(was.Started) || r.LastModified.After(was.Started)
	}
}

func jobDue(id string) func(*state, time.Time) bool {
	return func(st *state, now time.Time) bool {
		return slices.ContainsFunc(st.jobs, func(j api.AutoDeployJob) bool {
			return j.ID == id && !j.Blocked && !now.Before(j.Next)
		})
	}
}

// lookDue: accounts are looked at when somebody asks, and those of cloud scan rules once a day.
func lookDue(id string) func(*state, time.Time) bool {
	return func(st *state, now time.Time) bool {
		was := st.looks[id]
		return st.control.Look.After(was.Started) || was.Finished.Before(was.Started) ||
			slices.Contains(st.scans, id) && now.Sub(was.Started) >= lookEvery
	}
}
