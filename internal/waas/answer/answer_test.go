package answer_test

import (
	"encoding/json"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/answer"
	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/google/go-cmp/cmp"
)

const plain = `{"message":"The request was refused by the application firewall","requestId":"r-1"}`

func headers(eventID string) map[string]any {
	h := map[string]any{"Content-Type": "application/json", "Cache-Control": "no-store"}
	if eventID != "" {
		h["X-Prisma-Event-Id"] = eventID
	}
	return h
}

func refusal(trigger event.Trigger, data string) answer.Refusal {
	return answer.Refusal{
		Event:     &event.Event{Trigger: trigger},
		Data:      []byte(data),
		RequestID: "r-1",
	}
}

func TestShapes(t *testing.T) {
	page := policy.BlockResponse{Enabled: true, Code: 406, Body: "<p>No.</p>"}
	response := map[string]any{"statusCode": 403.0, "headers": headers(""), "body": plain, "isBase64Encoded": false}
	deny := func(resource string) map[string]any {
		return map[string]any{"Version": "2012-10-17", "Statement": []any{
			map[string]any{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": resource},
		}}
	}
	failure := map[string]any{
		"errorMessage": "The request was refused by the application firewall (request r-1)",
		"errorType":    "Autodefend.Forbidden", "stackTrace": []any{},
	}
	tests := []struct {
		name   string
		change func(*answer.Refusal)
		answer.Refusal
		failed bool
		status int
		want   any
	}{
		{name: "REST API", Refusal: refusal(event.APIGateway, `{}`), status: 403, want: response},
		{name: "function URL", Refusal: refusal(event.FunctionURL, `{}`), status: 403, want: response},
		{name: "WebSocket", Refusal: refusal(event.WebSocket, `{}`), status: 403, want: response},
		{
			name: "audit's id", Refusal: refusal(event.HTTPAPI, `{}`), status: 403,
			change: func(r *answer.Refusal) { r.EventID = "e-1" },
			want:   map[string]any{"statusCode": 403.0, "headers": headers("e-1"), "body": plain, "isBase64Encoded": false},
		},
		{
			name: "own page", Refusal: refusal(event.HTTPAPI, `{}`), status: 406,
			change: func(r *answer.Refusal) { r.Block = page },
			want: map[string]any{
				"statusCode": 406.0, "body": "<p>No.</p>", "isBase64Encoded": false,
				"headers": map[string]any{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
			},
		},
		{
			name: "own page that is off", Refusal: refusal(event.HTTPAPI, `{}`), status: 403,
			change: func(r *answer.Refusal) { r.Block = policy.BlockResponse{Code: 406, Body: "x"} },
			want:   response,
		},
		{
			name: "load balancer", Refusal: refusal(event.ALB, `{"headers":{}}`), status: 403,
			want: map[string]any{
				"statusCode": 403.0, "statusDescription": "403 Forbidden", "headers": headers(""), "body": plain, "isBase64Encoded": false,
			},
		},
		{
			name: "load balancer with lists", Refusal: refusal(event.ALB, `{"multiValueHeaders":{"a":["b"]}}`), status: 403,
			want: map[string]any{
				"statusCode": 403.0, "statusDescription": "403 Forbidden", "body": plain, "isBase64Encoded": false,
				"multiValueHeaders": map[string]any{"Content-Type": []any{"application/json"}, "Cache-Control": []any{"no-store"}},
			},
		},
		{
			name: "authorizer 1.0", Refusal: refusal(event.Authorizer, `{"methodArn":"arn:m"}`),
			want: map[string]any{"principalId": "refused", "policyDocument": deny("arn:m")},
		},
		{
			name: "authorizer 2.0", Refusal: refusal(event.Authorizer, `{"version":"2.0","routeArn":"arn:r"}`),
			want: map[string]any{"principalId": "refused", "policyDocument": deny("arn:r"), "isAuthorized": false},
		},
		{name: "AppSync authorizer", Refusal: refusal(event.AppSyncAuthorizer, `{}`), want: map[string]any{"isAuthorized": false}},
		{name: "AppSync resolver", Refusal: refusal(event.AppSync, `{}`), failed: true, want: failure},
		{name: "direct", Refusal: refusal(event.Direct, `not JSON`), failed: true, want: failure},
		{name: "topic", Refusal: refusal(event.SNS, `{}`), failed: true, want: failure},
		{
			name: "event that can't be read", Refusal: refusal(event.ALB, `{"multiValueHeaders":`), status: 403,
			want: map[string]any{
				"statusCode": 403.0, "statusDescription": "403 Forbidden", "headers": headers(""), "body": plain, "isBase64Encoded": false,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change != nil {
				tt.change(&tt.Refusal)
			}
			check(t, answer.To(tt.Refusal), tt.failed, tt.status, tt.want)
		})
	}
}

// TestQueues: whatever is answered, a record that was not refused is never taken for handled.
func TestQueues(t *testing.T) {
	two := []event.Record{{ID: "m-1"}, {ID: "m-2"}}
	all := map[string]any{"batchItemFailures": []any{
		map[string]any{"itemIdentifier": "m-1"}, map[string]any{"itemIdentifier": "m-2"},
	}}
	tests := []struct {
		name    string
		trigger event.Trigger
		records []event.Record
		onQueue policy.QueueAnswer
		failed  bool
		want    any // nil and failed: any error
	}{
		{name: "every record comes back", trigger: event.SQS, records: two, onQueue: policy.QueueFailures, want: all},
		{name: "stream", trigger: event.Kinesis, records: two, onQueue: policy.QueueFailures, want: all},
		{name: "no form for single records", trigger: event.Kafka, records: two, onQueue: policy.QueueFailures, failed: true},
		{name: "record without a name", trigger: event.SQS, records: []event.Record{{ID: "m-1"}, {}}, onQueue: policy.QueueFailures, failed: true},
		{name: "no records", trigger: event.SQS, onQueue: policy.QueueFailures, failed: true},
		{name: "error", trigger: event.SQS, records: two, onQueue: policy.QueueError, failed: true},
		{name: "drop one", trigger: event.SQS, records: two[:1], onQueue: policy.QueueDrop, want: nil},
		{name: "drop with others", trigger: event.SQS, records: two, onQueue: policy.QueueDrop, failed: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := refusal(tt.trigger, `{}`)
			r.Event.Records, r.OnQueue = tt.records, tt.onQueue
			got := answer.To(r)
			if tt.failed {
				if !got.Failed {
					t.Errorf("got %s, want an error", got.Body)
				}
				return
			}
			check(t, got, false, 0, tt.want)
		})
	}
}

func check(t *testing.T, got answer.Answer, failed bool, status int, want any) {
	t.Helper()
	if got.Failed != failed || got.StatusCode != status {
		t.Errorf("failed %v, status %d; want %v and %d", got.Failed, got.StatusCode, failed, status)
	}
	var body any
	if err := json.Unmarshal(got.Body, &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}
