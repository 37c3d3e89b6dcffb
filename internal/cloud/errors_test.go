package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/autodefend/autodefend"
)

func TestErrorsOfAnswers(t *testing.T) {
	tests := []struct {
		status        int
		code, message string
		want          autodefend.Code
		hint          string
	}{
		{412, "PreconditionFailedException", "The Revision Id provided does not match", autodefend.CodeConflict, ""},
		{409, "ResourceConflictException", "An update is in progress", autodefend.CodeConflict, ""},
		{429, "TooManyRequestsException", "Rate exceeded", autodefend.CodeThrottled, "--rate"},
		{400, "ThrottlingException", "Rate exceeded", autodefend.CodeThrottled, "--rate"},
		{404, "ResourceNotFoundException", "Function not found", autodefend.CodeNotFound, ""},
		{400, "InvalidParameterValueException", "bad", autodefend.CodeInvalid, ""},
		{400, "ValidationException", "bad", autodefend.CodeInvalid, ""},
		{400, "CodeVerificationFailedException", "bad", autodefend.CodeInvalid, ""},
		{413, "RequestEntityTooLargeException", "too large", autodefend.CodeInvalid, ""},
		{500, "ServiceException", "oops", autodefend.CodeUnavailable, "Health Dashboard"},
		{503, "", "", autodefend.CodeUnavailable, "Health Dashboard"},
		{502, "KMSAccessDeniedException", "Lambda was unable to decrypt", autodefend.CodeDenied, "kms:Decrypt"},
		{502, "KMSDisabledException", "key is disabled", autodefend.CodeInvalid, ""},
		{403, "ExpiredTokenException", "expired", autodefend.CodeDenied, "aws sso login"},
		{400, "ExpiredTokenException", "expired", autodefend.CodeDenied, "aws sso login"},
		{403, "UnrecognizedClientException", "invalid", autodefend.CodeDenied, "check the credentials"},
		{403, "InvalidClientTokenId", "invalid", autodefend.CodeDenied, "check the credentials"},
		{403, "InvalidSignatureException", "invalid", autodefend.CodeDenied, "check the credentials"},
		{403, "AccessDeniedException", "", autodefend.CodeDenied, `"Action":["lambda:GetFunction"]`},
		{400, "AccessDeniedException", "no", autodefend.CodeDenied, `"Action":["lambda:GetFunction"]`},
		{
			403, "AccessDeniedException",
			"User: arn:aws:iam::111111111111:user/x is not authorized to perform: lambda:ListTags on resource: arn:aws:lambda because no identity-based policy allows the lambda:ListTags action",
			autodefend.CodeDenied, `{"Effect":"Allow","Action":["lambda:ListTags"],"Resource":"*"}`,
		},
		{
			403, "AccessDeniedException",
			"User: u is not authorized to perform: lambda:GetFunction on resource: r with an explicit deny in a service control policy",
			autodefend.CodeDenied, "the AWS organisation forbids lambda:GetFunction",
		},
		{
			403, "AccessDeniedException",
			"User: u is not authorized to perform: lambda:GetFunction on resource: r with an explicit deny in an identity-based policy",
			autodefend.CodeDenied, "explicitly; an allowing statement doesn't outweigh it: identity-based policy",
		},
		{403, "", "", autodefend.CodeDenied, ""},
		{418, "", "", autodefend.CodeInvalid, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, " ", tt.code), func(t *testing.T) {
			header := http.Header{"X-Amzn-Requestid": {"req-1"}}
			if tt.code != "" {
				header.Set("X-Amzn-Errortype", tt.code)
			}
			r := openThen(t, Config{MaxAttempts: 1}, answering(tt.status, header, fmt.Sprintf(`{"message":%q}`, tt.message)))
			_, err := r.GetFunction(t.Context(), "fn")
			e, ok := errors.AsType[*autodefend.Error](err)
			if !ok || e.Code != tt.want {
				t.Fatalf("code = %q, want %q: %v", autodefend.ErrorCode(err), tt.want, err)
			}
			if !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("hint = %q, want %q in it", e.Hint, tt.hint)
			}
			wantMessage := "GetFunction fn: "
			if tt.code != "" {
				wantMessage += tt.code
			}
			if !strings.HasPrefix(e.Message, wantMessage) || !strings.Contains(e.Message, tt.message) {
				t.Errorf("message = %q, want prefix %q and %q", e.Message, wantMessage, tt.message)
			}
			if got := RequestID(fmt.Errorf("wrapped: %w", err)); got != "req-1" {
				t.Errorf("RequestID = %q", got)
			}
		})
	}
}

func TestErrorsWithoutAnswer(t *testing.T) {
	tests := []struct {
		name, want string
		err        error
	}{
		{"reset", "connection reset", syscall.ECONNRESET},
		{"cut off", "unexpected EOF", io.ErrUnexpectedEOF},
		{"deadline of the client", "deadline exceeded", context.DeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				r := openThen(t, Config{MaxAttempts: 3}, doFunc(func(*http.Request) (*http.Response, error) { calls++; return nil, tt.err }))
				_, err := r.GetFunction(t.Context(), "fn")
				if autodefend.ErrorCode(err) != autodefend.CodeUnavailable || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("err = %v", err)
				}
				if !strings.HasPrefix(err.Error(), "GetFunction fn: ") || autodefend.ErrorHint(err) == "" {
					t.Errorf("err = %q, hint = %q", err, autodefend.ErrorHint(err))
				}
				if calls != 3 {
					t.Errorf("%d attempts, want 3", calls)
				}
			})
		})
	}
}

func TestCancelledCallWrapsTheContextsError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := openThen(t, Config{}, doFunc(func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, ctx.Err()
	}))
	_, err := r.GetFunction(ctx, "fn")
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "GetFunction fn: ") {
		t.Errorf("err = %v, want one that wraps context.Canceled", err)
	}
}

func TestKMSAnswersAreNotRetried(t *testing.T) {
	calls := 0
	r := openThen(t, Config{}, doFunc(func(q *http.Request) (*http.Response, error) {
		calls++
		return response(q, 502, http.Header{"X-Amzn-Errortype": {"KMSNotFoundException"}}, `{}`), nil
	}))
	if _, err := r.GetFunction(t.Context(), "fn"); autodefend.ErrorCode(err) != autodefend.CodeInvalid || calls != 1 {
		t.Errorf("%d attempts, %v; want one", calls, err)
	}
}
