package plan

import (
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestAssessRollback(t *testing.T) {
	without := func(name string) func(*situation) {
		return func(s *situation) {
			s.f = cloned(s.f)
			delete(s.f.Environment.Variables, name)
		}
	}
	handlerLost := without("ORIGINAL_HANDLER")
	tests := []struct {
		name, recipe, run string
		edit              func(*situation)
		want              autodefend.Decision
		check             autodefend.Check
	}{
		{name: "attached", recipe: "autodefend", want: autodefend.Protected},
		{name: "attached by the run", recipe: "autodefend", run: testRun, want: autodefend.Protected},
		{name: "attached by another run", recipe: "autodefend", run: "20250101T000000-zzzz", want: autodefend.Exclude},
		{name: "nothing there", recipe: "autodefend", edit: func(s *situation) { s.f = shop() }, want: autodefend.Exclude},
		{name: "only the tag is there", recipe: "autodefend", edit: func(s *situation) { s.f = shop(); tagged("SecurityProtected", "True")(s) }, want: autodefend.Exclude},
		{name: "only the ownership tag is there", recipe: "autodefend", edit: func(s *situation) { s.f = shop(); tagged(autodefend.OwnershipTag, "autodefend")(s) }, want: autodefend.Protected},
		{name: "undecryptable", recipe: "autodefend", edit: undecryptable, want: autodefend.Skip, check: autodefend.CheckEnvEncrypted},
		{name: "undecryptable, by the run", recipe: "autodefend", run: testRun, edit: undecryptable, want: autodefend.Skip, check: autodefend.CheckEnvEncrypted},
		{name: "undecryptable, handler", recipe: "prisma-handler", edit: undecryptable, want: autodefend.Skip, check: autodefend.CheckEnvEncrypted},
		{name: "undecryptable, without our layer", recipe: "autodefend", edit: func(s *situation) { s.f = shop(); undecryptable(s) }, want: autodefend.Exclude},
		{name: "denied", recipe: "autodefend", edit: denied("lambda:UpdateFunctionConfiguration"), want: autodefend.Skip, check: autodefend.CheckPermission},
		{name: "owner's layer gone", recipe: "autodefend", edit: layerStatus(ownerLayer, autodefend.LayerGone), want: autodefend.Skip, check: autodefend.CheckLayerAccess},
		{name: "owner's layer gone, list untouched", recipe: "autodefend", edit: func(s *situation) { layers(ownerLayer)(s); layerStatus(ownerLayer, autodefend.LayerGone)(s) }, want: autodefend.Protected},
		{name: "our own layer unpublished", recipe: "autodefend", edit: noDefender(""), want: autodefend.Protected},
		{name: "pending", recipe: "autodefend", edit: state("Pending", ""), want: autodefend.Skip, check: autodefend.CheckState},
		{name: "updating", recipe: "autodefend", edit: lastUpdate("InProgress"), want: autodefend.Skip, check: autodefend.CheckUpdateInProgress},
		{name: "runtime blocked", recipe: "autodefend", edit: blocked("2026-03-01"), want: autodefend.Skip, check: autodefend.CheckRuntimeBlocked},
		{name: "memory is no reason", recipe: "autodefend", edit: memory(64), want: autodefend.Protected},
		{name: "excluded is no reason", recipe: "autodefend", edit: exclude("*"), want: autodefend.Protected},
		{name: "handler", recipe: "prisma-handler", want: autodefend.Protected},
		{name: "original handler lost", recipe: "prisma-handler", edit: handlerLost, want: autodefend.Skip, check: autodefend.CheckWrapper},
		{name: "ours by the tag", recipe: "prisma-wrapper", edit: without(autodefend.MarkerVariable), want: autodefend.Protected},
		{name: "ours by the marker", recipe: "prisma-wrapper", edit: unreadTags, want: autodefend.Protected},
		{name: "somebody else's", recipe: "prisma-wrapper", edit: func(s *situation) { without(autodefend.MarkerVariable)(s); s.f.Tags = nil }, want: autodefend.Skip, check: autodefend.CheckAttachment},
		{name: "our own layer needs no mark", recipe: "autodefend", edit: func(s *situation) { without(autodefend.MarkerVariable)(s); s.f.Tags = nil }, want: autodefend.Protected},
		{
			name: "another recipe's", recipe: "autodefend", want: autodefend.Skip, check: autodefend.CheckEnvConflict,
			edit: func(s *situation) { s.f = attached(t, "prisma-handler").f },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := attached(t, tt.recipe).with(tt.edit)
			v := AssessRollback(s.f, s.facts, tt.run)
			if v.Decision != tt.want || (v.Change != nil) != (tt.want == autodefend.Protected) {
				t.Fatalf("decision %s for %+v with %+v, want %s", v.Decision, v.Reasons, v.Change, tt.want)
			}
			if _, ok := reasonOf(v.Reasons, tt.check); ok != (tt.check != "") {
				t.Errorf("reasons %+v, want %q among them", v.Reasons, tt.check)
			}
		})
	}
}

// TestBrokenThatCannotBeMended: when AWS would refuse the removal too, nothing
// is planned.
func TestBrokenThatCannotBeMended(t *testing.T) {
	s := attached(t, "autodefend").with(layers(ownerLayer), memory(64), denied("lambda:UpdateFunctionConfiguration"))
	if v := Assess(s.f, s.facts); v.Decision != autodefend.Skip || v.Change != nil {
		t.Errorf("decision %s with %+v, want skip", v.Decision, v.Change)
	}
}

// TestDetachPreviousHandler: the original handler is forgotten when the owner
// has redirected the function already.
func TestDetachPreviousHandler(t *testing.T) {
	s := attached(t, "prisma-handler")
	s.f.Handler = "new.handler"
	v := AssessRollback(s.f, s.facts, "")
	if v.Change.Handler != nil {
		t.Errorf("change %+v, want the handler left alone", v.Change)
	}
	after := applyTo(s.f, s.facts, v.Change)
	if _, kept := after.Environment.Variables["ORIGINAL_HANDLER"]; kept || after.Handler != "new.handler" {
		t.Errorf("handler %q, variables %v", after.Handler, after.Environment.Variables)
	}
}
