package lambdasim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// This file turns a request into an account, a region, a service and an
// operation, and errors into answers.
//
// To add a service, write a file with a function that returns its service
// value and name that function in services. A service is named by the signing
// name in the credential scope. Its operations are found in one of two ways:
//
//   - REST: Method and Path are set; Path is a pattern such as
//     "/2015-03-31/functions/{FunctionName}/policy". A label never spans a
//     slash; the decoded labels are in call.params.
//   - Query, JSON-RPC and RPC v2: Path is empty and the operation is found by
//     Name, read from the form's Action, from X-Amz-Target or from the path
//     /service/<id>/operation/<name>. The parsed form is in call.form.
//
// A handler runs with World.mu held, must not block, and returns its answer or
// an error; an *apiError is rendered by the service's own protocol.

// service is one AWS service of the world.
type service struct {
	// name is the signing name: lambda, sts, tagging, ec2, iam, account, monitoring.
	name string
	// global services answer in every region, whatever the account enables.
	global bool
	// operations is the service's table.
	operations []operation
	// renderError writes an error in the service's protocol; nil is REST-JSON.
	renderError func(e *apiError, requestID string) reply
}

// operation is one row of a service's table.
type operation struct {
	name         string
	method, path string
	mutating     bool
	quota        quotaClass
	// action is the IAM action that Deny matches; empty means service:name.
	action string
	// unsigned operations need no credentials.
	unsigned bool
	// resource names what a call addresses, for faults and errors; nil is "".
	resource func(*call) string
	handle   handler
}

// handler answers a call with World.mu held.
type handler func(*World, *call) (reply, error)

// services returns every service of the world.
func services() []service {
	return []service{
		lambdaService(),
		stsService(),
		taggingService(),
		ec2Service(),
		iamService(),
		accountService(),
		cloudwatchService(),
	}
}

// call is one request on its way through the world.
type call struct {
	*Call
	op      *operation
	service *service
	account *account
	// region is nil when the account doesn't enable it (global services).
	region *region
	// principal is the ARN of the caller.
	principal string
	accessKey string
	// params are the decoded labels of the path.
	params map[string]string
	query  url.Values
	// form is the parsed body of form-encoded requests.
	form   url.Values
	header http.Header
	body   []byte
	now    time.Time
	// base is the scheme and host that presigned locations start with.
	base      string
	requestID string
	// function is the decoded input of a call that creates or updates one.
	function *functionInput
	// updateFails makes an update end Failed (an injected fault).
	updateFails bool
}

// reply is an answer ready to be sent.
type reply struct {
	status int
	header http.Header
	body   []byte
	// after, when set, makes the answer in place of the others, without
	// World.mu held: it may take its time.
	after func(context.Context) (reply, error)
}

// jsonReply returns a JSON answer. HTML is not escaped, as in AWS's answers.
func jsonReply(status int, v any) (reply, error) {
	body, err := encodeJSON(v)
	if err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	return reply{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}, nil
}

// noContent returns the answer of calls that have nothing to say.
func noContent() reply {
	return reply{status: http.StatusNoContent, header: http.Header{}}
}

// apiError is an error as AWS reports it.
type apiError struct {
	status  int
	code    string
	message string
	// sender is "User" or "Server", empty to leave it out of the body.
	sender string
	// reason is the Reason member of throttling errors.
	reason string
	// upperMessage spells the message's key with a capital, as AWS does in some.
	upperMessage bool
	// bare leaves the message as the only member of the body.
	bare bool
}

// Error returns the code and the message.
func (e *apiError) Error() string { return e.code + ": " + e.message }

// newError returns a client error with the status, code and formatted message.
func newError(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...), sender: "User"}
}

// asAPIError returns the error to report for err; anything but an *apiError is
// a fault of the simulator and answers 500.
func asAPIError(err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	return &apiError{status: http.StatusInternalServerError, code: "ServiceException", message: err.Error(), sender: "Server"}
}

// renderRESTJSON writes an error the way Lambda and other REST-JSON services do.
func renderRESTJSON(e *apiError, _ string) reply {
	body := map[string]string{}
	key := "message"
	if e.upperMessage {
		key = "Message"
	}
	if e.message != "" {
		body[key] = e.message
	}
	if e.sender != "" && !e.bare {
		body["Type"] = e.sender
	}
	if e.reason != "" {
		body["Reason"] = e.reason
	}
	text, err := encodeJSON(body)
	if err != nil {
		text = []byte(`{}`)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set("X-Amzn-Errortype", e.code)
	return reply{status: e.status, header: h, body: text}
}

// encodeJSON renders v compactly without escaping HTML.
func encodeJSON(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// lookup finds the operation a request means and its path labels.
func (s *service) lookup(r *http.Request, form url.Values) (*operation, map[string]string) {
	name, query := operationName(r, form), r.URL.Query()
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i := range s.operations {
		op := &s.operations[i]
		if op.path == "" {
			if op.name == name {
				return op, map[string]string{}
			}
			continue
		}
		if op.method != r.Method {
			continue
		}
		if params, ok := matchPath(op.path, segments, query); ok {
			return op, params
		}
	}
	return nil, nil
}

// operationName reads the operation of RPC protocols from a request.
func operationName(r *http.Request, form url.Values) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndexByte(target, '.')+1:]
	}
	if _, name, ok := strings.Cut(r.URL.Path, "/operation/"); ok && strings.HasPrefix(r.URL.Path, "/service/") {
		return name
	}
	return form.Get("Action")
}

// matchPath matches escaped path segments against a pattern; a pattern may end
// in "?key=value" or "?key" to require a query parameter.
func matchPath(pattern string, segments []string, query url.Values) (map[string]string, bool) {
	pattern, required, _ := strings.Cut(pattern, "?")
	if required != "" {
		key, value, hasValue := strings.Cut(required, "=")
		if !query.Has(key) || hasValue && query.Get(key) != value {
			return nil, false
		}
	}
	want := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	if n := len(segments); n > 0 && segments[n-1] == "" && want[len(want)-1] != "" {
		segments = segments[:n-1]
	}
	if len(want) != len(segments) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != segments[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.Trim(w, "{}")] = value
	}
	return params, true
}
