package cloud

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/autodefend/autodefend"
)

// maxLayerRuntimes is the most runtimes a layer version may declare.
const maxLayerRuntimes = 15

// LayerVersion reads one layer version. One that was deleted, or that the
// caller may not read, is a status and no error. AWS's own layers, whose ARNs
// name no account, are readable to everybody.
func (r *Region) LayerVersion(ctx context.Context, arn string) (autodefend.LayerVersion, error) {
	parsed, err := autodefend.ParseLayerARN(arn)
	if err != nil {
		return autodefend.LayerVersion{}, err
	}
	if parsed.Account == "" {
		return autodefend.LayerVersion{ARN: arn, Status: autodefend.LayerReadable}, nil
	}
	q := request{operation: "GetLayerVersionByArn", resource: arn, action: "lambda:GetLayerVersion"}
	out, err := r.lambda.GetLayerVersionByArn(ctx, &lambda.GetLayerVersionByArnInput{Arn: aws.String(arn)})
	if err != nil {
		failure := q.fail(ctx, err)
		switch {
		case autodefend.ErrorCode(failure) == autodefend.CodeNotFound:
			return autodefend.LayerVersion{ARN: arn, Status: autodefend.LayerGone}, nil
		case answerOf(err).denied():
			return autodefend.LayerVersion{ARN: arn, Status: autodefend.LayerDenied}, nil
		}
		return autodefend.LayerVersion{}, failure
	}
	v := autodefend.LayerVersion{
		ARN: arn, Status: autodefend.LayerReadable, Description: aws.ToString(out.Description),
		Architectures: texts(out.CompatibleArchitectures), Runtimes: texts(out.CompatibleRuntimes),
	}
	addContent(&v, out.Content)
	return v, nil
}

// LayerVersions lists the versions of a layer of this account, newest first,
// without their content. A layer that doesn't exist has none.
func (r *Region) LayerVersions(ctx context.Context, name string) ([]autodefend.LayerVersion, error) {
	q := request{operation: "ListLayerVersions", resource: name, action: "lambda:ListLayerVersions"}
	var items []types.LayerVersionsListItem
	pages := lambda.NewListLayerVersionsPaginator(r.lambda, &lambda.ListLayerVersionsInput{
		LayerName: aws.String(name), MaxItems: aws.Int32(functionsPage),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			failure := q.fail(ctx, err)
			if autodefend.ErrorCode(failure) == autodefend.CodeNotFound {
				return nil, nil
			}
			return nil, failure
		}
		items = append(items, page.LayerVersions...)
	}
	slices.SortFunc(items, func(a, b types.LayerVersionsListItem) int { return cmp.Compare(b.Version, a.Version) })
	versions := make([]autodefend.LayerVersion, len(items))
	for i := range items {
		versions[i] = autodefend.LayerVersion{
			ARN: aws.ToString(items[i].LayerVersionArn), Status: autodefend.LayerReadable,
			Description:   aws.ToString(items[i].Description),
			Architectures: texts(items[i].CompatibleArchitectures), Runtimes: texts(items[i].CompatibleRuntimes),
		}
	}
	return versions, nil
}

// PublishLayer publishes a new version. When the reply is lost and the call is
// sent again, two equal versions may come to be; the newer one is returned.
func (r *Region) PublishLayer(ctx context.Context, layer autodefend.Layer) (autodefend.LayerVersion, error) {
	q := request{operation: "PublishLayerVersion", resource: layer.Name, action: "lambda:PublishLayerVersion"}
	in := &lambda.PublishLayerVersionInput{
		LayerName:          aws.String(layer.Name),
		Description:        optional(layer.Description),
		LicenseInfo:        optional(layer.License),
		CompatibleRuntimes: declaredRuntimes(layer.Runtimes),
		Content:            &types.LayerVersionContentInput{ZipFile: layer.Zip},
	}
	if layer.Architecture != "" {
		in.CompatibleArchitectures = []types.Architecture{types.Architecture(layer.Architecture)}
	}
	out, err := r.lambda.PublishLayerVersion(ctx, in)
	if err != nil {
		return autodefend.LayerVersion{}, q.fail(ctx, err)
	}
	v := autodefend.LayerVersion{
		ARN: aws.ToString(out.LayerVersionArn), Status: autodefend.LayerReadable, Description: aws.ToString(out.Description),
		Architectures: texts(out.CompatibleArchitectures), Runtimes: texts(out.CompatibleRuntimes),
	}
	addContent(&v, out.Content)
	return v, nil
}

// declaredRuntimes returns what a layer version may declare of the runtimes
// it's for. AWS refuses names it doesn't know and more than 15 of them; the
// declaration only filters AWS's own lists, so that none is better than a
// part.
func declaredRuntimes(names []string) []types.Runtime {
	var known []types.Runtime
	for _, name := range names {
		if slices.Contains(types.Runtime("").Values(), types.Runtime(name)) {
			known = append(known, types.Runtime(name))
		}
	}
	if len(known) > maxLayerRuntimes {
		return nil
	}
	return known
}

// DeleteLayerVersion deletes one version. Functions that hold it keep it. One
// that doesn't exist is no error.
func (r *Region) DeleteLayerVersion(ctx context.Context, arn string) error {
	parsed, err := autodefend.ParseLayerARN(arn)
	if err != nil {
		return err
	}
	if parsed.Account != r.Account || parsed.Region != r.Name {
		return autodefend.Errorf(autodefend.CodeInvalid, "DeleteLayerVersion %s: the layer isn't of account %s in %s", arn, r.Account, r.Name)
	}
	q := request{operation: "DeleteLayerVersion", resource: arn, action: "lambda:DeleteLayerVersion"}
	_, err = r.lambda.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{
		LayerName: aws.String(parsed.Name), VersionNumber: aws.Int64(parsed.Version),
	})
	if err != nil {
		failure := q.fail(ctx, err)
		if autodefend.ErrorCode(failure) == autodefend.CodeNotFound {
			return nil
		}
		return failure
	}
	return nil
}

// errNoSizer is the cause when nobody can read zips.
var errNoSizer = errors.New("no reader of zip directories is configured")

// UnzippedSize returns the size in bytes of the zip at a presigned address
// after extraction.
func (r *Region) UnzippedSize(ctx context.Context, url string) (int64, error) {
	if r.unzippedSize == nil {
		return 0, &autodefend.Error{Code: autodefend.CodeInternal, Message: "read unzipped size", Err: errNoSizer}
	}
	return r.unzippedSize(ctx, url)
}

// addContent notes where a version's zip is and how large.
func addContent(v *autodefend.LayerVersion, content *types.LayerVersionContentOutput) {
	if content == nil {
		return
	}
	v.CodeSize = content.CodeSize
	v.CodeSHA256 = aws.ToString(content.CodeSha256)
	v.ContentURL = aws.ToString(content.Location)
}

// texts turns the SDK's enumerations into text.
func texts[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}
