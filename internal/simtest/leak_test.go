package simtest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// TestNothingLeaks: no value of a customer's variable is in logs, plans,
// receipts, explanations or errors, also when AWS's own messages quote them.
func TestNothingLeaks(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults lambdasim.Injector
		deny   string
		wrap   func(cloud.HTTPClient) cloud.HTTPClient
	}{
		{name: "all goes well"},
		{name: "hostile hours", faults: lambdasim.SeededFaults(4, lambdasim.FaultRates{
			Throttle: 0.02, ServerError: 0.02, ServerErrorAfter: 0.03, DropBefore: 0.02, DropAfter: 0.05, UpdateFails: 0.1, OwnerEdit: 0.05,
		})},
		{name: "updates denied", deny: "lambda:UpdateFunctionConfiguration"},
		{name: "AWS quotes the request", wrap: quoting},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { leaks(t, test.faults, test.deny, test.wrap) })
		})
	}
}

// quoting makes a client to whom AWS refuses every update with a message that
// quotes it, as it does with variables that are too long.
func quoting(next cloud.HTTPClient) cloud.HTTPClient { return quoter{next} }

type quoter struct{ next cloud.HTTPClient }

func (q quoter) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/configuration") {
		return q.next.Do(r)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	answer, err := json.Marshal(map[string]string{"Type": "User", "message": "1 validation error detected: Value '" + string(sent) + "' is bad"})
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"X-Amzn-Errortype": {"InvalidParameterValueException"}},
		Body: io.NopCloser(bytes.NewReader(answer)), Request: r,
	}, err
}

func leaks(t *testing.T, faults lambdasim.Injector, deny string, wrap func(cloud.HTTPClient) cloud.HTTPClient) {
	w := lambdasim.New(lambdasim.Options{Seed: 2, Faults: faults})
	lambdasim.BuildDemo(w)
	secrets := lambdasim.DemoSecrets(w)
	if len(secrets) < 100 {
		t.Fatalf("the estate has %d secrets, so that looking for them tests nothing", len(secrets))
	}
	if deny != "" {
		w.Deny(lambdasim.DemoProduction, deny, "no identity-based policy allows it")
		w.Deny(lambdasim.DemoProduction, "iam:SimulatePrincipalPolicy", "no identity-based policy allows it")
	}
	var client cloud.HTTPClient = w.Client()
	if wrap != nil {
		client = wrap(client)
	}
	var out output
	f := loggingFleet(t, client, &out)
	if f == nil {
		return // the storm lets nobody in
	}
	published, problems := f.PublishLayers(t.Context(), defenders(t))
	out.add(published, nil)
	out.add(problems, nil)
	f = loggingFleet(t, client, &out)
	if f == nil {
		return
	}
	p, err := f.Plan(t.Context())
	out.add(p, err)
	if err == nil {
		run := f.Apply(t.Context(), p)
		out.add(run, nil)
		t.Logf("apply: %v", run.Summary)
	}
	for _, v := range p.Functions[:10] {
		explained, err := f.Explain(t.Context(), v.Name)
		out.add(explained, err)
	}
	back := loggingFleet(t, client, &out)
	if p, err = back.PlanRollback(t.Context(), ""); err == nil {
		out.add(p, nil)
		out.add(back.Rollback(t.Context(), p, ""), nil)
	}
	out.add(nil, err)
	out.clean(t, secrets)
}

// defenders are layers with hardly any content.
func defenders(t *testing.T) []autodefend.Layer {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	if _, err := z.Create("autodefend/wrapper"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var all []autodefend.Layer
	for _, arch := range []string{autodefend.ArchX86, autodefend.ArchARM} {
		all = append(all, autodefend.Layer{Name: "autodefend-defender-" + arch, Architecture: arch, Zip: buf.Bytes()})
	}
	return all
}

// output collects everything that leaves the program.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write is where the log goes.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// add renders a value in every way it may be printed, and an error with all of
// its causes.
func (o *output) add(v any, err error) {
	j, _ := json.Marshal(v)
	_, _ = fmt.Fprintf(o, "%s %+v %#v\n", j, v, v)
	for ; err != nil; err = causeOf(err) {
		_, _ = fmt.Fprintf(o, "%v %+v %#v %s\n", err, err, err, autodefend.ErrorHint(err))
	}
}

func causeOf(err error) error {
	if one, ok := err.(interface{ Unwrap() error }); ok {
		return one.Unwrap()
	}
	return nil
}

// clean asserts that no secret is in the output.
func (o *output) clean(t *testing.T, secrets []string) {
	t.Helper()
	text := o.buf.String()
	lines := strings.Count(text, "\n")
	if lines < 300 || !strings.Contains(text, `"msg":"attempt"`) || !strings.Contains(text, `"level":"DEBUG"`) {
		t.Errorf("the output has only %d lines", lines)
	}
	t.Logf("figure: %d secrets looked for in %d lines, %d bytes", len(secrets), lines, len(text))
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			t.Fatalf("a secret leaked: …%s…", text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// loggingFleet opens the demo estate's first account and logs all there is.
func loggingFleet(t *testing.T, client cloud.HTTPClient, out *output) *fleet.Fleet {
	t.Helper()
	log := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	regions, _, err := cloud.Open(context.Background(), cloud.Config{
		Regions: []string{"us-east-1", region}, HTTPClient: client, Logger: log, Jitter: func() float64 { return 0.5 },
		UnzippedSize: func(context.Context, string) (int64, error) { return 3 << 20, nil },
	})
	if err != nil {
		t.Logf("open: %v", err)
		return nil
	}
	var cfg fleet.Config
	calm := newWorld(lambdasim.Options{})
	newFleet(t.Context(), t, calm.Client(), unpaced, runID(1), func(c *fleet.Config) { cfg = *c })
	cfg.Logger, cfg.Versions, cfg.Metrics = log, true, true
	var list []fleet.Region
	for _, r := range slices.Backward(regions) {
		list = append(list, fleet.Region{Account: r.Account, Partition: r.Partition, Name: r.Name, Estate: r, Layers: r, Writer: r, Insight: r})
	}
	return fleet.New(cfg, list)
}
