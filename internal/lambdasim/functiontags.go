package lambdasim

import (
	"net/http"
	"strings"
)

// tag sets tags, refusing more than a function can have. Like every write it
// gives $LATEST a new revision id.
func (f *function) tag(tags map[string]string) error {
	n := len(f.tags)
	for key := range tags {
		if _, has := f.tags[key]; !has {
			n++
		}
	}
	if err := checkTags(n); err != nil {
		return err
	}
	for key, value := range tags {
		f.tags[key] = value
	}
	f.newRevision(f.latest)
	return nil
}

// untag removes tags; keys that aren't there don't matter.
func (f *function) untag(keys []string) {
	for _, key := range keys {
		delete(f.tags, key)
	}
	f.newRevision(f.latest)
}

// tagged returns the function whose ARN a tagging call names.
func (c *call) tagged() (*function, error) {
	arn := c.params["Resource"]
	var v violations
	v.pattern(arn, "resource", resourcePattern)
	if err := v.err(); err != nil {
		return nil, err
	}
	kind := strings.Split(arn, ":")[5]
	switch kind {
	case "event-source-mapping":
		return nil, errNotFound("Event source mapping not found: %s", arn)
	case "capacity-provider":
		return nil, errNotFound("Capacity provider not found: %s", arn)
	case "layer", "code-signing-config":
		return nil, errNoResource()
	}
	ref, ok := parseFunctionRef(arn)
	if !ok {
		return nil, errNotFound("Function not found: %s", arn)
	}
	if err := c.reachable(ref, arn); err != nil {
		return nil, err
	}
	if ref.qualifier != "" {
		return nil, errInvalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	f := c.region.find(ref.name, c.now)
	if f == nil {
		return nil, errNotFound("Function not found: %s", c.region.functionArn(ref.name))
	}
	return f, nil
}

// listTags answers ListTags.
func listTags(_ *World, c *call) (reply, error) {
	f, err := c.tagged()
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct{ Tags map[string]string }{f.tags})
}

// tagResource answers TagResource.
func tagResource(_ *World, c *call) (reply, error) {
	var in struct{ Tags map[string]string }
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	f, err := c.tagged()
	if err != nil {
		return reply{}, err
	}
	if len(in.Tags) == 0 {
		return reply{}, errInvalid("An error occurred and the request cannot be processed.")
	}
	if err := f.tag(in.Tags); err != nil {
		return reply{}, err
	}
	return noContent(), nil
}

// untagResource answers UntagResource.
func untagResource(_ *World, c *call) (reply, error) {
	keys := c.query["tagKeys"]
	if len(keys) == 0 {
		return reply{}, errValidation("1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
	}
	f, err := c.tagged()
	if err != nil {
		return reply{}, err
	}
	f.untag(keys)
	return noContent(), nil
}
