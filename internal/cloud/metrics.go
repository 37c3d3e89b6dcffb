package cloud

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/autodefend/autodefend"
)

// maxQueries is the most metrics one GetMetricData call reads.
const maxQueries = 500

// observation is one metric that tells what a function uses.
type observation struct {
	namespace, metric, dimension, stat string
	// note adds a value to what was observed. With several values, of periods
	// that the window cuts, the highest or the sum counts.
	note func(*autodefend.Observed, float64)
}

// observations returns the metrics read of every function. Memory is known
// only of functions with Lambda Insights.
func observations() []observation {
	return []observation{
		{"AWS/Lambda", "Invocations", "FunctionName", "Sum", func(o *autodefend.Observed, v float64) {
			o.Invocations += int64(v)
		}},
		{"AWS/Lambda", "Duration", "FunctionName", "p99", func(o *autodefend.Observed, v float64) {
			o.DurationP99 = max(o.DurationP99, time.Duration(v*float64(time.Millisecond)))
		}},
		{"LambdaInsights", "used_memory_max", "function_name", "Maximum", func(o *autodefend.Observed, v float64) {
			o.MaxMemoryMB = max(o.MaxMemoryMB, int(v))
		}},
	}
}

// Observe returns what functions were seen to use over the window, by name.
// Every name is in the map; one without invocations has zeros. Several hundred
// functions take a handful of calls of CloudWatch, and none of Lambda.
func (r *Region) Observe(ctx context.Context, names []string) (map[string]autodefend.Observed, error) {
	observed := make(map[string]autodefend.Observed, len(names))
	kinds := observations()
	batch := maxQueries / len(kinds)
	end := time.Now().Truncate(time.Minute)
	for from := 0; from < len(names); from += batch {
		part := names[from:min(from+batch, len(names))]
		if err := r.observe(ctx, part, kinds, end, observed); err != nil {
			return nil, err
		}
	}
	return observed, nil
}

// observe reads one batch.
func (r *Region) observe(ctx context.Context, names []string, kinds []observation, end time.Time, observed map[string]autodefend.Observed) error {
	q := request{operation: "GetMetricData", action: "cloudwatch:GetMetricData"}
	for _, name := range names {
		observed[name] = autodefend.Observed{Window: r.window}
	}
	pages := cloudwatch.NewGetMetricDataPaginator(r.metrics, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(end.Add(-r.window)), EndTime: aws.Time(end),
		MetricDataQueries: metricQueries(names, kinds, r.window),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return q.fail(ctx, err)
		}
		for i := range page.MetricDataResults {
			if err := q.note(&page.MetricDataResults[i], names, kinds, observed); err != nil {
				return err
			}
		}
	}
	return nil
}

// metricQueries asks for every kind of every function, the whole window as one
// period. The id of a query is "m" and its number.
func metricQueries(names []string, kinds []observation, window time.Duration) []types.MetricDataQuery {
	queries := make([]types.MetricDataQuery, 0, len(names)*len(kinds))
	period := aws.Int32(int32(max(window.Truncate(time.Minute), time.Minute) / time.Second)) //nolint:gosec // windows are days
	for _, name := range names {
		for _, kind := range kinds {
			queries = append(queries, types.MetricDataQuery{
				Id: aws.String("m" + strconv.Itoa(len(queries))),
				MetricStat: &types.MetricStat{
					Period: period, Stat: aws.String(kind.stat),
					Metric: &types.Metric{
						Namespace: aws.String(kind.namespace), MetricName: aws.String(kind.metric),
						Dimensions: []types.Dimension{{Name: aws.String(kind.dimension), Value: aws.String(name)}},
					},
				},
			})
		}
	}
	return queries
}

// note adds one result to what was observed.
func (q request) note(result *types.MetricDataResult, names []string, kinds []observation, observed map[string]autodefend.Observed) error {
	var number int
	if _, err := fmt.Sscanf(aws.ToString(result.Id), "m%d", &number); err != nil || number < 0 || number >= len(names)*len(kinds) {
		return autodefend.Errorf(autodefend.CodeUnavailable, "%s: the answer has a query %q that wasn't asked", q.operation, clip(aws.ToString(result.Id), 40))
	}
	name, kind := names[number/len(kinds)], kinds[number%len(kinds)]
	switch result.StatusCode {
	case types.StatusCodeForbidden, types.StatusCodeInternalError:
		return autodefend.Errorf(autodefend.CodeUnavailable, "%s %s: metric %s: %s", q.operation, name, kind.metric, result.StatusCode)
	case types.StatusCodeComplete, types.StatusCodePartialData:
	}
	o := observed[name]
	for _, value := range result.Values {
		kind.note(&o, value)
	}
	observed[name] = o
	return nil
}
