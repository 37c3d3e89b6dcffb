package lambdasim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// taggingTokenLife is how long a paging token of GetResources is good for.
	taggingTokenLife = 15 * time.Minute
	// maxTaggingPage is the most resources on one page of GetResources.
	maxTaggingPage = 100
)

// taggingService returns the operations of the Resource Groups Tagging API. It
// acts on the functions' own tags, has rates of its own that nothing here
// comes near, and draws nothing from Lambda's.
func taggingService() service {
	row := func(name string, mutating bool, handle func(*World, *call) (reply, error)) operation {
		return operation{name: name, mutating: mutating, quota: quotaNone, action: "tag:" + name, handle: handle}
	}
	return service{
		name:        "tagging",
		renderError: renderTagging,
		operations: []operation{
			row("GetResources", false, getResources),
			row("GetTagKeys", false, getTagKeys),
			row("TagResources", true, tagResources),
			row("UntagResources", true, untagResources),
		},
	}
}

// renderTagging writes an error with the tagging service's own name for
// throttling.
func renderTagging(e *apiError, requestID string) reply {
	if e.code == "TooManyRequestsException" {
		e = newError(http.StatusBadRequest, "ThrottledException", "Rate exceeded")
	}
	return renderJSONRPC("1.1")(e, requestID)
}

// tagPair is one tag as the tagging service lists it.
type tagPair struct{ Key, Value string }

// tagFilter wants a key with one of the values, or with any when there is none.
type tagFilter struct {
	Key    string
	Values []string
}

// matches reports whether the tags pass the filter.
func (f tagFilter) matches(tags map[string]string) bool {
	value, ok := tags[f.Key]
	return ok && (len(f.Values) == 0 || slices.Contains(f.Values, value))
}

// resourceTags is a resource with its tags.
type resourceTags struct {
	ResourceARN string
	Tags        []tagPair
}

// getResourcesInput is GetResources' body.
type getResourcesInput struct {
	PaginationToken     string
	ResourceARNList     []string
	ResourceTypeFilters []string
	ResourcesPerPage    *int
	TagFilters          []tagFilter
}

// getResources answers the tagged functions that pass the filters, a page at a
// time. Functions without a tag are not listed.
func getResources(w *World, c *call) (reply, error) {
	var in getResourcesInput
	if err := decodeInput(c.body, &in); err != nil {
		return reply{}, err
	}
	size, err := in.check()
	if err != nil {
		return reply{}, err
	}
	after, err := w.readTaggingToken(in.PaginationToken, c.now)
	if err != nil {
		return reply{}, err
	}
	out := struct {
		PaginationToken        string
		ResourceTagMappingList []resourceTags
	}{ResourceTagMappingList: []resourceTags{}}
	names := c.region.sortedNames()
	start, found := slices.BinarySearch(names, after)
	if found {
		start++
	}
	for _, name := range names[start:] {
		f := c.region.functions[name]
		if len(f.tags) == 0 || !in.wants(f) {
			continue
		}
		if len(out.ResourceTagMappingList) == size {
			out.PaginationToken = encodeToken(c.now.UTC().Format(time.RFC3339) + " " + after)
			break
		}
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, resourceTags{c.region.functionArn(f.name), sortedTags(f.tags)})
		after = name
	}
	return jsonRPCReply("1.1", out)
}

// check validates the parameters and returns the size of a page.
func (in *getResourcesInput) check() (int, error) {
	size := maxTaggingPage
	if in.ResourcesPerPage != nil {
		size = *in.ResourcesPerPage
	}
	if size < 1 || size > maxTaggingPage {
		return 0, invalidTagging("ResourcesPerPage must be between 1 and %d", maxTaggingPage)
	}
	if len(in.TagFilters) > maxTags {
		return 0, invalidTagging("TagFilters must have no more than %d members", maxTags)
	}
	for _, f := range in.TagFilters {
		if f.Key == "" || len(f.Values) > 20 {
			return 0, invalidTagging("TagFilters must have a key and no more than 20 values")
		}
	}
	if len(in.ResourceARNList) > 0 && (in.ResourcesPerPage != nil || in.PaginationToken != "" || len(in.ResourceTypeFilters) > 0 || len(in.TagFilters) > 0) {
		return 0, invalidTagging("ResourceARNList cannot be combined with other filters or with pagination")
	}
	for _, t := range in.ResourceTypeFilters {
		if serviceName, _, _ := strings.Cut(t, ":"); serviceName == "" {
			return 0, invalidTagging("Resource type filter '%s' is invalid", t)
		}
	}
	return size, nil
}

// wants reports whether a function passes every filter.
func (in *getResourcesInput) wants(f *function) bool {
	if len(in.ResourceARNList) > 0 && !slices.Contains(in.ResourceARNList, f.region.functionArn(f.name)) {
		return false
	}
	types := in.ResourceTypeFilters
	if len(types) > 0 && !slices.Contains(types, "lambda") && !slices.Contains(types, "lambda:function") {
		return false
	}
	for _, filter := range in.TagFilters {
		if !filter.matches(f.tags) {
			return false
		}
	}
	return true
}

// readTaggingToken returns the last name that the page before held.
func (w *World) readTaggingToken(token string, now time.Time) (string, error) {
	if token == "" {
		return "", nil
	}
	text, err := decodeToken(token)
	stamp, after, ok := strings.Cut(text, " ")
	issued, timeErr := time.Parse(time.RFC3339, stamp)
	if err != nil || timeErr != nil || !ok {
		return "", invalidTagging("The PaginationToken is invalid")
	}
	if now.Sub(issued) > taggingTokenLife {
		return "", newError(http.StatusBadRequest, "PaginationTokenExpiredException", "The PaginationToken has expired")
	}
	return after, nil
}

