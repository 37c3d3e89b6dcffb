package autodefend

import (
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// TestWhoSeesSomeFunctionsOnlySeesNoRuns: plans, previews and runs are about all functions.
func TestWhoSeesSomeFunctionsOnlySeesNoRuns(t *testing.T) {
	b := newBench(t, nil)
	b.world.add("a")
	b.rules(rule("all", "All", ""))
	b.settled()
	run := "/runs/" + get[[]api.RunRecord](b, "/runs")[0].ID
	some := route.Principal{Username: "bob", Collections: []string{"orders"}}
	for _, call := range [][3]string{
		{"POST", rulesPath + "/preview", "[]"}, {"GET", "/runs"}, {"GET", run}, {"POST", run + "/rollback"}, {"POST", run + "/confirm"}, {"POST", "/plans", `{"rule":"all"}`}, {"GET", "/plans/x"},
	} {
		if _, err := callAs(t, b.Service, some, call[0], call[1], call[2]); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s %s: %v, want it denied", call[0], call[1], err)
		}
	}
	all := route.Principal{Username: "ann", Collections: []string{"orders", api.AllCollection}}
	if _, err := callAs(t, b.Service, all, "GET", run, ""); err != nil {
		t.Errorf("with the collection of all functions: %v", err)
	}
}
