package fleet

import (
	"testing"

	"github.com/autodefend/autodefend"
)

func TestExplain(t *testing.T) {
	ready := &fake{
		functions: []autodefend.Function{function("app")},
		layers:    map[string][]autodefend.LayerVersion{x86: layerVersions(x86, 1), arm: layerVersions(arm, 1)},
	}
	denied := &fake{getErr: autodefend.Errorf(autodefend.CodeDenied, "GetFunction app: not authorized").WithHint("allow it")}
	for _, test := range []struct {
		name, function string
		regions        []Region
		found          int
		code           autodefend.Code
	}{
		{"found", "app", []Region{ready.in(region)}, 1, ""},
		{"found in one of two", "app", []Region{(&fake{}).in("us-east-1"), ready.in(region)}, 1, ""},
		{"not found", "nope", []Region{ready.in(region), (&fake{}).in("us-east-1")}, 0, autodefend.CodeNotFound},
		{"denied", "app", []Region{denied.in(region)}, 0, autodefend.CodeDenied},
		{"found and denied", "app", []Region{ready.in(region), denied.in("us-east-1")}, 1, autodefend.CodeDenied},
		{"no regions", "app", nil, 0, autodefend.CodeNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := newFleet(t, nil, test.regions...).Explain(t.Context(), test.function)
			if len(found) != test.found || autodefend.ErrorCode(err) != test.code {
				t.Fatalf("Explain = %d explanations, %v; want %d and %q", len(found), err, test.found, test.code)
			}
			if err != nil && autodefend.ErrorHint(err) == "" {
				t.Errorf("the error has no hint: %v", err)
			}
			for _, e := range found {
				if e.Verdict.Decision != autodefend.Protect || len(e.Findings) < 25 {
					t.Errorf("the explanation is %s with %d findings", e.Verdict.Decision, len(e.Findings))
				}
			}
		})
	}
	if len(ready.updates)+len(ready.batches) > 0 {
		t.Error("explaining changed something")
	}
}
