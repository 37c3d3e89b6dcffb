package rest

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestTracing: each request is a span with the route's name, below the caller's, without what the caller made up.
func TestTracing(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracing := newTracing(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	w := newWorld(t, func(c *Config) { c.Tracing = tracing })
	const parent = "0af7651916cd43dd8448eb211c80319c"
	w.do("GET", "/api/v1/things/unguessable?q=unguessable", "", "Authorization", "Bearer reader", "Traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	w.get("/api/v1/errors/internal", "reader")
	eventually(t, func() bool { return len(spans.Ended()) == 2 })
	first, second := spans.Ended()[0], spans.Ended()[1]
	if first.Name() != "GET /api/v1/things/{name}" || first.SpanContext().TraceID().String() != parent {
		t.Errorf("%s in %s", first.Name(), first.SpanContext().TraceID())
	}
	for _, a := range first.Attributes() {
		if a.Value.AsString() == "unguessable" {
			t.Errorf("the span holds what the caller made up: %v", a)
		}
	}
	if second.Status().Code.String() != "Error" || len(second.Events()) != 0 {
		t.Errorf("the failed one: %v %v", second.Status(), second.Events())
	}
	if err := tracing.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := (*Tracing)(nil).Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTracingWanted(t *testing.T) {
	for _, test := range []struct {
		environ map[string]string
		want    bool
	}{
		{nil, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, false},
	} {
		if got := TracingWanted(func(name string) string { return test.environ[name] }); got != test.want {
			t.Errorf("%v: %v", test.environ, got)
		}
	}
}
