package cloud

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/autodefend/autodefend"
)

const (
	// taggedPage is the most resources on a page of GetResources.
	taggedPage = 100
	// maxTagged is the most resources one call tags.
	maxTagged = 20
)

// FunctionTags returns the tags of all functions that have or had any, by the
// functions' unqualified ARNs.
func (r *Region) FunctionTags(ctx context.Context) (map[string]map[string]string, error) {
	q := request{operation: "GetResources", action: "tag:GetResources"}
	tags := map[string]map[string]string{}
	pages := tagging.NewGetResourcesPaginator(r.tagging, &tagging.GetResourcesInput{
		ResourceTypeFilters: []string{"lambda:function"}, ResourcesPerPage: aws.Int32(taggedPage),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, q.fail(ctx, err)
		}
		for _, resource := range page.ResourceTagMappingList {
			arn := aws.ToString(resource.ResourceARN)
			tags[arn] = make(map[string]string, len(resource.Tags))
			for _, tag := range resource.Tags {
				tags[arn][aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
	}
	return tags, nil
}

// TagFunctions sets one tag of up to 20 functions. The map holds the functions
// that failed; with an error nothing is known of any.
func (r *Region) TagFunctions(ctx context.Context, arns []autodefend.FunctionARN, tag autodefend.Tag) (map[autodefend.FunctionARN]error, error) {
	q := request{operation: "TagResources", action: "tag:TagResources"}
	if err := q.checkBatch(arns); err != nil || len(arns) == 0 {
		return nil, err
	}
	out, err := r.tagging.TagResources(ctx, &tagging.TagResourcesInput{
		ResourceARNList: unqualified(arns), Tags: map[string]string{tag.Key: tag.Value},
	})
	if err != nil {
		return nil, q.fail(ctx, err)
	}
	return q.failures(arns, out.FailedResourcesMap, "lambda:TagResource"), nil
}

// UntagFunctions removes one tag of up to 20 functions. The map holds the
// functions that failed; with an error nothing is known of any.
func (r *Region) UntagFunctions(ctx context.Context, arns []autodefend.FunctionARN, key string) (map[autodefend.FunctionARN]error, error) {
	q := request{operation: "UntagResources", action: "tag:UntagResources"}
	if err := q.checkBatch(arns); err != nil || len(arns) == 0 {
		return nil, err
	}
	out, err := r.tagging.UntagResources(ctx, &tagging.UntagResourcesInput{
		ResourceARNList: unqualified(arns), TagKeys: []string{key},
	})
	if err != nil {
		return nil, q.fail(ctx, err)
	}
	return q.failures(arns, out.FailedResourcesMap, "lambda:UntagResource"), nil
}

// checkBatch refuses more functions than AWS takes in one call.
func (q request) checkBatch(arns []autodefend.FunctionARN) error {
	if len(arns) > maxTagged {
		return autodefend.Errorf(autodefend.CodeInternal, "%s: %d functions in one call, AWS takes %d", q.operation, len(arns), maxTagged)
	}
	return nil
}

// unqualified renders the ARNs without versions, which have no tags.
func unqualified(arns []autodefend.FunctionARN) []string {
	all := make([]string, len(arns))
	for i, arn := range arns {
		arn.Qualifier = ""
		all[i] = arn.String()
	}
	return all
}

// failures maps AWS's failures of single resources. The action is the one that
// the service needs on the resource itself.
func (q request) failures(arns []autodefend.FunctionARN, failed map[string]types.FailureInfo, action string) map[autodefend.FunctionARN]error {
	if len(failed) == 0 {
		return nil
	}
	byFunction := make(map[autodefend.FunctionARN]error, len(failed))
	for i, text := range unqualified(arns) {
		info, ok := failed[text]
		if !ok {
			continue
		}
		a := answer{code: string(info.ErrorCode), message: aws.ToString(info.ErrorMessage), status: int(info.StatusCode)}
		if a.status == http.StatusForbidden {
			a.code = "AccessDeniedException"
		}
		byFunction[arns[i]] = request{operation: q.operation, resource: arns[i].Name, action: action}.refused(a)
	}
	return byFunction
}
