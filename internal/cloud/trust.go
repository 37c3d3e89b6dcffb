package cloud

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"
)

// edgeService is the service principal of Lambda@Edge.
const edgeService = "edgelambda.amazonaws.com"

// trustPolicy is what matters of a role's trust policy.
type trustPolicy struct {
	Statement oneOrMore[trustStatement]
}

// trustStatement is one statement of a trust policy.
type trustStatement struct {
	Effect    string
	Action    oneOrMore[string]
	Principal trustPrincipal
}

// trustPrincipal is who may assume the role: everybody, or lists by kind.
type trustPrincipal struct {
	Everybody bool
	Service   oneOrMore[string]
}

// UnmarshalJSON reads "*" or an object.
func (p *trustPrincipal) UnmarshalJSON(b []byte) error {
	var word string
	if json.Unmarshal(b, &word) == nil {
		p.Everybody = word == "*"
		return nil
	}
	var byKind struct{ Service oneOrMore[string] }
	if err := json.Unmarshal(b, &byKind); err != nil {
		return err
	}
	p.Service = byKind.Service
	return nil
}

// oneOrMore is a list that may be written without brackets when it has one
// element, as IAM allows.
type oneOrMore[T any] []T

// UnmarshalJSON reads a list or a single element.
func (o *oneOrMore[T]) UnmarshalJSON(b []byte) error {
	var list []T
	if json.Unmarshal(b, &list) == nil {
		*o = list
		return nil
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*o = oneOrMore[T]{one}
	return nil
}

// trustsEdge reports whether a trust policy, URL-encoded as IAM hands it out,
// lets Lambda@Edge assume the role. Statements that deny, and conditions, aren't
// weighed: whoever is named at all is taken to be meant.
func trustsEdge(document string) (bool, error) {
	text, err := url.PathUnescape(document)
	if err != nil {
		return false, err
	}
	var policy trustPolicy
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return false, err
	}
	return slices.ContainsFunc(policy.Statement, func(s trustStatement) bool {
		return s.Effect == "Allow" && s.assumes() && s.Principal.includes(edgeService)
	}), nil
}

// assumes reports whether the statement is about assuming the role.
func (s trustStatement) assumes() bool {
	return slices.ContainsFunc(s.Action, func(action string) bool {
		matched, err := path.Match(strings.ToLower(action), "sts:assumerole")
		return err == nil && matched
	})
}

// includes reports whether the principal is, or stands for, the service.
func (p trustPrincipal) includes(service string) bool {
	return p.Everybody || slices.Contains(p.Service, service) || slices.Contains(p.Service, "*")
}
