package lambdasim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const iamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"

// iamService returns the operations of IAM, which has one endpoint for all
// regions.
func iamService() service {
	return service{
		name:        "iam",
		global:      true,
		renderError: renderQuery(iamNamespace),
		operations: []operation{
			{name: "GetRole", quota: quotaNone, handle: getRole, resource: func(c *call) string { return c.form.Get("RoleName") }},
			{name: "SimulatePrincipalPolicy", quota: quotaNone, handle: simulatePrincipalPolicy},
		},
	}
}

// iamRole is a role as IAM writes it.
type iamRole struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	MaxSessionDuration       int
}

// getRole answers one of the account's roles with its trust policy.
func getRole(_ *World, c *call) (reply, error) {
	if !c.form.Has("RoleName") {
		return reply{}, missingMember("RoleName")
	}
	role := c.account.role(c.form.Get("RoleName"))
	if role == nil {
		return reply{}, noSuchRole(c.form.Get("RoleName"))
	}
	trust, err := c.account.trustPolicy(role)
	if err != nil {
		return reply{}, err
	}
	arn := c.account.roleARN(role)
	return queryReply(c, iamNamespace, struct{ Role iamRole }{iamRole{
		Path: role.path(), RoleName: role.Name, RoleID: uniqueID("AROA", arn), Arn: arn,
		CreateDate:               "2024-01-15T08:30:00Z",
		AssumeRolePolicyDocument: trust,
		MaxSessionDuration:       int(maxRoleSession.Seconds()),
	}})
}

// role finds one of the account's roles by name, in any case as IAM does.
func (a *account) role(name string) *Role {
	i := slices.IndexFunc(a.spec.Roles, func(r Role) bool { return strings.EqualFold(r.Name, name) })
	if i < 0 {
		return nil
	}
	return &a.spec.Roles[i]
}

// noSuchRole is the error of a role that the account hasn't got.
func noSuchRole(name string) *apiError {
	return newError(http.StatusNotFound, "NoSuchEntity", "The role with name %s cannot be found.", name)
}

// trustPolicy returns the role's trust policy, URL-encoded as IAM hands it out.
func (a *account) trustPolicy(r *Role) (string, error) {
	type statement struct {
		Effect    string
		Principal map[string][]string
		Action    string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	var statements []statement
	if len(r.TrustedServices) > 0 {
		statements = append(statements, statement{
			Effect: "Allow", Action: "sts:AssumeRole", Principal: map[string][]string{"Service": r.TrustedServices},
		})
	}
	if len(r.TrustedAccounts) > 0 {
		s := statement{Effect: "Allow", Action: "sts:AssumeRole", Principal: map[string][]string{}}
		for _, id := range r.TrustedAccounts {
			s.Principal["AWS"] = append(s.Principal["AWS"], fmt.Sprintf("arn:%s:iam::%s:root", a.partition(), id))
		}
		if r.ExternalID != "" {
			s.Condition = map[string]map[string]string{"StringEquals": {"sts:ExternalId": r.ExternalID}}
		}
		statements = append(statements, s)
	}
	text, err := encodeJSON(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements})
	if err != nil {
		return "", fmt.Errorf("encode trust policy: %w", err)
	}
	return url.QueryEscape(string(text)), nil
}

// evaluation is the verdict on one action and one resource.
type evaluation struct {
	EvalActionName, EvalResourceName, EvalDecision string
	// The lists are always empty here; their elements are always there.
	MatchedStatements    struct{}
	MissingContextValues struct{}
}

// simulatePrincipalPolicy answers what Deny lets a principal of the account do.
func simulatePrincipalPolicy(_ *World, c *call) (reply, error) {
	actions, resources, err := simulationInput(c)
	if err != nil {
		return reply{}, err
	}
	all := make([]evaluation, 0, len(actions)*len(resources))
	for _, action := range actions {
		decision := c.account.decide(action)
		for _, resource := range resources {
			all = append(all, evaluation{EvalActionName: action, EvalResourceName: resource, EvalDecision: decision})
		}
	}
	size, err := formInt(c.form, "MaxItems", 100, 1, 1000)
	if err != nil {
		return reply{}, err
	}
	page, marker, err := pageOf(all, size, c.form.Get("Marker"))
	if err != nil {
		return reply{}, err
	}
	return queryReply(c, iamNamespace, struct {
		EvaluationResults []evaluation `xml:"EvaluationResults>member"`
		IsTruncated       bool
		Marker            string `xml:",omitempty"`
	}{page, marker != "", marker})
}

// simulationInput checks SimulatePrincipalPolicy's parameters.
func simulationInput(c *call) ([]string, []string, error) {
	if !c.form.Has("PolicySourceArn") {
		return nil, nil, missingMember("PolicySourceArn")
	}
	if err := c.checkPrincipal(c.form.Get("PolicySourceArn")); err != nil {
		return nil, nil, err
	}
	actions := formList(c.form, "ActionNames")
	if len(actions) == 0 {
		return nil, nil, missingMember("ActionNames")
	}
	for _, action := range actions {
		if !strings.Contains(action, ":") || strings.ContainsAny(action, "*?") {
			return nil, nil, newError(http.StatusBadRequest, "InvalidInput", "Invalid action name: %s", action)
		}
	}
	resources := formList(c.form, "ResourceArns")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	return actions, resources, nil
}

// checkPrincipal refuses principals whose policies can't be simulated: those of
// another kind, such as sessions, and those that aren't there.
func (c *call) checkPrincipal(arn string) error {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 || fields[0] != "arn" || fields[2] != "iam" {
		return newError(http.StatusBadRequest, "InvalidInput",
			"Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	kind, path, named := strings.Cut(fields[5], "/")
	if !named || kind != "user" && kind != "role" && kind != "group" {
		return newError(http.StatusBadRequest, "InvalidInput",
			"Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	_, name, ok := cutLast(path, "/")
	if !ok {
		name = path
	}
	if fields[4] != c.account.spec.ID {
		return newError(http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: iam:SimulatePrincipalPolicy on resource: %s", c.principal, arn)
	}
	if kind == "role" {
		if c.account.role(name) == nil {
			return noSuchRole(name)
		}
		return nil
	}
	if arn != c.account.userARN() {
		return newError(http.StatusNotFound, "NoSuchEntity", "The %s with name %s cannot be found.", kind, name)
	}
	return nil
}

// userARN is the one user of an account, which every long-lived key belongs to.
func (a *account) userARN() string {
	return fmt.Sprintf("arn:%s:iam::%s:user/simulated", a.partition(), a.spec.ID)
}

// decide returns IAM's word for whether the account denies an action.
func (a *account) decide(action string) string {
	for denied, reason := range a.denies {
		if !strings.EqualFold(denied, action) {
			continue
		}
		if strings.Contains(reason, "SCP") {
			return "explicitDeny"
		}
		return "implicitDeny"
	}
	return "allowed"
}

// pageOf cuts the page that begins at a marker and returns the next marker.
func pageOf[T any](all []T, size int, marker string) ([]T, string, error) {
	start := 0
	if marker != "" {
		text, err := decodeToken(marker)
		if err == nil {
			_, err = fmt.Sscanf(text, "%d", &start)
		}
		if err != nil || start < 0 || start > len(all) {
			return nil, "", newError(http.StatusBadRequest, "InvalidInput", "Invalid Marker.")
		}
	}
	end := min(start+size, len(all))
	if end == len(all) {
		return all[start:], "", nil
	}
	return all[start:end], encodeToken(fmt.Sprint(end)), nil
}
