package autodefend

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// allowance is how many functions all the removals of one change of the rules may take the Defender from.
type allowance struct {
	Allow int `json:"allow"`
	// Taken are those that each job took it from or is about to, by the job's id.
	Taken map[string]int `json:"taken,omitempty"`
}

// left is what the jobs but one leave of it.
func (a allowance) left(job string) int {
	left := a.Allow
	for id, n := range a.Taken {
		if id != job {
			left -= n
		}
	}
	return left
}

// take reserves n functions, with those that were done before, for a job, and returns how many it may have. When that's less
// than n, nothing is reserved.
func (r *jobRun) take(ctx context.Context, n int) (int, error) {
	if r.job.Change == "" { // it was confirmed by itself
		return r.job.Allow, nil
	}
	left := 0
	err := r.share(ctx, func(a *allowance) bool {
		if left = a.left(r.job.ID); n > left {
			return false
		}
		a.Taken[r.job.ID] = max(a.Taken[r.job.ID], n) // who had the job before may have done what it couldn't tell
		return true
	})
	return left, err
}

// giveBack leaves to other jobs what this one reserved and didn't do, while the job is still ours.
func (r *jobRun) giveBack(ctx context.Context) error {
	late := context.WithoutCancel(ctx)
	if r.job.Change == "" || r.main.still(late) != nil {
		return nil
	}
	return r.share(late, func(a *allowance) bool {
		n := len(r.done())
		same := a.Taken[r.job.ID] == n
		a.Taken[r.job.ID] = n
		return !same
	})
}

// share changes the allowance of the job's change, anew each time that another job was faster. One that isn't there allows
// nothing.
func (r *jobRun) share(ctx context.Context, change func(*allowance) bool) error {
	id := idAllowance + r.job.Change
	for {
		a, version, err := readVersion[allowance](ctx, r.s, api.KindRuleStatus, id)
		if err != nil {
			return err
		}
		if a.Taken == nil {
			a.Taken = map[string]int{}
		}
		if !change(&a) || version == 0 {
			return nil
		}
		body, err := json.Marshal(a)
		if err != nil {
			return err
		}
		err = r.s.cfg.Documents.Write(ctx, []api.DocumentChange{{Kind: api.KindRuleStatus, ID: id, Version: version, Body: body}}, nil)
		if autodefend.ErrorCode(err) != autodefend.CodeConflict {
			return err
		}
	}
}

// spent are the changes whose jobs are all done.
func (st *state) spent() []string {
	return slices.DeleteFunc(slices.Clone(st.changes), func(change string) bool {
		return slices.ContainsFunc(st.jobs, func(j api.AutoDeployJob) bool { return j.Change == change })
	})
}

// dropSpent deletes the allowances of changes whose jobs are all done.
func (s *Service) dropSpent(ctx context.Context, st *state) error {
	var errs []error
	for _, change := range st.spent() {
		if err := s.drop(ctx, idAllowance+change); autodefend.ErrorCode(err) != autodefend.CodeNotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
