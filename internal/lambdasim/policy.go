package lambdasim

import (
	"slices"
	"strings"
)

// policy is a resource policy: of a function, a version, an alias or a layer
// version.
type policy struct {
	statements []statement
	revision   string
}

// statement is one statement of a resource policy, as AWS prints it.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// text prints the policy.
func (p *policy) text() string {
	body, err := encodeJSON(struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2012-10-17", "default", p.statements})
	if err != nil {
		return ""
	}
	return string(body)
}

// index returns the place of a statement, or -1.
func (p *policy) index(sid string) int {
	return slices.IndexFunc(p.statements, func(s statement) bool { return s.Sid == sid })
}

// add appends a statement, refusing an id that is taken.
func (p *policy) add(s statement) error {
	if p.index(s.Sid) >= 0 {
		return errConflict("The statement id (%s) provided already exists. "+
			"Please provide a new statement id, or remove the existing statement.", s.Sid)
	}
	p.statements = append(p.statements, s)
	return nil
}

// remove takes a statement out.
func (p *policy) remove(sid string) error {
	at := p.index(sid)
	if at < 0 {
		return errNotFound("Statement %s is not found in resource policy.", sid)
	}
	p.statements = slices.Delete(p.statements, at, at+1)
	return nil
}

// principal renders a principal: everyone, an account, an ARN or a service.
func (a *account) principal(p string) (any, error) {
	switch {
	case p == "*":
		return "*", nil
	case len(p) == 12 && allDigits(p):
		return map[string]string{"AWS": "arn:" + a.partition() + ":iam::" + p + ":root"}, nil
	case strings.HasPrefix(p, "arn:"):
		return map[string]string{"AWS": p}, nil
	case strings.HasSuffix(p, ".amazonaws.com"), strings.HasSuffix(p, ".amazon.com"), strings.HasSuffix(p, ".amazonaws.com.cn"):
		return map[string]string{"Service": p}, nil
	}
	return nil, errInvalid("The provided principal was invalid. Please check the principal and try again.")
}

// errNoPolicy answers for resources that have no policy.
func errNoPolicy() *apiError { return errNotFound("No policy is associated with the given resource.") }

// errNoResource is AWS's answer for several things that aren't there.
func errNoResource() *apiError { return errNotFound("The resource you requested does not exist.") }
