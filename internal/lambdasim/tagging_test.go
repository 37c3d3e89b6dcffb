package lambdasim_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// taggedWorld holds n functions fn-000… in production; even ones have the tag
// parity=even, odd ones parity=odd, and every tenth has no tag at all.
func taggedWorld(n int, opts lambdasim.Options) *lambdasim.World {
	w := lambdasim.New(opts)
	w.AddAccount(lambdasim.Account{ID: production, Regions: []string{"us-east-1", "eu-west-1"}})
	for i := range n {
		spec := lambdasim.FunctionSpec{Name: fmt.Sprintf("fn-%03d", i), Runtime: "python3.13", Handler: "app.handler"}
		if i%10 != 0 {
			spec.Tags = map[string]string{"parity": []string{"even", "odd"}[i%2], "n": fmt.Sprint(i)}
		}
		w.PutFunction(production, "us-east-1", spec)
	}
	return w
}

// functionARN is the ARN of one of production's functions in us-east-1.
func functionARN(name string) string {
	return "arn:aws:lambda:us-east-1:" + production + ":function:" + name
}

func TestTaggingGetResources(t *testing.T) {
	for name, tt := range map[string]struct {
		in    tagging.GetResourcesInput
		pages []int
	}{
		"everything tagged": {tagging.GetResourcesInput{}, []int{100, 89}},
		"functions":         {tagging.GetResourcesInput{ResourceTypeFilters: []string{"lambda:function"}}, []int{100, 89}},
		"lambda and more":   {tagging.GetResourcesInput{ResourceTypeFilters: []string{"s3", "lambda"}}, []int{100, 89}},
		"other resources":   {tagging.GetResourcesInput{ResourceTypeFilters: []string{"ec2:instance"}}, []int{0}},
		"small pages":       {tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(90)}, []int{90, 90, 9}},
		"a full last page":  {tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(63)}, []int{63, 63, 63}},
		"one value": {tagging.GetResourcesInput{TagFilters: []types.TagFilter{
			{Key: aws.String("parity"), Values: []string{"even"}},
		}}, []int{84}},
		"any value": {tagging.GetResourcesInput{TagFilters: []types.TagFilter{{Key: aws.String("parity")}}}, []int{100, 89}},
		"one of two values and another key": {tagging.GetResourcesInput{TagFilters: []types.TagFilter{
			{Key: aws.String("parity"), Values: []string{"even", "odd"}}, {Key: aws.String("n"), Values: []string{"11", "12", "20"}},
		}}, []int{2}},
		"value in another case": {tagging.GetResourcesInput{TagFilters: []types.TagFilter{
			{Key: aws.String("parity"), Values: []string{"Even"}},
		}}, []int{0}},
		"by ARN": {tagging.GetResourcesInput{ResourceARNList: []string{functionARN("fn-001"), functionARN("fn-010"), functionARN("absent")}}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := taggedWorld(210, lambdasim.Options{Quotas: lambdasim.AWSQuotas()})
			pager := tagging.NewGetResourcesPaginator(tagging.NewFromConfig(sdkConfig(w, production, "us-east-1")), &tt.in)
			var pages []int
			var arns []string
			for pager.HasMorePages() {
				page, err := pager.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				pages = append(pages, len(page.ResourceTagMappingList))
				for _, r := range page.ResourceTagMappingList {
					arns = append(arns, *r.ResourceARN)
				}
			}
			if !slices.Equal(pages, tt.pages) {
				t.Errorf("pages of %v, want %v", pages, tt.pages)
			}
			if n := len(arns); len(slices.Compact(arns)) != n {
				t.Error("a resource was listed twice")
			}
		})
	}
}

func TestTaggingListsTagsByKey(t *testing.T) {
	w := taggedWorld(2, lambdasim.Options{})
	out, err := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetResources(t.Context(), &tagging.GetResourcesInput{})
	if err != nil {
		t.Fatal(err)
	}
	got := out.ResourceTagMappingList
	if len(got) != 1 || *got[0].ResourceARN != functionARN("fn-001") || len(got[0].Tags) != 2 || *got[0].Tags[0].Key != "n" || *got[0].Tags[1].Value != "odd" {
		t.Errorf("got %+v", got)
	}
	if out.PaginationToken == nil || *out.PaginationToken != "" {
		t.Error("the last page's token is not the empty text that AWS sends")
	}
}

func TestTaggingTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := taggedWorld(5, lambdasim.Options{})
		client := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1"))
		first, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(1)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		in := &tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(1), PaginationToken: first.PaginationToken}
		if _, err := client.GetResources(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		_, err = client.GetResources(t.Context(), in)
		wantAPIError(t, err, "PaginationTokenExpiredException")
	})
}

