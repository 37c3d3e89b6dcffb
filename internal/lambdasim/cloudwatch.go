package lambdasim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxMetricQueries is the most queries of one GetMetricData call.
const maxMetricQueries = 500

// Observed is what CloudWatch has seen of a function. The world keeps no
// history: any window asked for holds these figures once, at its last period.
type Observed struct {
	// Invocations, Errors and Throttles are totals.
	Invocations, Errors, Throttles float64
	// DurationP99Millis is the 99th percentile of Duration in milliseconds; it
	// also answers Maximum, and half of it answers Average.
	DurationP99Millis float64
	// MaxMemoryMB is the most memory used, which Lambda Insights reports for
	// functions that have its extension; zero is a function without it.
	MaxMemoryMB float64
}

// metricsKey names a function.
type metricsKey struct{ account, region, function string }

// SetObserved sets what CloudWatch knows of a function, which need not exist.
// A function for which nothing was set has no data.
func (w *World) SetObserved(account, region, name string, o Observed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.services.observed == nil {
		w.services.observed = map[metricsKey]Observed{}
	}
	w.services.observed[metricsKey{account, region, name}] = o
}

// Observed returns what CloudWatch knows of a function: what was set, and the
// invocations since. It reports false when that is nothing.
func (w *World) Observed(account, region, name string) (Observed, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o, ok := w.services.observed[metricsKey{account, region, name}]
	return o, ok
}

// cloudwatchService returns the operations of CloudWatch. It speaks RPC v2 CBOR,
// as the Go SDK does, and JSON, as botocore does.
func cloudwatchService() service {
	return service{
		name:        "monitoring",
		renderError: renderCBOR,
		operations: []operation{
			{name: "GetMetricData", quota: quotaNone, action: "cloudwatch:GetMetricData", handle: getMetricData},
		},
	}
}

// metricTime is a moment as either protocol writes it: seconds since 1970.
type metricTime struct{ time.Time }

// UnmarshalJSON reads seconds with or without a fraction, or RFC 3339.
func (t *metricTime) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return json.Unmarshal(text, &t.Time)
	}
	t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	return nil
}

// MarshalJSON writes seconds.
func (t metricTime) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d", t.Unix()), nil
}

// metricDataInput is GetMetricData's input.
type metricDataInput struct {
	MetricDataQueries  []metricQuery
	StartTime, EndTime *metricTime
	NextToken          string
}

// metricQuery asks for one metric.
type metricQuery struct {
	ID         string `json:"Id"`
	Label      string
	Expression string
	ReturnData *bool
	MetricStat *metricStat
}

// metricStat names a metric and a statistic over periods of some seconds.
type metricStat struct {
	Metric struct {
		Namespace, MetricName string
		Dimensions            []struct{ Name, Value string }
	}
	Period int
	Stat   string
}

// metricDataOutput is GetMetricData's answer.
type metricDataOutput struct {
	Messages          []struct{}
	MetricDataResults []metricResult
}

// metricResult is the answer to one query.
type metricResult struct {
	ID         string `json:"Id"`
	Label      string
	StatusCode string
	Timestamps []metricTime
	Values     []float64
}

// getMetricData answers in the protocol it was asked in. Errors in JSON are
// rendered here, because the service's renderer can't know the protocol.
func getMetricData(w *World, c *call) (reply, error) {
	if c.header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		in, err := decodeMetricCBOR(c.body)
		if err != nil {
			return reply{}, err
		}
		out, err := w.metricData(c, in)
		if err != nil {
			return reply{}, err
		}
		return cborReply(http.StatusOK, encodeMetricCBOR(out)), nil
	}
	var in metricDataInput
	if err := decodeInput(c.body, &in); err != nil {
		return renderMetricsJSON(err), nil
	}
	out, err := w.metricData(c, in)
	if err != nil {
		return renderMetricsJSON(err), nil
	}
	return jsonRPCReply("1.0", out)
}

// renderMetricsJSON writes an error for a JSON client, with the code of the
// older query protocol beside it, as services do that have left it.
func renderMetricsJSON(err error) reply {
	e := asAPIError(err)
	answer := renderJSONRPC("1.0")(e, "")
	answer.header.Set("X-Amzn-Query-Error", metricsQueryCode(e.code)+";Sender")
	return answer
}

// metricsQueryCode returns CloudWatch's older spelling of an error's code.
func metricsQueryCode(code string) string {
	if code == "ValidationException" {
		return "ValidationError"
	}
	return queryCode(code)
}

