// Package answer speaks in a function's place to whoever invoked it, after the firewall refused the event. Every
// trigger wants a shape of its own: a response object, a policy that denies, the list of a batch's failed records, or
// an error.
package answer

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/event"
)

// ErrorType is the type of the errors that callers see.
const ErrorType = "Autodefend.Forbidden"

// forbidden is the status code of a refusal.
const forbidden = 403

// message tells a caller no more than that: what was seen is in the audit.
const message = "The request was refused by the application firewall"

// EventIDHeader is the response header with the id of the audit, by which people find it.
const EventIDHeader = "X-Prisma-Event-Id"

// Refusal is what is known when an event is refused.
type Refusal struct {
	// Event is what the firewall made of the invocation's event, and Data the event itself.
	Event *event.Event
	Data  []byte
	// RequestID is the invocation's, EventID the audit's; "" leaves it out.
	RequestID string
	EventID   string
	Block     policy.BlockResponse
	OnQueue   policy.QueueAnswer
}

// Answer is what is sent instead of the function's own.
type Answer struct {
	// Failed makes the invocation an error, and Body the error object.
	Failed bool
	Body   []byte
	// StatusCode is the response object's; 0 when there is none.
	StatusCode int
}

// To returns the answer to a refused event.
func To(r Refusal) Answer {
	trigger := r.Event.Trigger
	switch {
	case trigger.HTTP():
		return r.response()
	case trigger == event.Authorizer:
		return r.denial()
	case trigger == event.AppSyncAuthorizer:
		return success(map[string]any{"isAuthorized": false})
	case trigger.Queue():
		return r.queue()
	default:
		return r.failure()
	}
}

// response is the response object of a proxy integration. A load balancer wants headers in the form in which it sent
// them, and the status in words.
func (r Refusal) response() Answer {
	code, body, contentType := forbidden, r.text(), "application/json"
	if r.Block.Enabled {
		if r.Block.Code != 0 {
			code = r.Block.Code
		}
		if r.Block.Body != "" {
			body, contentType = r.Block.Body, contentTypeOf(r.Block.Body)
		}
	}
	headers := map[string]string{"Content-Type": contentType, "Cache-Control": "no-store"}
	if r.EventID != "" {
		headers[EventIDHeader] = r.EventID
	}
	object := map[string]any{"statusCode": code, "body": body, "isBase64Encoded": false}
	if r.Event.Trigger == event.ALB {
		object["statusDescription"] = statusLine(code)
	}
	if r.Event.Trigger == event.ALB && r.facts().MultiValueHeaders != nil {
		object["multiValueHeaders"] = lists(headers)
	} else {
		object["headers"] = headers
	}
	a := success(object)
	a.StatusCode = code
	return a
}

// text is the body of a response unless the rule has one.
func (r Refusal) text() string {
	body, _ := json.Marshal(map[string]string{"message": message, "requestId": r.RequestID}) // strings can be marshalled
	return string(body)
}

// denial is the policy of an authorizer that denies. With payload format 2.0 the API decides which of two forms it
// reads, and the event doesn't tell: the object has both.
func (r Refusal) denial() Answer {
	facts := r.facts()
	resource := facts.MethodARN
	if resource == "" {
		resource = facts.RouteARN
	}
	if resource == "" {
		resource = "*"
	}
	object := map[string]any{
		"principalId": "refused",
		"policyDocument": map[string]any{
			"Version":   "2012-10-17",
			"Statement": []any{map[string]string{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": resource}},
		},
	}
	if facts.Version == "2.0" {
		object["isAuthorized"] = false
	}
	return success(object)
}

// queue is the answer where nobody waits for one. The function saw no record, so none may be taken for handled that
// wasn't refused: batchItemFailures names them all, and drop is for batches that are refused as a whole.
func (r Refusal) queue() Answer {
	switch r.OnQueue {
	case policy.QueueFailures:
		if ids := r.items(); ids != nil {
			return success(map[string]any{"batchItemFailures": ids})
		}
	case policy.QueueDrop:
		if len(r.Event.Records) <= 1 {
			return success(nil)
		}
	case policy.QueueError:
	}
	return r.failure()
}

// items lists the batch's records in the form of batchItemFailures; nil where the trigger has no such form or a record
// no name, for then the whole batch would count as handled.
func (r Refusal) items() []map[string]string {
	if !r.Event.Trigger.ItemFailures() {
		return nil
	}
	var items []map[string]string
	for _, record := range r.Event.Records {
		if record.ID == "" {
			return nil
		}
		items = append(items, map[string]string{"itemIdentifier": record.ID})
	}
	return items
}

// failure is the error of an invocation.
func (r Refusal) failure() Answer {
	a := success(map[string]any{"errorMessage": message + " (request " + r.RequestID + ")", "errorType": ErrorType, "stackTrace": []string{}})
	a.Failed = true
	return a
}

// facts are members of the event that only an answer needs.
type facts struct {
	Version           string          `json:"version"`
	MethodARN         string          `json:"methodArn"`
	RouteARN          string          `json:"routeArn"`
	MultiValueHeaders json.RawMessage `json:"multiValueHeaders"`
}

// facts reads them. An event that can't be read has none.
func (r Refusal) facts() facts {
	var f facts
	if err := json.Unmarshal(r.Data, &f); err != nil {
		return facts{}
	}
	return f
}

func success(value any) Answer {
	body, _ := json.Marshal(value) // strings, numbers, lists and maps of these can be marshalled
	return Answer{Body: body}
}

// statusLine is a status in a load balancer's words.
func statusLine(code int) string {
	if code == forbidden {
		return "403 Forbidden"
	}
	return strconv.Itoa(code)
}

func lists(headers map[string]string) map[string][]string {
	all := make(map[string][]string, len(headers))
	for name, value := range headers {
		all[name] = []string{value}
	}
	return all
}

// contentTypeOf tells what an owner's own page is.
func contentTypeOf(body string) string {
	switch {
	case json.Valid([]byte(body)):
		return "application/json"
	case strings.HasPrefix(strings.TrimSpace(body), "<"):
		return "text/html; charset=utf-8"
	default:
		return "text/plain; charset=utf-8"
	}
}
