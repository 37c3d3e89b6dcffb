package autodefend

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// mostReceipts bounds the receipts that are kept of a run, and the verdicts that are kept of a plan.
const mostReceipts = 2000

// fill puts what was done into a run's record.
func (s *Service) fill(record *api.RunRecord, run *autodefend.Run) {
	record.Summary, record.Errors, record.Stopped, record.Results = run.Summary, run.Errors, run.Stopped, run.Results
	if len(record.Results) > mostReceipts {
		record.Results, record.Truncated = record.Results[:mostReceipts], true
	}
	record.Finished = s.now()
}

// storeRun writes a run's record with other changes in one transaction, and then drops the oldest runs beyond those to
// keep.
func (s *Service) storeRun(ctx context.Context, record api.RunRecord, more []api.DocumentChange) error {
	change, err := put(api.KindRun, record.ID, record)
	if err != nil {
		return err
	}
	if err := s.cfg.Documents.Write(ctx, append([]api.DocumentChange{change}, more...), nil); err != nil {
		return err
	}
	if err := s.dropRuns(ctx); err != nil {
		s.log.Warn("drop old runs", "error", err) // the next run does it
	}
	return nil
}

// dropRuns deletes the runs beyond those to keep. Runs that aren't done stay.
func (s *Service) dropRuns(ctx context.Context) error {
	runs, err := s.allRuns(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs[min(s.cfg.Keep, len(runs)):] {
		if r.State != api.RunDone && r.State != api.RunFailed {
			continue
		}
		gone := api.DocumentChange{Kind: api.KindRun, ID: r.ID, Version: api.Any}
		err := s.cfg.Documents.Write(ctx, []api.DocumentChange{gone}, nil)
		if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound { // another replica drops them too
			return err
		}
	}
	return nil
}

// keepPlan puts a plan into its record: of a large one the changes first. The summary counts all.
func (s *Service) keepPlan(record *api.RunRecord, p *autodefend.Plan) {
	record.Plan = p
	if len(p.Functions) <= mostReceipts {
		return
	}
	slices.SortStableFunc(p.Functions, func(a, b autodefend.Verdict) int {
		switch {
		case a.Changes() == b.Changes():
			return 0
		case a.Changes():
			return -1
		}
		return 1
	})
	p.Functions, p.Digest, record.Truncated = p.Functions[:mostReceipts], "", true
}

// outline is a run's record without what makes it large.
type outline struct {
	api.RunRecord
	Results skipped `json:"results"`
	Plan    skipped `json:"plan"`
	Spec    skipped `json:"spec"`
}

// skipped is JSON that isn't read.
type skipped struct{}

// UnmarshalJSON reads nothing.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// allRuns reads all runs without their receipts and plans, the newest first.
func (s *Service) allRuns(ctx context.Context) ([]api.RunRecord, error) {
	docs, err := s.cfg.Documents.Documents(ctx, api.KindRun)
	if err != nil {
		return nil, err
	}
	runs := make([]api.RunRecord, len(docs))
	for i, d := range docs {
		var o outline
		if err := json.Unmarshal(d.Body, &o); err != nil {
			return nil, damaged(d, err)
		}
		runs[i] = o.RunRecord
	}
	slices.SortFunc(runs, func(a, b api.RunRecord) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return runs, nil
}

// runRecord reads one run.
func (s *Service) runRecord(ctx context.Context, id string) (api.RunRecord, error) {
	var r api.RunRecord
	d, err := s.cfg.Documents.Document(ctx, api.KindRun, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return r, autodefend.Errorf(autodefend.CodeNotFound, "there is no run %q", id).
			WithHint("GET /api/v1/runs lists those that are kept")
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(d.Body, &r); err != nil {
		return r, damaged(d, err)
	}
	return r, nil
}
