package cloud

import (
	"context"
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Invocation is the outcome of one synchronous invocation.
type Invocation struct {
	// Payload is what the function answered, or AWS's description of its error.
	Payload []byte
	// FunctionError is "" for a success, and else Handled or Unhandled.
	FunctionError string
	// Version is what was run: $LATEST or a number.
	Version string
	// Log is the end of the invocation's log, at most 4 KB.
	Log []byte
}

// Invoke runs a function with a JSON payload and waits for its answer.
func (r *Region) Invoke(ctx context.Context, name string, payload []byte) (Invocation, error) {
	q := request{operation: "Invoke", resource: name, action: "lambda:InvokeFunction"}
	out, err := r.lambda.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(name), Payload: payload, LogType: types.LogTypeTail,
	}, func(o *lambda.Options) {
		o.RetryMaxAttempts = 1 // the function may have run although the answer was lost
	})
	if err != nil {
		return Invocation{}, q.fail(ctx, err)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		log = nil // without it the answer still counts
	}
	return Invocation{
		Payload: out.Payload, FunctionError: aws.ToString(out.FunctionError), Version: aws.ToString(out.ExecutedVersion), Log: log,
	}, nil
}
