package autodefend

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// runDetail is what makes a run's record large. It's a document of its own, so that all runs can be listed.
type runDetail struct {
	Results []autodefend.Receipt `json:"results,omitempty"`
	Plan    *autodefend.Plan     `json:"plan,omitempty"`
}

// runChanges are the documents of a run's record, first the one that it's listed by.
func runChanges(record api.RunRecord) ([]api.DocumentChange, error) {
	detail, errDetail := put(api.KindRunDetail, record.ID, runDetail{record.Results, record.Plan})
	record.Results, record.Plan = nil, nil
	listed, errListed := put(api.KindRun, record.ID, record)
	return []api.DocumentChange{listed, detail}, errors.Join(errDetail, errListed)
}

// storeRun writes a run's record with other changes in one transaction, and then drops the oldest runs beyond those to
// keep.
func (s *Service) storeRun(ctx context.Context, record api.RunRecord, more []api.DocumentChange) error {
	changes, err := runChanges(record)
	if err != nil {
		return err
	}
	if err := s.cfg.Documents.Write(ctx, append(changes, more...), nil); err != nil {
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
		for _, kind := range []api.Kind{api.KindRunDetail, api.KindRun} { // what it's found by last
			gone := api.DocumentChange{Kind: kind, ID: r.ID, Version: api.Any}
			err := s.cfg.Documents.Write(ctx, []api.DocumentChange{gone}, nil)
			if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound { // another replica drops them too
				return err
			}
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

// allRuns reads all runs without their receipts and plans, the newest first.
func (s *Service) allRuns(ctx context.Context) ([]api.RunRecord, error) {
	docs, err := s.cfg.Documents.Documents(ctx, api.KindRun)
	if err != nil {
		return nil, err
	}
	runs := make([]api.RunRecord, len(docs))
	for i, d := range docs {
		if err := json.Unmarshal(d.Body, &runs[i]); err != nil {
			return nil, damaged(d, err)
		}
		runs[i].Spec = nil
	}
	slices.SortFunc(runs, func(a, b api.RunRecord) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return runs, nil
}

// runRecord reads one run with its receipts and its plan.
func (s *Service) runRecord(ctx context.Context, id string) (api.RunRecord, error) {
	r, err := read[api.RunRecord](ctx, s, api.KindRun, id)
	switch {
	case err != nil:
		return r, err
	case r.ID == "":
		return r, autodefend.Errorf(autodefend.CodeNotFound, "there is no run %q", id).
			WithHint("GET /api/v1/runs lists those that are kept")
	}
	detail, err := read[runDetail](ctx, s, api.KindRunDetail, id)
	r.Results, r.Plan = detail.Results, detail.Plan
	return r, err
}