func TestTaggingRefusesBadInput(t *testing.T) {
	w := taggedWorld(2, lambdasim.Options{})
	client := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1"))
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint("key", i)] = "v"
	}
	one := []string{functionARN("fn-001")}
	for name, call := range map[string]func() error{
		"page of 0": func() error {
			_, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(0)})
			return err
		},
		"page of 101": func() error {
			_, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(101)})
			return err
		},
		"foreign token": func() error {
			_, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{PaginationToken: aws.String("bm90IG91cnM")})
			return err
		},
		"ARNs and filters": func() error {
			_, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{ResourceARNList: one, ResourceTypeFilters: []string{"lambda"}})
			return err
		},
		"51 tags": func() error {
			_, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{ResourceARNList: one, Tags: many})
			return err
		},
		"21 resources": func() error {
			_, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{ResourceARNList: slices.Repeat(one, 21), Tags: map[string]string{"a": "b"}})
			return err
		},
		"no tag": func() error {
			_, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{ResourceARNList: one, Tags: map[string]string{}})
			return err
		},
		"long key": func() error {
			_, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{ResourceARNList: one, Tags: map[string]string{strings.Repeat("k", 129): "b"}})
			return err
		},
		"long value": func() error {
			_, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{ResourceARNList: one, Tags: map[string]string{"a": strings.Repeat("v", 257)}})
			return err
		},
		"AWS's own key": func() error {
			_, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{ResourceARNList: one, Tags: map[string]string{"aws:stack": "b"}})
			return err
		},
		"21 to untag": func() error {
			_, err := client.UntagResources(t.Context(), &tagging.UntagResourcesInput{ResourceARNList: slices.Repeat(one, 21), TagKeys: []string{"a"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantAPIError(t, call(), "InvalidParameterException") })
	}
	if tags := tagsOf(t, w, "fn-001"); len(tags) != 2 {
		t.Errorf("a refused call changed the tags to %v", tags)
	}
}

// tagsOf returns the tags of one of production's functions.
func tagsOf(t *testing.T, w *lambdasim.World, name string) map[string]string {
	t.Helper()
	f, ok := w.Function(production, "us-east-1", name)
	if !ok {
		t.Fatalf("no function %s", name)
	}
	return f.Tags
}

