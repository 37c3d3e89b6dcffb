package cloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/autodefend/autodefend"
)

// UpdateFunction sends one UpdateFunctionConfiguration with the update's
// revision. What the update leaves nil isn't sent and stays as it is; an empty
// list or map empties it. Endpoints that know no revisions, as some simulators
// of AWS, get none sent, and nothing guards the call then.
//
// An error with [autodefend.CodeUnavailable] or [autodefend.CodeConflict], or
// of an ended context, doesn't tell whether the update was carried out: the
// SDK sends it again when a reply is lost, and AWS then finds the revision
// changed by the first one.
func (r *Region) UpdateFunction(ctx context.Context, u autodefend.Update) error {
	q := request{operation: "UpdateFunctionConfiguration", resource: u.Function.Name, action: "lambda:UpdateFunctionConfiguration"}
	if u.Variables != nil {
		q.secrets = *u.Variables
	}
	if _, err := r.lambda.UpdateFunctionConfiguration(ctx, updateInput(u)); err != nil {
		return q.fail(ctx, err)
	}
	return nil
}

// updateInput renders an update for the SDK, which tells nil from empty.
func updateInput(u autodefend.Update) *lambda.UpdateFunctionConfigurationInput {
	in := &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(u.Function.Name),
		RevisionId:   optional(u.RevisionID),
		Handler:      u.Handler,
	}
	if u.Layers != nil {
		in.Layers = append([]string{}, *u.Layers...)
	}
	if u.Variables != nil {
		variables := map[string]string(*u.Variables)
		if variables == nil {
			variables = map[string]string{}
		}
		in.Environment = &types.Environment{Variables: variables}
	}
	return in
}