// metricData answers every query of a call.
func (w *World) metricData(c *call, in metricDataInput) (metricDataOutput, error) {
	out := metricDataOutput{Messages: []struct{}{}, MetricDataResults: []metricResult{}}
	if err := in.check(); err != nil {
		return out, err
	}
	for _, q := range in.MetricDataQueries {
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		r := metricResult{ID: q.ID, Label: q.Label, StatusCode: "Complete", Timestamps: []metricTime{}, Values: []float64{}}
		if r.Label == "" {
			r.Label = q.MetricStat.Metric.MetricName
		}
		if value, ok := w.metricValue(c, q.MetricStat); ok {
			period := time.Duration(q.MetricStat.Period) * time.Second
			last := in.EndTime.Add(-1).Truncate(period)
			r.Timestamps, r.Values = append(r.Timestamps, metricTime{last.UTC()}), append(r.Values, value)
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	return out, nil
}

// check validates a call.
func (in *metricDataInput) check() error {
	switch n := len(in.MetricDataQueries); {
	case n == 0:
		return invalidMetrics("The parameter MetricDataQueries is required.")
	case n > maxMetricQueries:
		return invalidMetrics("The collection MetricDataQueries must not have a size greater than %d.", maxMetricQueries)
	case in.StartTime == nil || in.EndTime == nil:
		return invalidMetrics("The parameters StartTime and EndTime are required.")
	case !in.StartTime.Before(in.EndTime.Time):
		return invalidMetrics("The parameter StartTime must be less than the parameter EndTime.")
	case in.NextToken != "":
		return newError(http.StatusBadRequest, "InvalidNextToken", "The NextToken is invalid.")
	}
	seen := map[string]bool{}
	for i, q := range in.MetricDataQueries {
		if seen[q.ID] {
			return invalidMetrics("The values for parameter id in MetricDataQueries are not unique.")
		}
		seen[q.ID] = true
		if err := q.check(i + 1); err != nil {
			return err
		}
	}
	return nil
}

// check validates the nth query.
func (q *metricQuery) check(n int) error {
	if !fullMatch(`[a-z][a-zA-Z0-9_]{0,254}`, q.ID) {
		return invalidMetrics("The value %s for parameter MetricDataQueries.member.%d.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.ID, n)
	}
	if q.Expression != "" {
		return invalidMetrics("Error in expression '%s': the simulator does not compute metric math", q.ID)
	}
	if q.MetricStat == nil {
		return invalidMetrics("The parameter MetricDataQueries.member.%d.MetricStat is required.", n)
	}
	if p := q.MetricStat.Period; p != 1 && p != 5 && p != 10 && p != 30 && (p <= 0 || p%60 != 0) {
		return invalidMetrics("The parameter MetricDataQueries.member.%d.MetricStat.Period must be a multiple of 60.", n)
	}
	known := []string{"SampleCount", "Average", "Sum", "Minimum", "Maximum"}
	if s := q.MetricStat.Stat; !slices.Contains(known, s) && !fullMatch(`p\d{1,2}(\.\d{1,10})?`, s) {
		return invalidMetrics("The value %s for parameter MetricDataQueries.member.%d.MetricStat.Stat is not supported.", s, n)
	}
	return nil
}

// invalidMetrics is CloudWatch's error for a bad parameter.
func invalidMetrics(format string, args ...any) error {
	return newError(http.StatusBadRequest, "ValidationException", format, args...)
}

// metricValue looks up one metric of one function of the caller's region.
func (w *World) metricValue(c *call, s *metricStat) (float64, bool) {
	if len(s.Metric.Dimensions) != 1 {
		return 0, false
	}
	dimension := s.Metric.Dimensions[0]
	o, ok := w.services.observed[metricsKey{c.account.spec.ID, c.region.name, dimension.Value}]
	if !ok {
		return 0, false
	}
	switch {
	case s.Metric.Namespace == "AWS/Lambda" && dimension.Name == "FunctionName":
		return o.lambdaMetric(s.Metric.MetricName, s.Stat)
	case s.Metric.Namespace == "LambdaInsights" && dimension.Name == "function_name" && o.MaxMemoryMB > 0:
		return o.insightsMetric(s.Metric.MetricName, s.Stat, c.region.functions[dimension.Value])
	}
	return 0, false
}

// lambdaMetric returns a metric of the namespace AWS/Lambda. A function that
// was never invoked has published nothing.
func (o Observed) lambdaMetric(metric, stat string) (float64, bool) {
	if o.Invocations == 0 && o.Throttles == 0 {
		return 0, false
	}
	totals := map[string]float64{"Invocations": o.Invocations, "Errors": o.Errors, "Throttles": o.Throttles}
	if total, ok := totals[metric]; ok {
		return total, stat == "Sum"
	}
	if metric != "Duration" || o.Invocations == 0 {
		return 0, false
	}
	switch {
	case stat == "SampleCount":
		return o.Invocations, true
	case stat == "Sum":
		return o.Invocations * o.DurationP99Millis / 2, true
	case stat == "Average":
		return o.DurationP99Millis / 2, true
	case stat == "Maximum" || strings.HasPrefix(stat, "p"):
		return o.DurationP99Millis, true
	default:
		return 0, false
	}
}

// insightsMetric returns a metric of the namespace LambdaInsights.
func (o Observed) insightsMetric(metric, stat string, f *function) (float64, bool) {
	if stat != "Maximum" {
		return 0, false
	}
	switch {
	case metric == "used_memory_max":
		return o.MaxMemoryMB, true
	case metric == "memory_utilization" && f != nil:
		return 100 * o.MaxMemoryMB / float64(f.latest.spec.Memory), true
	default:
		return 0, false
	}
}
