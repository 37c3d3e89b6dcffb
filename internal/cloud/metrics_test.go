package cloud

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestObserve(t *testing.T) {
	w := newWorld(lambdasim.Options{})
	w.SetObserved(home, ireland, "busy", lambdasim.Observed{Invocations: 12345, DurationP99Millis: 1500.5, MaxMemoryMB: 200})
	w.SetObserved(home, ireland, "without-insights", lambdasim.Observed{Invocations: 1, DurationP99Millis: 10})
	names := []string{"busy", "without-insights", "idle"}
	for i := range 400 {
		names = append(names, fmt.Sprintf("fn-%03d", i))
	}
	w.SetObserved(home, ireland, "fn-399", lambdasim.Observed{Invocations: 7, DurationP99Millis: 1})
	r := openHome(t, w.Client(), Config{})
	got, err := r.Observe(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	const window = 14 * 24 * time.Hour
	for name, want := range map[string]autodefend.Observed{
		"busy":             {Window: window, Invocations: 12345, DurationP99: 1500500 * time.Microsecond, MaxMemoryMB: 200},
		"without-insights": {Window: window, Invocations: 1, DurationP99: 10 * time.Millisecond},
		"idle":             {Window: window},
		"fn-399":           {Window: window, Invocations: 7, DurationP99: time.Millisecond},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(got) != len(names) {
		t.Errorf("%d of %d functions observed", len(got), len(names))
	}
	if n := w.Stats().Operation("GetMetricData"); n != 3 {
		t.Errorf("%d calls for 403 functions, want 3", n)
	}
	if empty, err := r.Observe(t.Context(), nil); err != nil || len(empty) != 0 {
		t.Errorf("no functions: %v, %v", empty, err)
	}
	w.Deny(home, "cloudwatch:GetMetricData", "no")
	_, err = r.Observe(t.Context(), names)
	checkError(t, err, []string{"denied", "GetMetricData", `"cloudwatch:GetMetricData"`})
}

func TestNoteMetrics(t *testing.T) {
	kinds := observations()
	q := request{operation: "GetMetricData"}
	tests := []struct {
		name, id string
		status   cwtypes.StatusCode
		values   []float64
		want     autodefend.Observed
		bad      bool
	}{
		{"cut periods are added up", "m3", cwtypes.StatusCodeComplete, []float64{3, 4}, autodefend.Observed{Invocations: 7}, false},
		{"the longest counts", "m4", cwtypes.StatusCodePartialData, []float64{3, 4, 1}, autodefend.Observed{DurationP99: 4 * time.Millisecond}, false},
		{"the most counts", "m5", cwtypes.StatusCodeComplete, []float64{90, 100}, autodefend.Observed{MaxMemoryMB: 100}, false},
		{"forbidden", "m3", cwtypes.StatusCodeForbidden, nil, autodefend.Observed{}, true},
		{"an error of CloudWatch", "m3", cwtypes.StatusCodeInternalError, nil, autodefend.Observed{}, true},
		{"not asked", "m6", cwtypes.StatusCodeComplete, nil, autodefend.Observed{}, true},
		{"not ours", "x", cwtypes.StatusCodeComplete, nil, autodefend.Observed{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			observed := map[string]autodefend.Observed{}
			err := q.note(&cwtypes.MetricDataResult{Id: aws.String(tt.id), StatusCode: tt.status, Values: tt.values}, []string{"a", "b"}, kinds, observed)
			if (err != nil) != tt.bad || observed["b"] != tt.want {
				t.Errorf("note = %+v, %v", observed, err)
			}
		})
	}
}
