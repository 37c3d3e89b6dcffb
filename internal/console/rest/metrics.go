package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Figure is a number that /metrics shows.
type Figure struct {
	// Name begins with autodefend_.
	Name, Help string
	// Counter is true for what only grows.
	Counter bool
	Value   func() float64
}

// metrics are the server's figures, in a registry of their own. Labels are routes, never paths: their number is bounded.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sheds    *prometheus.CounterVec
}

func newMetrics(version string, gates map[class]*gate, figures []Figure) *metrics {
	registry := prometheus.NewRegistry()
	m := &metrics{
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "autodefend_http_requests_total", Help: "Requests that were answered, by route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "autodefend_http_request_duration_seconds", Help: "How long answers took, streams left out.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .02, .05, .1, .25, 1, 5, 30},
		}, []string{"method", "route"}),
		sheds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "autodefend_http_requests_shed_total", Help: "Requests that were refused because too many were in flight.",
		}, []string{"class"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "autodefend_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(m.requests, m.seconds, m.sheds, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for name, g := range gates {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "autodefend_http_requests_in_flight", Help: "Requests being served.", ConstLabels: prometheus.Labels{"class": string(name)},
		}, func() float64 { return float64(g.inFlight()) }))
	}
	for _, f := range figures {
		registry.MustRegister(f.collector())
	}
	return m
}

func (f Figure) collector() prometheus.Collector {
	if f.Counter {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Value)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: f.Name, Help: f.Help}, f.Value)
}

// observe counts one exchange.
func (m *metrics) observe(x *exchange, status int, took time.Duration) {
	route := x.template()
	m.requests.WithLabelValues(method(x.r), route, strconv.Itoa(status)).Inc()
	if !x.streamed {
		m.seconds.WithLabelValues(method(x.r), route).Observe(took.Seconds())
	}
}

// shed counts one refusal.
func (m *metrics) shed(c class) { m.sheds.WithLabelValues(string(c)).Inc() }
