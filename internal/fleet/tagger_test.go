package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

// bookOf enters a protected receipt for each function.
func bookOf(names ...string) *book {
	b := newBook(Config{MaxFailures: 10}, &autodefend.Plan{})
	for _, name := range names {
		b.add(autodefend.Receipt{ARN: arnOf(name), Name: name, Outcome: autodefend.OutcomeProtected})
	}
	return b
}

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("function-%02d", i))
	}
	return all
}

// taggerOf tags all of the functions.
func taggerOf(t *testing.T, f *fake, b *book, functions []string) {
	t.Helper()
	tags := &tagger{region: f.in(region), tag: autodefend.Tag{Key: "K", Value: "V"}, recipe: "autodefend", book: b}
	for _, name := range functions {
		tags.add(t.Context(), arnOf(name))
	}
	tags.flush(t.Context())
	tags.flush(t.Context())
}

func TestTaggerBatches(t *testing.T) {
	for _, test := range []struct {
		functions int
		want      []int
	}{
		{0, nil},
		{1, []int{1, 1}},
		{19, []int{19, 19}},
		{20, []int{20, 20}},
		{21, []int{20, 20, 1, 1}},
		{45, []int{20, 20, 20, 20, 5, 5}},
	} {
		f := &fake{}
		taggerOf(t, f, bookOf(), names(test.functions))
		if d := cmp.Diff(test.want, f.batches); d != "" {
			t.Errorf("%d functions, calls with so many each (-want +have):\n%s", test.functions, d)
		}
	}
}

// TestTaggerOrder: the ownership tag goes first, or a crash would leave a tag
// that's taken for the customer's; where it fails the other isn't set.
func TestTaggerOrder(t *testing.T) {
	f := &fake{tagFails: map[autodefend.FunctionARN]error{arnOf("b"): autodefend.Errorf(autodefend.CodeDenied, "no").WithHint("allow it")}}
	b := bookOf("a", "b")
	taggerOf(t, f, b, []string{"a", "b"})
	if d := cmp.Diff([]string{"+autodefend:attached=autodefend a", "+K=V a"}, f.tagged); d != "" {
		t.Errorf("the tags set (-want +have):\n%s", d)
	}
	run := b.finish(t.Context())
	if len(run.Results[0].Warnings) != 0 {
		t.Errorf("the tagged function has the warnings %v", run.Results[0].Warnings)
	}
	want := []autodefend.Reason{{Check: autodefend.CheckTag, Message: "the tag can't be set: no", Hint: "allow it"}}
	if d := cmp.Diff(want, run.Results[1].Warnings); d != "" || run.Results[1].Outcome != autodefend.OutcomeProtected {
		t.Errorf("the untagged function's receipt is %+v", run.Results[1])
	}
}

func TestTaggerWarnsOfFailedCalls(t *testing.T) {
	f := &fake{tagErr: autodefend.Errorf(autodefend.CodeThrottled, "slow down")}
	b := bookOf(names(3)...)
	taggerOf(t, f, b, names(3))
	for _, r := range b.finish(t.Context()).Results {
		if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0].Message, "slow down") {
			t.Errorf("%s has the warnings %v", r.Name, r.Warnings)
		}
	}
	if len(f.batches) != 1 {
		t.Errorf("%d calls were made, want none after the failed one", len(f.batches))
	}
}

// TestUntagOrder: the ownership tag goes last, and stays where the other can't
// be removed.
func TestUntagOrder(t *testing.T) {
	f := &fake{tagFails: map[autodefend.FunctionARN]error{arnOf("stuck"): autodefend.Errorf(autodefend.CodeDenied, "no")}}
	fl := newFleet(t, nil, f.in(region))
	change := func(key string) *autodefend.Change {
		return &autodefend.Change{Tag: &autodefend.TagChange{Tag: autodefend.Tag{Key: key}, Remove: true}}
	}
	failed := untag(t.Context(), fl.scouts[0], []autodefend.Verdict{
		{ARN: arnOf("ours"), Change: change("SecurityProtected")},
		{ARN: arnOf("stuck"), Change: change("SecurityProtected")},
		{ARN: arnOf("owners"), Change: change(autodefend.OwnershipTag)},
		{ARN: arnOf("none"), Change: &autodefend.Change{}},
	})
	want := []string{"-SecurityProtected ours", "-autodefend:attached ours", "-autodefend:attached owners"}
	if d := cmp.Diff(want, f.tagged); d != "" {
		t.Errorf("the tags removed (-want +have):\n%s", d)
	}
	if len(failed) != 1 || failed[arnOf("stuck")] == nil {
		t.Errorf("failed: %v", failed)
	}
	if slices.ContainsFunc(f.tagged, func(s string) bool { return strings.Contains(s, "none") }) {
		t.Error("a function without a tag of ours was untagged")
	}
}
