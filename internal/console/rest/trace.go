package rest

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracing sends a span of each request to an OpenTelemetry collector. A nil Tracing does nothing.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	context  propagation.TraceContext
}

// TracingWanted reports whether the environment names a collector, as OpenTelemetry's own variables do.
func TracingWanted(getenv func(string) string) bool {
	return getenv("OTEL_SDK_DISABLED") != "true" &&
		(getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "")
}

// OpenTracing makes a Tracing that is configured by OpenTelemetry's environment variables. It doesn't connect: a collector
// that is away costs spans and nothing else.
func OpenTracing(ctx context.Context, version string) (*Tracing, error) {
	client, err := newOTLPClient(os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("open tracing: %w", err)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("open tracing: %w", err)
	}
	name := os.Getenv("OTEL_SERVICE_NAME")
	if name == "" {
		name = "autodefend-console"
	}
	about := resource.NewSchemaless(attribute.String("service.name", name), attribute.String("service.version", version))
	return newTracing(sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))), nil
}

func newTracing(provider *sdktrace.TracerProvider) *Tracing {
	return &Tracing{provider: provider, tracer: provider.Tracer("github.com/autodefend/autodefend/internal/console/rest")}
}

// Close sends what is left.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// start begins the span of a request, below the caller's when it names one.
func (t *Tracing) start(r *http.Request) (context.Context, trace.Span) {
	if t == nil {
		return r.Context(), noop.Span{}
	}
	ctx := t.context.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return t.tracer.Start(ctx, method(r), trace.WithSpanKind(trace.SpanKindServer))
}

// end names the span by its route. What callers send isn't in it, nor what went wrong in their words.
func (t *Tracing) end(x *exchange, status int) {
	if t == nil {
		return
	}
	route := x.template()
	x.span.SetName(method(x.r) + " " + route)
	x.span.SetAttributes(
		attribute.String("http.request.method", method(x.r)), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", status), attribute.String("autodefend.request", x.id),
	)
	if status >= http.StatusInternalServerError && status != statusClientGone {
		x.span.SetStatus(codes.Error, "")
	}
	x.span.End()
}
