package cloud

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// Class is a class of API calls that share one quota of AWS's, per account and
// region.
type Class string

// The classes.
const (
	// ClassShared is all of Lambda's control plane but GetFunction: 15 calls a
	// second, shared with the account's own deployments.
	ClassShared Class = "shared"
	// ClassGetFunction is GetFunction: 100 calls a second.
	ClassGetFunction Class = "get-function"
	// ClassTagging is the Resource Groups Tagging API.
	ClassTagging Class = "tagging"
	// ClassIAM is IAM.
	ClassIAM Class = "iam"
	// ClassMetrics is CloudWatch.
	ClassMetrics Class = "metrics"
	// ClassAccount is Account Management.
	ClassAccount Class = "account"
	// ClassIdentity is STS.
	ClassIdentity Class = "identity"
)

// Pacer keeps calls within AWS's quotas. The class is one of the [Class]
// values. Both methods are called from several goroutines.
type Pacer interface {
	// Wait blocks until a call of the class may be sent, or ctx ends. Each
	// attempt of a call waits, retries included.
	Wait(ctx context.Context, account, region, class string) error
	// Answered tells how an attempt ended. Every Wait that returned nil is
	// followed by one Answered.
	Answered(account, region, class string, throttled bool)
}

// classOf returns the quota that an operation draws from.
func classOf(service, operation string) Class {
	switch service {
	case "Lambda":
		if operation == "GetFunction" {
			return ClassGetFunction
		}
		return ClassShared
	case "Resource Groups Tagging API":
		return ClassTagging
	case "IAM":
		return ClassIAM
	case "CloudWatch":
		return ClassMetrics
	case "Account":
		return ClassAccount
	case "STS":
		return ClassIdentity
	default:
		return Class(service)
	}
}

// attempts is a step of the SDK's stack that sees every attempt of a call: it
// waits for the pacer before, and tells and logs the outcome after it.
type attempts struct {
	account, region string
	pacer           Pacer
	logger          *slog.Logger
}

// addTo inserts the step inside the retry loop and before the request is
// signed, so that a signature never ages while it waits.
func (a *attempts) addTo(stack *middleware.Stack) error {
	return stack.Finalize.Insert(a, (*retry.Attempt)(nil).ID(), middleware.After)
}

// ID names the step.
func (a *attempts) ID() string { return "AutodefendAttempts" }

// HandleFinalize runs one attempt.
func (a *attempts) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	operation := awsmiddleware.GetOperationName(ctx)
	class := string(classOf(awsmiddleware.GetServiceID(ctx), operation))
	if a.pacer != nil {
		if err := a.pacer.Wait(ctx, a.account, a.region, class); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, &aws.RequestCanceledError{Err: err}
		}
	}
	out, metadata, err := next.HandleFinalize(ctx, in)
	answer := answerOf(err)
	if a.pacer != nil {
		a.pacer.Answered(a.account, a.region, class, answer.throttled())
	}
	if a.logger.Enabled(ctx, slog.LevelDebug) {
		requestID, _ := awsmiddleware.GetRequestIDMetadata(metadata)
		a.logger.LogAttrs(ctx, slog.LevelDebug, "attempt", slog.String("operation", operation),
			slog.String("account", a.account), slog.String("region", a.region),
			slog.String("request_id", requestID), slog.String("outcome", answer.outcome(err)))
	}
	return out, metadata, err
}

// throttled reports whether AWS refused the attempt for its rate.
func (a answer) throttled() bool {
	_, known := retry.DefaultThrottleErrorCodes[a.code]
	return known || a.status == http.StatusTooManyRequests
}

// outcome words the end of an attempt for the log.
func (a answer) outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case a.code != "":
		return a.code
	default:
		return "no answer"
	}
}
