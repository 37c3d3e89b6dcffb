package autodefend

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// mostReceipts bounds the receipts that are kept of a run.
const mostReceipts = 5000

// fill puts what was done into a run's record.
func (s *Service) fill(record *api.RunRecord, run *autodefend.Run) {
	record.Summary, record.Errors, record.Stopped, record.Results = run.Summary, run.Errors, run.Stopped, run.Results
	if len(record.Results) > mostReceipts {
		record.Results, record.Truncated = record.Results[:mostReceipts], true
	}
	record.Finished = s.now()
}

// storeRun writes a run's record, with other changes in one transaction, and drops the oldest runs beyond those to keep.
func (s *Service) storeRun(ctx context.Context, record api.RunRecord, more []api.DocumentChange) error {
	change, err := put(api.KindRun, record.ID, record)
	if err != nil {
		return err
	}
	old, err := s.oldRuns(ctx, record.ID)
	if err != nil {
		return err
	}
	return s.cfg.Documents.Write(ctx, slices.Concat([]api.DocumentChange{change}, more, old), nil)
}

// oldRuns are the deletions of runs beyond those to keep. Runs that aren't done stay.
func (s *Service) oldRuns(ctx context.Context, newest string) ([]api.DocumentChange, error) {
	runs, err := s.allRuns(ctx)
	if err != nil {
		return nil, err
	}
	runs = slices.DeleteFunc(runs, func(r api.RunRecord) bool { return r.ID == newest })
	var old []api.DocumentChange
	for i, r := range runs {
		if i >= s.cfg.Keep-1 && (r.State == api.RunDone || r.State == api.RunFailed) {
			old = append(old, api.DocumentChange{Kind: api.KindRun, ID: r.ID, Version: api.Any})
		}
	}
	return old, nil
}

// allRuns reads all runs, the newest first.
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
