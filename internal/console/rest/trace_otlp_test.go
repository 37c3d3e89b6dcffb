package rest

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// otlpCollector takes traces as OTLP over HTTP says they are sent, and nothing else.
type otlpCollector struct {
	*testing.T
	mu sync.Mutex
	// refuse answers the first requests with 503.
	refuse   int
	received []*otlp.ResourceSpans
}

// ServeHTTP takes one export.
func (c *otlpCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse--; c.refuse >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Authorization") != "Bearer traces" {
		c.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			c.Error(err)
			return
		}
		body = unpacked
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		c.Error(err)
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &request); err != nil {
		c.Errorf("%d bytes aren't an export: %v", len(raw), err)
	}
	c.known(request.ProtoReflect())
	c.received = append(c.received, request.ResourceSpans...)
	answer, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
	if err != nil {
		c.Error(err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// known fails on fields that the protocol doesn't have.
func (c *otlpCollector) known(m protoreflect.Message) {
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		c.Errorf("%s has unknown fields: %x", m.Descriptor().FullName(), []byte(unknown))
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				c.known(v.List().Get(i).Message())
			}
		default:
			c.known(v.Message())
		}
		return true
	})
}

// texts are attributes as texts and numbers.
func texts(attributes []*common.KeyValue) map[string]any {
	all := map[string]any{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = v.IntValue
		default:
			all[a.Key] = v
		}
	}
	return all
}

// TestTracesReachACollector: what OpenTelemetry's variables say is done, and what arrives is whole: also when the collector
// wasn't there at first, and packed.
func TestTracesReachACollector(t *testing.T) {
	for compression, refuse := range map[string]int{"none": 1, "gzip": 0} {
		t.Run("compression "+compression, func(t *testing.T) {
			c := &otlpCollector{T: t, refuse: refuse}
			server := httptest.NewServer(c)
			defer server.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
			t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20traces")
			t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
			tracing, err := OpenTracing(t.Context(), "1.2.3")
			if err != nil {
				t.Fatal(err)
			}
			const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
			before := time.Now()
			w := newWorld(t, func(cfg *Config) { cfg.Tracing = tracing })
			w.do("GET", "/api/v1/things/unguessable?q=unguessable", "", "Authorization", "Bearer reader", "Traceparent", "00-"+trace+"-"+parent+"-01")
			w.get("/api/v1/errors/internal", "reader")
			if err := tracing.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			spans := c.spans()
			if len(spans) != 2 {
				t.Fatalf("%d spans arrived: %v", len(spans), c.received)
			}
			read, failed := spans["GET /api/v1/things/{name}"], spans["GET /api/v1/errors/internal"]
			if read == nil || failed == nil {
				t.Fatalf("spans %v", spans)
			}
			if hex.EncodeToString(read.TraceId) != trace || hex.EncodeToString(read.ParentSpanId) != parent || len(read.SpanId) != 8 || read.Kind != otlp.Span_SPAN_KIND_SERVER {
				t.Errorf("the span isn't the caller's: %v", read)
			}
			if read.StartTimeUnixNano < uint64(before.UnixNano()) || read.EndTimeUnixNano < read.StartTimeUnixNano {
				t.Errorf("from %d to %d", read.StartTimeUnixNano, read.EndTimeUnixNano)
			}
			if a := texts(read.Attributes); a["http.request.method"] != "GET" || a["http.route"] != "/api/v1/things/{name}" || a["http.response.status_code"] != int64(200) || a["autodefend.request"] == "" {
				t.Errorf("attributes %v", a)
			}
			if failed.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR || failed.Status.GetMessage() != "" || read.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
				t.Errorf("statuses %v and %v", read.Status, failed.Status)
			}
		})
	}
}

// spans are all that arrived, by name; each has to be of this service and version.
func (c *otlpCollector) spans() map[string]*otlp.Span {
	all := map[string]*otlp.Span{}
	for _, of := range c.received {
		if a := texts(of.Resource.Attributes); a["service.name"] != "autodefend-console" || a["service.version"] != "1.2.3" {
			c.Errorf("resource %v", a)
		}
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				all[span.Name] = span
			}
		}
	}
	return all
}

// TestOTLPTries: a collector that asks for patience is asked again, after as long as it says; one that refuses isn't, and is
// never followed elsewhere.
func TestOTLPTries(t *testing.T) {
	for _, test := range []struct {
		answers []int
		tries   int
		ok      bool
	}{
		{[]int{200}, 1, true},
		{[]int{503, 429, 502, 504, 200}, 5, true},
		{[]int{400}, 1, false},
		{[]int{503, 401}, 2, false},
		{[]int{307}, 1, false},
	} {
		tries := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/otlp/v1/traces" {
				t.Errorf("followed to %s", r.URL)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(test.answers[min(tries, len(test.answers)-1)])
			tries++
		}))
		c, err := newOTLPClient(func(name string) string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL + "/otlp/", "OTEL_EXPORTER_OTLP_TIMEOUT": "30000"}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		c.pause = time.Microsecond
		if err := c.UploadTraces(t.Context(), nil); (err == nil) != test.ok || tries != test.tries {
			t.Errorf("%v: %d tries, %v", test.answers, tries, err)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		server.Close()
	}
	c, err := newOTLPClient(func(string) string { return "http://127.0.0.1:1" })
	if err == nil {
		t.Fatalf("variables that make no sense are taken: %+v", c)
	}
	c, err = newOTLPClient(func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.UploadTraces(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who ends doesn't wait for a collector: %v", err)
	}
}

func TestOTLPSettings(t *testing.T) {
	for name, value := range map[string]string{
		"ENDPOINT": "127.0.0.1:4318", "TRACES_ENDPOINT": "ftp://x/", "HEADERS": "secret", "TIMEOUT": "soon", "CERTIFICATE": "/nowhere", "CLIENT_KEY": "/nowhere",
	} {
		environ := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
		environ["OTEL_EXPORTER_OTLP_"+name] = value
		_, err := newOTLPClient(func(name string) string { return environ[name] })
		if err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	c, err := newOTLPClient(func(name string) string {
		return map[string]string{
			"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c.example.com/t", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other", "OTEL_EXPORTER_OTLP_HEADERS": "a=b%20c, d=e=f",
			"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "1500",
		}[name]
	})
	if err != nil || c.url != "https://c.example.com/t" || c.header.Get("a") != "b c" || c.header.Get("d") != "e=f" || c.http.Timeout != 1500*time.Millisecond || c.gzip {
		t.Errorf("%+v (%v)", c, err)
	}
}
