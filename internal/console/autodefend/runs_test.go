package autodefend

import (
	"fmt"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestLargePlansAndRunsAreCut(t *testing.T) {
	s := newBench(t, nil).Service
	p := &autodefend.Plan{}
	run := &autodefend.Run{}
	for i := range mostReceipts + 10 {
		v := autodefend.Verdict{Name: fmt.Sprintf("f-%05d", i), Decision: autodefend.Skip}
		if i > mostReceipts {
			v.Decision = autodefend.Protect
		}
		p.Functions = append(p.Functions, v)
		run.Results = append(run.Results, autodefend.Receipt{Name: v.Name, Outcome: autodefend.OutcomeFailed})
	}
	p.Finish()
	run.Finish()
	var record api.RunRecord
	s.keepPlan(&record, p)
	if len(p.Functions) != mostReceipts || p.Functions[0].Decision != autodefend.Protect || p.Summary.Functions != mostReceipts+10 || !record.Truncated {
		t.Errorf("%d functions are kept of %d, the first to be %s", len(p.Functions), p.Summary.Functions, p.Functions[0].Decision)
	}
	record = api.RunRecord{}
	s.fill(&record, run)
	if len(record.Results) != mostReceipts || record.Summary[autodefend.OutcomeFailed] != mostReceipts+10 || !record.Truncated {
		t.Errorf("%d receipts are kept, and the summary is %v", len(record.Results), record.Summary)
	}
}

func TestBlockedAndQueuedRunsAreKept(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Keep = 2 })
	for i := range 6 {
		state := api.RunDone
		if i == 0 {
			state = api.RunBlocked
		}
		record := api.RunRecord{ID: fmt.Sprintf("run-%d", i), State: state, Created: b.now()}
		if err := b.storeRun(t.Context(), record, nil); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, r := range get[[]api.RunRecord](b, "/runs") {
		ids = append(ids, r.ID)
	}
	if fmt.Sprint(ids) != "[run-5 run-4 run-0]" {
		t.Errorf("kept: %v", ids)
	}
	if n := len(b.store.Stored(api.KindRunDetail)); n != 3 {
		t.Errorf("the receipts of %d runs are kept", n)
	}
}

// TestLargeRunsAreListedCheaply: what lists of runs are made from doesn't grow with the receipts.
func TestLargeRunsAreListedCheaply(t *testing.T) {
	b := newBench(t, nil)
	record := api.RunRecord{ID: "large", State: api.RunDone, Created: b.now(), Plan: &autodefend.Plan{Functions: make([]autodefend.Verdict, mostReceipts)}}
	record.Results = make([]autodefend.Receipt, mostReceipts)
	for i := range mostReceipts {
		arn := autodefend.FunctionARN{Partition: "aws", Region: region, Account: account, Name: fmt.Sprintf("f-%d", i)}
		record.Results[i].ARN, record.Plan.Functions[i].ARN = arn, arn
	}
	if err := b.storeRun(t.Context(), record, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(b.store.Stored(api.KindRun)["large"].Body); n > 1000 {
		t.Errorf("a run is listed from %d bytes", n)
	}
	if r := get[api.RunRecord](b, "/runs/large"); len(r.Results) != mostReceipts || len(r.Plan.Functions) != mostReceipts {
		t.Errorf("%d receipts, plan %v", len(r.Results), r.Plan != nil)
	}
	if r := get[[]api.RunRecord](b, "/runs")[0]; len(r.Results) > 0 || r.Plan != nil {
		t.Error("the list has receipts")
	}
}
