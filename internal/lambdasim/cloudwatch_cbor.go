package lambdasim

import (
	"net/http"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// This file is GetMetricData in Smithy's RPC v2 CBOR protocol. Times are tagged
// numbers of seconds (tag 1).

// cborEpoch is the CBOR tag of a time.
const cborEpoch = 1

// renderCBOR writes an error in RPC v2 CBOR.
func renderCBOR(e *apiError, _ string) reply {
	answer := cborReply(e.status, cbor.Map{"__type": cbor.String(e.code), "message": cbor.String(e.message)})
	answer.header.Set("X-Amzn-Query-Error", metricsQueryCode(e.code)+";Sender")
	return answer
}

// cborReply returns an answer with a CBOR body.
func cborReply(status int, body cbor.Map) reply {
	return reply{
		status: status,
		header: http.Header{"Content-Type": {"application/cbor"}, "Smithy-Protocol": {"rpc-v2-cbor"}},
		body:   cbor.Encode(body),
	}
}

// decodeMetricCBOR reads GetMetricData's input. Members of another type than
// they should have are as if they were left out.
func decodeMetricCBOR(body []byte) (metricDataInput, error) {
	var in metricDataInput
	if len(body) == 0 {
		return in, nil
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return in, newError(http.StatusBadRequest, "SerializationException", "The body is not CBOR: %s", err)
	}
	root, ok := value.(cbor.Map)
	if !ok {
		return in, newError(http.StatusBadRequest, "SerializationException", "The body is not a map")
	}
	in.StartTime, in.EndTime = cborTime(root["StartTime"]), cborTime(root["EndTime"])
	in.NextToken = cborString(root, "NextToken")
	for _, q := range cborMaps(root["MetricDataQueries"]) {
		in.MetricDataQueries = append(in.MetricDataQueries, decodeMetricQuery(q))
	}
	return in, nil
}

// decodeMetricQuery reads one query.
func decodeMetricQuery(m cbor.Map) metricQuery {
	q := metricQuery{ID: cborString(m, "Id"), Label: cborString(m, "Label"), Expression: cborString(m, "Expression")}
	if b, ok := m["ReturnData"].(cbor.Bool); ok {
		wanted := bool(b)
		q.ReturnData = &wanted
	}
	stat, ok := m["MetricStat"].(cbor.Map)
	if !ok {
		return q
	}
	q.MetricStat = &metricStat{Stat: cborString(stat, "Stat")}
	if period, err := cbor.AsInt32(stat["Period"]); err == nil {
		q.MetricStat.Period = int(period)
	}
	metric, _ := stat["Metric"].(cbor.Map)
	q.MetricStat.Metric.Namespace = cborString(metric, "Namespace")
	q.MetricStat.Metric.MetricName = cborString(metric, "MetricName")
	for _, d := range cborMaps(metric["Dimensions"]) {
		q.MetricStat.Metric.Dimensions = append(q.MetricStat.Metric.Dimensions,
			struct{ Name, Value string }{cborString(d, "Name"), cborString(d, "Value")})
	}
	return q
}

// encodeMetricCBOR writes GetMetricData's answer.
func encodeMetricCBOR(out metricDataOutput) cbor.Map {
	results := make(cbor.List, 0, len(out.MetricDataResults))
	for _, r := range out.MetricDataResults {
		times, values := cbor.List{}, cbor.List{}
		for i, t := range r.Timestamps {
			times = append(times, &cbor.Tag{ID: cborEpoch, Value: cbor.Float64(t.Unix())})
			values = append(values, cbor.Float64(r.Values[i]))
		}
		results = append(results, cbor.Map{
			"Id": cbor.String(r.ID), "Label": cbor.String(r.Label), "StatusCode": cbor.String(r.StatusCode),
			"Timestamps": times, "Values": values,
		})
	}
	return cbor.Map{"Messages": cbor.List{}, "MetricDataResults": results}
}

// cborString reads a text member.
func cborString(m cbor.Map, name string) string {
	s, _ := m[name].(cbor.String)
	return string(s)
}

// cborMaps reads a list of maps.
func cborMaps(v cbor.Value) []cbor.Map {
	list, _ := v.(cbor.List)
	var maps []cbor.Map
	for _, item := range list {
		if m, ok := item.(cbor.Map); ok {
			maps = append(maps, m)
		}
	}
	return maps
}

// cborTime reads a tagged time, or returns nil.
func cborTime(v cbor.Value) *metricTime {
	if _, tagged := v.(*cbor.Tag); !tagged {
		return nil
	}
	t, err := cbor.AsTime(v)
	if err != nil {
		return nil
	}
	return &metricTime{t.Truncate(time.Millisecond)}
}