// getTagKeys answers the tag keys in use in the region, on one page.
func getTagKeys(_ *World, c *call) (reply, error) {
	keys := map[string]bool{}
	for _, f := range c.region.functions {
		for key := range f.tags {
			keys[key] = true
		}
	}
	return jsonRPCReply("1.1", struct {
		PaginationToken string
		TagKeys         []string
	}{TagKeys: append([]string{}, slices.Sorted(maps.Keys(keys))...)})
}

// tagFailure is why one resource of a batch could not be tagged.
type tagFailure struct {
	ErrorCode, ErrorMessage string
	StatusCode              int
}

// tagResources puts tags on up to 20 functions; each fails by itself.
func tagResources(_ *World, c *call) (reply, error) {
	var in struct {
		ResourceARNList []string
		Tags            map[string]string
	}
	if err := decodeInput(c.body, &in); err != nil {
		return reply{}, err
	}
	if err := checkBatch(in.ResourceARNList, "tags", len(in.Tags)); err != nil {
		return reply{}, err
	}
	for key, value := range in.Tags {
		if err := checkTag(key, value); err != nil {
			return reply{}, err
		}
	}
	return c.eachResource(in.ResourceARNList, "lambda:TagResource", func(f *function) error {
		return f.tag(in.Tags)
	})
}

// untagResources takes tags off up to 20 functions; keys that aren't there are
// no failure.
func untagResources(_ *World, c *call) (reply, error) {
	var in struct {
		ResourceARNList []string
		TagKeys         []string
	}
	if err := decodeInput(c.body, &in); err != nil {
		return reply{}, err
	}
	if err := checkBatch(in.ResourceARNList, "tagKeys", len(in.TagKeys)); err != nil {
		return reply{}, err
	}
	for _, key := range in.TagKeys {
		if err := checkTag(key, ""); err != nil {
			return reply{}, err
		}
	}
	return c.eachResource(in.ResourceARNList, "lambda:UntagResource", func(f *function) error {
		f.untag(in.TagKeys)
		return nil
	})
}

// eachResource applies change to every function named and answers with those
// that failed, by ARN.
func (c *call) eachResource(arns []string, action string, change func(*function) error) (reply, error) {
	failed := map[string]tagFailure{}
	for _, arn := range arns {
		if err := c.changeTags(arn, action, change); err != nil {
			e := asAPIError(err)
			failed[arn] = tagFailure{ErrorCode: e.code, ErrorMessage: e.message, StatusCode: e.status}
		}
	}
	return jsonRPCReply("1.1", struct{ FailedResourcesMap map[string]tagFailure }{failed})
}

// changeTags applies change to one function if the caller may.
func (c *call) changeTags(arn, action string, change func(*function) error) error {
	f, err := c.taggable(arn)
	if err != nil {
		return err
	}
	if denial := c.denied(action, arn); denial != nil {
		return denial
	}
	return change(f)
}

// taggable finds the function that an ARN names.
func (c *call) taggable(arn string) (*function, error) {
	fields := strings.Split(arn, ":")
	if len(fields) < 6 || fields[0] != "arn" {
		return nil, invalidTagging("%s is not a valid ARN", arn)
	}
	if fields[2] != "lambda" || len(fields) < 7 || fields[5] != "function" {
		return nil, invalidTagging("%s is of a resource type that the simulator does not know", arn)
	}
	if fields[3] != c.region.name || fields[4] != c.account.spec.ID {
		return nil, invalidTagging("%s is not in region %s of account %s", arn, c.region.name, c.account.spec.ID)
	}
	if len(fields) > 7 {
		return nil, errInvalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	f := c.region.find(fields[6], c.now)
	if f == nil {
		return nil, errNotFound("Function not found: %s", arn)
	}
	return f, nil
}

// checkBatch validates the sizes of a batch.
func checkBatch(arns []string, member string, n int) error {
	if len(arns) < 1 || len(arns) > 20 {
		return invalidTagging("1 validation error detected: Value at 'resourceARNList' failed to satisfy constraint: " +
			"Member must have length between 1 and 20, inclusive")
	}
	if n < 1 || n > maxTags {
		return invalidTagging("1 validation error detected: Value at '%s' failed to satisfy constraint: "+
			"Member must have length between 1 and %d, inclusive", member, maxTags)
	}
	return nil
}

// checkTag validates one tag.
func checkTag(key, value string) error {
	if n := len([]rune(key)); n < 1 || n > 128 {
		return invalidTagging("Tag keys must have between 1 and 128 characters")
	}
	if len([]rune(value)) > 256 {
		return invalidTagging("Tag values must have no more than 256 characters")
	}
	if strings.HasPrefix(strings.ToLower(key), "aws:") {
		return invalidTagging("aws: prefixed tag key names are not allowed for external use.")
	}
	return nil
}

// invalidTagging is the tagging service's error for a bad parameter.
func invalidTagging(format string, args ...any) error {
	return newError(http.StatusBadRequest, "InvalidParameterException", "%s", fmt.Sprintf(format, args...))
}

// sortedTags lists tags by key.
func sortedTags(tags map[string]string) []tagPair {
	list := make([]tagPair, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tagPair{key, tags[key]})
	}
	return list
}