func TestTaggingResourcesFailOneByOne(t *testing.T) {
	w := taggedWorld(2, lambdasim.Options{})
	full := map[string]string{}
	for i := range 50 {
		full[fmt.Sprint("key", i)] = "v"
	}
	w.PutFunction(production, "us-east-1", lambdasim.FunctionSpec{Name: "full", Runtime: "python3.13", Handler: "app.handler", Tags: full})
	client := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1"))
	out, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{
		ResourceARNList: []string{
			functionARN("fn-001"), functionARN("full"), functionARN("absent"), functionARN("fn-000") + ":1",
			"arn:aws:s3:::bucket", "arn:aws:lambda:eu-west-1:" + production + ":function:fn-001", "nonsense",
		},
		Tags: map[string]string{"SecurityProtected": "True"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		functionARN("full"):          "400 InvalidParameterValueException Number of tags exceeds resource tag limit.",
		functionARN("absent"):        "404 ResourceNotFoundException Function not found: " + functionARN("absent"),
		functionARN("fn-000") + ":1": "400 InvalidParameterValueException Tags on function aliases and versions are not supported. Please specify a function ARN.",
		"arn:aws:s3:::bucket":        "400 InvalidParameterException arn:aws:s3:::bucket is of a resource type that the simulator does not know",
		"arn:aws:lambda:eu-west-1:" + production + ":function:fn-001": "400 InvalidParameterException arn:aws:lambda:eu-west-1:" + production +
			":function:fn-001 is not in region us-east-1 of account " + production,
		"nonsense": "400 InvalidParameterException nonsense is not a valid ARN",
	}
	got := map[string]string{}
	for arn, f := range out.FailedResourcesMap {
		got[arn] = fmt.Sprint(f.StatusCode, " ", f.ErrorCode, " ", *f.ErrorMessage)
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if tags := tagsOf(t, w, "fn-001"); tags["SecurityProtected"] != "True" || tags["parity"] != "odd" {
		t.Errorf("tags %v", tags)
	}
	if tags := tagsOf(t, w, "full"); len(tags) != 50 {
		t.Errorf("the full function has %d tags", len(tags))
	}
}

func TestTaggingReplacesValuesAndUntags(t *testing.T) {
	w := taggedWorld(2, lambdasim.Options{})
	client := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1"))
	if _, err := client.TagResources(t.Context(), &tagging.TagResourcesInput{
		ResourceARNList: []string{functionARN("fn-000"), functionARN("fn-001")}, Tags: map[string]string{"parity": "", "ключ": "значение"},
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := tagsOf(t, w, "fn-001"), (map[string]string{"parity": "", "ключ": "значение", "n": "1"}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	out, err := client.UntagResources(t.Context(), &tagging.UntagResourcesInput{
		ResourceARNList: []string{functionARN("fn-000"), functionARN("absent")}, TagKeys: []string{"parity", "ключ", "never-there"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.FailedResourcesMap) != 1 || out.FailedResourcesMap[functionARN("absent")].StatusCode != 404 {
		t.Errorf("failures %v", out.FailedResourcesMap)
	}
	if got := tagsOf(t, w, "fn-000"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	keys, err := client.GetTagKeys(t.Context(), &tagging.GetTagKeysInput{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(keys.TagKeys, []string{"n", "parity", "ключ"}) {
		t.Errorf("keys %v", keys.TagKeys)
	}
}

// TestTaggingMovesTheRevision holds what AWS's recorded answers show: a tag is
// a change of the function, so an update planned before it is refused.
func TestTaggingMovesTheRevision(t *testing.T) {
	w := taggedWorld(2, lambdasim.Options{})
	before, _ := w.Function(production, "us-east-1", "fn-001")
	if _, err := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1")).TagResources(t.Context(), &tagging.TagResourcesInput{
		ResourceARNList: []string{functionARN("fn-001")}, Tags: map[string]string{"SecurityProtected": "True"},
	}); err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(sdkConfig(w, production, "us-east-1"))
	_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("fn-001"), RevisionId: &before.RevisionID, MemorySize: aws.Int32(512),
	})
	wantAPIError(t, err, "PreconditionFailedException")
	listed, err := client.ListTags(t.Context(), &lambda.ListTagsInput{Resource: aws.String(functionARN("fn-001"))})
	if err != nil {
		t.Fatal(err)
	}
	if listed.Tags["SecurityProtected"] != "True" {
		t.Errorf("Lambda lists %v", listed.Tags)
	}
}

func TestTaggingDenials(t *testing.T) {
	t.Run("of the tagging call", func(t *testing.T) {
		w := taggedWorld(2, lambdasim.Options{})
		w.Deny(production, "tag:GetResources", "no policy allows it")
		_, err := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetResources(t.Context(), &tagging.GetResourcesInput{})
		wantAPIError(t, err, "AccessDeniedException")
	})
	t.Run("of Lambda's", func(t *testing.T) {
		w := taggedWorld(2, lambdasim.Options{})
		w.Deny(production, "lambda:TagResource", "SCP")
		out, err := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1")).TagResources(t.Context(), &tagging.TagResourcesInput{
			ResourceARNList: []string{functionARN("fn-001")}, Tags: map[string]string{"a": "b"},
		})
		if err != nil {
			t.Fatal(err)
		}
		f := out.FailedResourcesMap[functionARN("fn-001")]
		if f.StatusCode != 403 || f.ErrorCode != "AccessDeniedException" || !strings.Contains(*f.ErrorMessage, "lambda:TagResource on resource: "+functionARN("fn-001")) {
			t.Errorf("got %+v", out.FailedResourcesMap)
		}
		if len(tagsOf(t, w, "fn-001")) != 2 {
			t.Error("the denied call was applied")
		}
	})
}

// TestTaggingDrawsNothingFromLambdasQuota empties a bucket of one call a second
// and tags on.
func TestTaggingDrawsNothingFromLambdasQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := taggedWorld(2, lambdasim.Options{Quotas: lambdasim.Quotas{SharedPerSecond: 1, SharedBurst: 1}})
		cfg := sdkConfig(w, production, "us-east-1")
		for range 5 {
			if _, err := tagging.NewFromConfig(cfg).TagResources(t.Context(), &tagging.TagResourcesInput{
				ResourceARNList: []string{functionARN("fn-001")}, Tags: map[string]string{"a": "b"},
			}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := lambda.NewFromConfig(cfg).ListFunctions(t.Context(), &lambda.ListFunctionsInput{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTaggingThrottledByAFault(t *testing.T) {
	w := taggedWorld(2, lambdasim.Options{Faults: lambdasim.SeededFaults(1, lambdasim.FaultRates{Throttle: 1})})
	_, err := tagging.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetResources(t.Context(), &tagging.GetResourcesInput{})
	wantAPIError(t, err, "ThrottledException")
}
