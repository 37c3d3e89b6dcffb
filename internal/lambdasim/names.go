package lambdasim

import (
	"strings"
	"sync"
)

// AWS's patterns, as its error messages print them.
const (
	regionPattern = `((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?`
	// functionPattern is for names that may be created.
	functionPattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?` + regionPattern + `(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	// anyFunctionPattern is for names of functions that exist.
	anyFunctionPattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?` + regionPattern + `(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	qualifierPattern   = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
	aliasPattern       = `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`
	rolePattern        = `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
	layerArnPattern    = `(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
	layerNamePattern   = `(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+`
	resourcePattern    = `arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`
	statementPattern   = `([a-zA-Z0-9-_]+)`
	envKeyPattern      = `[a-zA-Z]([a-zA-Z0-9_])+`
)

// latest is the qualifier of the unpublished version.
const latest = "$LATEST"

// patternCache holds compiled patterns by their text.
var patternCache sync.Map //nolint:gochecknoglobals // compiled once, never changed after

// functionRef is a function name as a request gives it: a bare name, a partial
// ARN or a full one, perhaps with a qualifier.
type functionRef struct {
	partition, region, account, name, qualifier string
}

// parseFunctionRef splits a name that matches a function pattern.
func parseFunctionRef(s string) (functionRef, bool) {
	m := compiled(anyFunctionPattern).FindStringSubmatch(s)
	if m == nil {
		return functionRef{}, false
	}
	// Groups: 2 partition, 3 region with colon, 9 account with colon, 11 name,
	// 13 qualifier; the others are parts of these.
	return functionRef{
		partition: m[2],
		region:    strings.TrimSuffix(m[3], ":"),
		account:   strings.TrimSuffix(m[9], ":"),
		name:      m[11],
		qualifier: m[13],
	}, true
}

// layerRef is a layer version ARN taken apart.
type layerRef struct {
	region, account, name string
	version               int
	// managed marks the account-less ARNs of AWS's own layers.
	managed bool
}

// parseLayerArn splits a layer version ARN.
func parseLayerArn(arn string) (layerRef, bool) {
	if !fullMatch(layerArnPattern, arn) {
		return layerRef{}, false
	}
	parts := strings.Split(arn, ":")
	if len(parts) < 8 {
		return layerRef{managed: true, name: parts[len(parts)-1]}, true
	}
	version, ok := parseVersion(parts[7])
	return layerRef{region: parts[3], account: parts[4], name: parts[6], version: version}, ok
}

// parseLayerName reads the layer a path names: a bare name or a layer ARN.
func parseLayerName(s string) (layerRef, bool) {
	if !fullMatch(layerNamePattern, s) {
		return layerRef{}, false
	}
	parts := strings.Split(s, ":")
	if len(parts) == 1 {
		return layerRef{name: s}, true
	}
	return layerRef{region: parts[3], account: parts[4], name: parts[6]}, true
}

// parseVersion reads a version number of at most nine digits.
func parseVersion(s string) (int, bool) {
	if !allDigits(s) || len(s) > 9 {
		return 0, false
	}
	n := 0
	for _, d := range s {
		n = n*10 + int(d-'0')
	}
	return n, true
}

// functionArn returns the unqualified ARN of a function in a region.
func (r *region) functionArn(name string) string {
	return "arn:" + r.account.partition() + ":lambda:" + r.name + ":" + r.account.spec.ID + ":function:" + name
}

// layerArn returns the ARN of a layer, without version.
func (r *region) layerArn(name string) string {
	return "arn:" + r.account.partition() + ":lambda:" + r.name + ":" + r.account.spec.ID + ":layer:" + name
}

// resourceARN names what a call addresses for AWS's access errors.
func (c *call) resourceARN() string {
	switch {
	case c.Resource == "" || c.region == nil:
		return "*"
	case strings.HasPrefix(c.Resource, "arn:"):
		return c.Resource
	case c.params["LayerName"] != "":
		return c.region.layerArn(c.Resource)
	}
	return c.region.functionArn(c.Resource)
}

// functionResource names the function a call's path addresses.
func functionResource(c *call) string {
	if ref, ok := parseFunctionRef(c.params["FunctionName"]); ok {
		return ref.name
	}
	return c.params["FunctionName"]
}

// layerResource names the layer a call's path addresses.
func layerResource(c *call) string {
	if ref, ok := parseLayerName(c.params["LayerName"]); ok {
		return ref.name
	}
	return c.params["LayerName"]
}

// taggedResource names the function a tagging call addresses.
func taggedResource(c *call) string {
	if ref, ok := parseFunctionRef(c.params["Resource"]); ok {
		return ref.name
	}
	return c.params["Resource"]
}

// functionTarget is the function and qualifier that a call addresses.
type functionTarget struct {
	name, qualifier string
}

// arn returns the target's ARN, with the qualifier when there is one.
func (t functionTarget) arn(r *region) string {
	if t.qualifier == "" {
		return r.functionArn(t.name)
	}
	return r.functionArn(t.name) + ":" + t.qualifier
}

// target reads the function and qualifier of a call from its path and query,
// with AWS's checks in AWS's order.
func (c *call) target() (functionTarget, error) {
	name, qualifier := c.params["FunctionName"], c.query.Get("Qualifier")
	var v violations
	if c.query.Has("Qualifier") && qualifier != "" {
		v.maxLength(qualifier, "qualifier", 128)
		v.pattern(qualifier, "qualifier", qualifierPattern)
	}
	v.maxLength(name, "functionName", 256)
	v.pattern(name, "functionName", anyFunctionPattern)
	if err := v.err(); err != nil {
		return functionTarget{}, err
	}
	ref, _ := parseFunctionRef(name)
	if ref.qualifier != "" && qualifier != "" && ref.qualifier != qualifier {
		return functionTarget{}, errInvalid("The derived qualifier from the function name does not match the specified qualifier.")
	}
	if qualifier == "" {
		qualifier = ref.qualifier
	}
	if err := c.reachable(ref, name); err != nil {
		return functionTarget{}, err
	}
	return functionTarget{name: ref.name, qualifier: qualifier}, nil
}

// reachable checks that a function name means the caller's account and region.
func (c *call) reachable(ref functionRef, name string) error {
	if ref.account != "" && ref.account != c.Account {
		return c.errForeign(c.op.action, name)
	}
	if ref.region != "" && ref.region != c.Region {
		return errNotFound("Functions from '%s' are not reachable in this region ('%s')", ref.region, c.Region)
	}
	return nil
}

// errForeign answers a call that addresses another account's resource.
func (c *call) errForeign(action, resource string) *apiError {
	if action == "" {
		action = "lambda:" + c.op.name
	}
	e := newError(403, "AccessDeniedException",
		"User: %s is not authorized to perform: %s on resource: %s because no resource-based policy allows the %s action",
		c.principal, action, resource, action)
	e.sender, e.upperMessage = "", true
	return e
}
