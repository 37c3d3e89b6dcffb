package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/autodefend/autodefend"
)

// answer is what is known of AWS's answer to a call that failed. The zero
// value means that there was none.
type answer struct {
	code      string
	message   string
	status    int
	requestID string
}

// answerOf digs AWS's answer out of the SDK's error.
func answerOf(err error) answer {
	var a answer
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		a.code, a.message = api.ErrorCode(), api.ErrorMessage()
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		a.requestID = response.ServiceRequestID()
		if response.Response != nil && response.Response.Response != nil {
			a.status = response.HTTPStatusCode()
		}
	}
	return a
}

// reply is the cause of an error, for the log: where to find the call in AWS's
// own logs. AWS's message isn't in it, since it may quote secrets.
type reply struct {
	status    int
	requestID string
}

// Error renders the status and the request id.
func (r *reply) Error() string {
	if r.requestID == "" {
		return fmt.Sprintf("HTTP %d", r.status)
	}
	return fmt.Sprintf("HTTP %d, request id %s", r.status, r.requestID)
}

// RequestID returns the id AWS gave to the call.
func (r *reply) RequestID() string { return r.requestID }

// RequestID returns the id AWS gave to the call that err came from, or "".
func RequestID(err error) string {
	if r, ok := errors.AsType[*reply](err); ok {
		return r.requestID
	}
	return ""
}

// request names a call in errors.
type request struct {
	// operation is AWS's name of the call.
	operation string
	// resource is the function, layer or role it was about; may be empty.
	resource string
	// action is the IAM action it needs.
	action string
	// secrets are the variables that were sent.
	secrets autodefend.Variables
}

// fail turns the SDK's error into the platform's. Nothing of the SDK's error
// remains reachable from it.
func (q request) fail(ctx context.Context, err error) error {
	a := answerOf(err)
	if a.code == "" && a.status < http.StatusBadRequest {
		return q.unanswered(ctx, err)
	}
	return q.refused(a)
}

// refused words AWS's answer.
func (q request) refused(a answer) error {
	if a.code == "" {
		a.code = "HTTP " + strconv.Itoa(a.status)
	}
	message := redact(a.message, q.secrets)
	e := &autodefend.Error{
		Code:    codeOf(a),
		Message: strings.TrimSuffix(q.what()+": "+a.code+": "+message, ": "),
		Err:     &reply{status: a.status, requestID: a.requestID},
	}
	e.Hint = hintOf(e.Code, a, q.action, message)
	return e
}

// what names the call.
func (q request) what() string { return strings.TrimSpace(q.operation + " " + q.resource) }

// unanswered words a call that AWS didn't answer: it was given up, it had no
// credentials, or the connection failed.
func (q request) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", q.what(), ctx.Err())
	}
	if refused, ok := errors.AsType[*aws.RequestCanceledError](err); ok {
		// The pacer sees that the context ends before the call's turn comes.
		return autodefend.Errorf(autodefend.CodeThrottled, "%s: not sent: %v", q.what(), refused.Err).
			WithHint("raise --rate, or give the call more time")
	}
	if e := credentialsError(q.what(), err); e != nil {
		return e
	}
	return &autodefend.Error{
		Code:    autodefend.CodeUnavailable,
		Message: q.what() + ": " + redact(networkText(err), q.secrets),
		Hint:    "check the network, the proxy and AWS_ENDPOINT_URL",
	}
}

// networkText words why there was no answer, and from where.
func networkText(err error) string {
	failed, ok := errors.AsType[*url.Error](err)
	if !ok {
		return clip(innermost(err).Error(), maxMessage)
	}
	host := failed.URL
	if u, parseErr := url.Parse(failed.URL); parseErr == nil {
		host = u.Scheme + "://" + u.Host
	}
	return "no answer from " + host + ": " + failed.Err.Error()
}

// innermost returns the end of an error's chain.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// codeOf classifies an answer. The code goes before the status, since services
// that speak JSON-RPC answer 400 to everything.
func codeOf(a answer) autodefend.Code {
	switch {
	case a.throttled():
		return autodefend.CodeThrottled
	case a.denied() || a.unusable():
		return autodefend.CodeDenied
	}
	switch a.code {
	case "PreconditionFailedException", "ResourceConflictException":
		return autodefend.CodeConflict
	case "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException":
		return autodefend.CodeNotFound
	case "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException":
		return autodefend.CodeInvalid
	}
	switch {
	case a.status == http.StatusConflict || a.status == http.StatusPreconditionFailed:
		return autodefend.CodeConflict
	case a.status == http.StatusNotFound:
		return autodefend.CodeNotFound
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return autodefend.CodeDenied
	case a.status >= http.StatusBadRequest && a.status < http.StatusInternalServerError:
		return autodefend.CodeInvalid
	default:
		return autodefend.CodeUnavailable
	}
}

// denied reports whether AWS knows the caller and refuses the action.
func (a answer) denied() bool {
	switch a.code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMSAccessDeniedException", "AuthorizationError":
		return true
	default:
		return false
	}
}

// unusable reports whether AWS refuses the credentials themselves.
func (a answer) unusable() bool {
	return a.expired() || a.unknownKey()
}

// expired reports whether the credentials were good once.
func (a answer) expired() bool {
	switch a.code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired",
		"InvalidGrantException", "UnauthorizedException": // the last two are SSO's
		return true
	default:
		return false
	}
}

// unknownKey reports whether AWS doesn't know the credentials.
func (a answer) unknownKey() bool {
	switch a.code {
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidSignatureException",
		"SignatureDoesNotMatch", "MissingAuthenticationTokenException", "MissingAuthenticationToken",
		"IncompleteSignature", "AuthFailure", "OptInRequired":
		return true
	default:
		return false
	}
}
