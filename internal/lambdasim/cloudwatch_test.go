package lambdasim_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// metricInput asks for one metric of a function over the last day.
func metricInput(namespace, metric, stat, function string) *cloudwatch.GetMetricDataInput {
	dimension := "FunctionName"
	if namespace == "LambdaInsights" {
		dimension = "function_name"
	}
	return &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(time.Now().Add(-24 * time.Hour)), EndTime: aws.Time(time.Now()),
		MetricDataQueries: []types.MetricDataQuery{{
			Id: aws.String("m1"),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{
					Namespace: &namespace, MetricName: &metric,
					Dimensions: []types.Dimension{{Name: &dimension, Value: &function}},
				},
				Period: aws.Int32(3600), Stat: &stat,
			},
		}},
	}
}

func TestCloudWatchMetrics(t *testing.T) {
	for _, tt := range []struct {
		namespace, metric, stat, function string
		want                              float64
		none                              bool
	}{
		{"AWS/Lambda", "Invocations", "Sum", "busy", 12000, false},
		{"AWS/Lambda", "Errors", "Sum", "busy", 3, false},
		{"AWS/Lambda", "Throttles", "Sum", "busy", 0, false},
		{"AWS/Lambda", "Duration", "p99", "busy", 812.5, false},
		{"AWS/Lambda", "Duration", "Maximum", "busy", 812.5, false},
		{"AWS/Lambda", "Duration", "Average", "busy", 406.25, false},
		{"AWS/Lambda", "ConcurrentExecutions", "Maximum", "busy", 0, true},
		{"AWS/Other", "Invocations", "Sum", "busy", 0, true},
		{"LambdaInsights", "used_memory_max", "Maximum", "busy", 240, false},
		{"LambdaInsights", "used_memory_max", "Maximum", "plain", 0, true},
		{"AWS/Lambda", "Invocations", "Sum", "idle", 0, true},
		{"AWS/Lambda", "Invocations", "Sum", "unheard-of", 0, true},
	} {
		t.Run(tt.metric+" "+tt.stat+" of "+tt.function, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := twoAccounts()
				w.SetObserved(production, "us-east-1", "busy", lambdasim.Observed{Invocations: 12000, Errors: 3, DurationP99Millis: 812.5, MaxMemoryMB: 240})
				w.SetObserved(production, "us-east-1", "plain", lambdasim.Observed{Invocations: 1, DurationP99Millis: 1})
				w.SetObserved(production, "us-east-1", "idle", lambdasim.Observed{})
				time.Sleep(48 * time.Hour)
				in := metricInput(tt.namespace, tt.metric, tt.stat, tt.function)
				out, err := cloudwatch.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetMetricData(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if len(out.MetricDataResults) != 1 || *out.MetricDataResults[0].Id != "m1" || out.MetricDataResults[0].StatusCode != types.StatusCodeComplete {
					t.Fatalf("results %+v", out.MetricDataResults)
				}
				r := out.MetricDataResults[0]
				if tt.none {
					if len(r.Values) != 0 {
						t.Errorf("got %v, want nothing", r.Values)
					}
					return
				}
				if len(r.Values) != 1 || r.Values[0] != tt.want {
					t.Fatalf("got %v, want %v", r.Values, tt.want)
				}
				if len(r.Timestamps) != 1 || !r.Timestamps[0].Before(*in.EndTime) || r.Timestamps[0].Before(*in.StartTime) {
					t.Errorf("timestamps %v", r.Timestamps)
				}
			})
		})
	}
}

func TestCloudWatchKeepsAccountsAndRegionsApart(t *testing.T) {
	w := twoAccounts()
	w.SetObserved(production, "us-east-1", "busy", lambdasim.Observed{Invocations: 5})
	for _, at := range [][2]string{{production, "eu-west-1"}, {staging, "us-east-1"}} {
		out, err := cloudwatch.NewFromConfig(sdkConfig(w, at[0], at[1])).GetMetricData(t.Context(), metricInput("AWS/Lambda", "Invocations", "Sum", "busy"))
		if err != nil {
			t.Fatal(err)
		}
		if len(out.MetricDataResults[0].Values) != 0 {
			t.Errorf("%v sees %v", at, out.MetricDataResults[0].Values)
		}
	}
}

func TestCloudWatchManyQueries(t *testing.T) {
	w := twoAccounts()
	in := metricInput("AWS/Lambda", "Invocations", "Sum", "busy")
	query := in.MetricDataQueries[0]
	in.MetricDataQueries = nil
	for i := range 500 {
		query.Id = aws.String(fmt.Sprintf("m%d", i))
		in.MetricDataQueries = append(in.MetricDataQueries, query)
	}
	client := cloudwatch.NewFromConfig(sdkConfig(w, production, "us-east-1"))
	out, err := client.GetMetricData(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricDataResults) != 500 {
		t.Errorf("%d results", len(out.MetricDataResults))
	}
	query.Id = aws.String("m500")
	in.MetricDataQueries = append(in.MetricDataQueries, query)
	_, err = client.GetMetricData(t.Context(), in)
	wantAPIError(t, err, "ValidationError")
}

func TestCloudWatchRefusesBadInput(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*cloudwatch.GetMetricDataInput)
		want   string
	}{
		"no query":     {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries = []types.MetricDataQuery{} }, "ValidationError"},
		"empty window": {func(in *cloudwatch.GetMetricDataInput) { in.EndTime = in.StartTime }, "ValidationError"},
		"period":       {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = aws.Int32(61) }, "ValidationError"},
		"statistic":    {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = aws.String("Mode") }, "ValidationError"},
		"id":           {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].Id = aws.String("M1") }, "ValidationError"},
		"same id twice": {func(in *cloudwatch.GetMetricDataInput) {
			in.MetricDataQueries = append(in.MetricDataQueries, in.MetricDataQueries...)
		}, "ValidationError"},
		"metric math":      {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].Expression = aws.String("m2*2") }, "ValidationError"},
		"unknown token":    {func(in *cloudwatch.GetMetricDataInput) { in.NextToken = aws.String("next") }, "InvalidNextToken"},
		"neither of these": {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat = nil }, "ValidationError"},
	} {
		t.Run(name, func(t *testing.T) {
			in := metricInput("AWS/Lambda", "Invocations", "Sum", "busy")
			tt.change(in)
			_, err := cloudwatch.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")).GetMetricData(t.Context(), in)
			wantAPIError(t, err, tt.want)
		})
	}
}

func TestCloudWatchDenied(t *testing.T) {
	w := twoAccounts()
	w.Deny(production, "cloudwatch:GetMetricData", "no policy allows it")
	_, err := cloudwatch.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetMetricData(t.Context(), metricInput("AWS/Lambda", "Invocations", "Sum", "busy"))
	wantAPIError(t, err, "AccessDenied")
}
