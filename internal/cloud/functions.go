package cloud

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/autodefend/autodefend"
)

// functionsPage is the most functions AWS returns on a page.
const functionsPage = 50

// ListFunctions returns one page of at most 50 functions without details, and
// the marker of the next page, "" on the last.
func (r *Region) ListFunctions(ctx context.Context, marker string) ([]autodefend.Function, string, error) {
	return r.listFunctions(ctx, marker, "")
}

// ListVersions is ListFunctions with all published versions. The functions'
// ARNs are qualified: :$LATEST, :1, :2.
func (r *Region) ListVersions(ctx context.Context, marker string) ([]autodefend.Function, string, error) {
	return r.listFunctions(ctx, marker, types.FunctionVersionAll)
}

func (r *Region) listFunctions(ctx context.Context, marker string, versions types.FunctionVersion) ([]autodefend.Function, string, error) {
	q := request{operation: "ListFunctions", action: "lambda:ListFunctions"}
	out, err := r.lambda.ListFunctions(ctx, &lambda.ListFunctionsInput{
		FunctionVersion: versions, Marker: optional(marker), MaxItems: aws.Int32(functionsPage),
	})
	if err != nil {
		return nil, "", q.fail(ctx, err)
	}
	functions := make([]autodefend.Function, len(out.Functions))
	for i := range out.Functions {
		if functions[i], err = functionOf(&out.Functions[i]); err != nil {
			return nil, "", err
		}
	}
	return functions, aws.ToString(out.NextMarker), nil
}

// GetFunction returns a function with its details, and with its tags unless
// the caller may not read them.
func (r *Region) GetFunction(ctx context.Context, name string) (autodefend.Function, error) {
	q := request{operation: "GetFunction", resource: name, action: "lambda:GetFunction"}
	out, err := r.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(name)})
	if err != nil {
		return autodefend.Function{}, q.fail(ctx, err)
	}
	if out.Configuration == nil {
		return autodefend.Function{}, autodefend.Errorf(autodefend.CodeUnavailable, "%s: the answer has no configuration", q.what())
	}
	c := out.Configuration
	f, err := functionOf(c)
	if err != nil {
		return autodefend.Function{}, err
	}
	f.Detailed = true
	f.State = autodefend.State{Name: string(c.State), Code: string(c.StateReasonCode), Reason: aws.ToString(c.StateReason)}
	f.LastUpdate = autodefend.State{
		Name: string(c.LastUpdateStatus), Code: string(c.LastUpdateStatusReasonCode), Reason: aws.ToString(c.LastUpdateStatusReason),
	}
	if out.Code != nil {
		f.CodeURL = aws.ToString(out.Code.Location)
	}
	if out.TagsError == nil {
		f.Tags, f.TagsKnown = out.Tags, true
	}
	return f, nil
}

// functionOf maps AWS's configuration to a function without details.
func functionOf(c *types.FunctionConfiguration) (autodefend.Function, error) {
	arn, err := autodefend.ParseFunctionARN(aws.ToString(c.FunctionArn))
	if err != nil {
		return autodefend.Function{}, err
	}
	f := autodefend.Function{
		ARN:              arn,
		Runtime:          string(c.Runtime),
		Handler:          aws.ToString(c.Handler),
		PackageType:      autodefend.PackageZip,
		Architecture:     autodefend.ArchX86,
		Role:             aws.ToString(c.Role),
		MemoryMB:         int(aws.ToInt32(c.MemorySize)),
		TimeoutSec:       int(aws.ToInt32(c.Timeout)),
		CodeSize:         c.CodeSize,
		Layers:           layersOf(c.Layers),
		Description:      aws.ToString(c.Description),
		LastModified:     modified(c.LastModified),
		RevisionID:       aws.ToString(c.RevisionId),
		SnapStart:        c.SnapStart != nil && c.SnapStart.ApplyOn == types.SnapStartApplyOnPublishedVersions,
		EdgeMaster:       aws.ToString(c.MasterArn),
		ManagedInstances: c.CapacityProviderConfig != nil,
		Durable:          c.DurableConfig != nil,
	}
	if c.PackageType != "" {
		f.PackageType = string(c.PackageType)
	}
	if len(c.Architectures) > 0 {
		f.Architecture = string(c.Architectures[0])
	}
	if c.Environment != nil {
		f.Environment.Variables = c.Environment.Variables
		if c.Environment.Error != nil {
			f.Environment.Error = environmentError(c.Environment.Error)
		}
	}
	return f, nil
}

// modified reads the time of a function's last change, as AWS writes it: 2026-01-05T08:00:00.000+0000.
func modified(text *string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05.999-0700", aws.ToString(text))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// environmentError returns the code of an environment that AWS couldn't
// decrypt. It's never empty, since an empty one would mean that all is well.
func environmentError(e *types.EnvironmentError) string {
	if code := aws.ToString(e.ErrorCode); code != "" {
		return code
	}
	return "UnknownError"
}

func layersOf(layers []types.Layer) []autodefend.AttachedLayer {
	if len(layers) == 0 {
		return nil
	}
	attached := make([]autodefend.AttachedLayer, len(layers))
	for i := range layers {
		attached[i] = autodefend.AttachedLayer{ARN: aws.ToString(layers[i].Arn), CodeSize: layers[i].CodeSize}
	}
	return attached
}

// Versions returns how many versions of a function are published and its
// aliases. It takes two calls of the shared quota, more for more than 50.
func (r *Region) Versions(ctx context.Context, name string) (autodefend.Versions, error) {
	var v autodefend.Versions
	q := request{operation: "ListVersionsByFunction", resource: name, action: "lambda:ListVersionsByFunction"}
	versions := lambda.NewListVersionsByFunctionPaginator(r.lambda, &lambda.ListVersionsByFunctionInput{
		FunctionName: aws.String(name), MaxItems: aws.Int32(functionsPage),
	})
	for versions.HasMorePages() {
		page, err := versions.NextPage(ctx)
		if err != nil {
			return autodefend.Versions{}, q.fail(ctx, err)
		}
		for i := range page.Versions {
			if aws.ToString(page.Versions[i].Version) != "$LATEST" {
				v.Published++
			}
		}
	}
	q = request{operation: "ListAliases", resource: name, action: "lambda:ListAliases"}
	aliases := lambda.NewListAliasesPaginator(r.lambda, &lambda.ListAliasesInput{
		FunctionName: aws.String(name), MaxItems: aws.Int32(functionsPage),
	})
	for aliases.HasMorePages() {
		page, err := aliases.NextPage(ctx)
		if err != nil {
			return autodefend.Versions{}, q.fail(ctx, err)
		}
		for i := range page.Aliases {
			v.Aliases = append(v.Aliases, aws.ToString(page.Aliases[i].Name))
		}
	}
	slices.Sort(v.Aliases)
	return v, nil
}

// optional returns nil for "", which isn't sent.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
