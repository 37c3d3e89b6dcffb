package lambdasim

import "net/http"

// permissionInput is the body of AddPermission.
type permissionInput struct {
	StatementID           string `json:"StatementId"`
	Action                string
	Principal             string
	SourceArn             string
	SourceAccount         string
	EventSourceToken      string
	PrincipalOrgID        string
	FunctionURLAuthType   string `json:"FunctionUrlAuthType"`
	InvokedViaFunctionURL *bool  `json:"InvokedViaFunctionUrl"`
	RevisionID            string `json:"RevisionId"`
}

// conditions renders the conditions of a permission.
func (in *permissionInput) conditions() map[string]map[string]string {
	all := map[string]map[string]string{}
	set := func(operator, key, value string) {
		if value == "" {
			return
		}
		if all[operator] == nil {
			all[operator] = map[string]string{}
		}
		all[operator][key] = value
	}
	set("ArnLike", "AWS:SourceArn", in.SourceArn)
	set("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	set("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	set("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	set("StringEquals", "lambda:FunctionUrlAuthType", in.FunctionURLAuthType)
	if in.InvokedViaFunctionURL != nil && *in.InvokedViaFunctionURL {
		set("Bool", "lambda:InvokedViaFunctionUrl", "true")
	}
	return all
}

// addPermission answers AddPermission. It changes the revision of what it is
// added to.
func addPermission(_ *World, c *call) (reply, error) {
	var in permissionInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	var v violations
	v.maxLength(in.StatementID, "statementId", 100)
	v.pattern(in.StatementID, "statementId", statementPattern)
	v.pattern(in.Action, "action", `(lambda:[*]|lambda:[a-zA-Z]+|[*])`)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	if t.qualifier == latest {
		return reply{}, errInvalid("We currently do not support adding policies for $LATEST.")
	}
	f := c.region.find(t.name, c.now)
	if f == nil {
		return reply{}, errNotFound("Function not found: %s", c.region.functionArn(t.name))
	}
	if err := f.checkPolicyTarget(t); err != nil {
		return reply{}, err
	}
	principal, err := c.account.principal(in.Principal)
	if err != nil {
		return reply{}, err
	}
	s := statement{
		Sid: in.StatementID, Effect: "Allow", Principal: principal, Action: in.Action,
		Resource: t.arn(c.region), Condition: in.conditions(),
	}
	if err := f.permit(t.qualifier, s, in.RevisionID); err != nil {
		return reply{}, err
	}
	text, err := encodeJSON(s)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusCreated, struct{ Statement string }{string(text)})
}

// checkPolicyTarget refuses qualifiers that mean nothing.
func (f *function) checkPolicyTarget(t functionTarget) error {
	if f.version(t.qualifier) != nil {
		return nil
	}
	if fullMatch(aliasPattern, t.qualifier) {
		return errNotFound("Cannot find alias arn: %s", t.arn(f.region))
	}
	return errNotFound("Function not found: %s", t.arn(f.region))
}

// permit adds a statement to the policy of a qualifier.
func (f *function) permit(qualifier string, s statement, revision string) error {
	p := f.policies[qualifier]
	if revision != "" && revision != f.policyRevision(qualifier) {
		return errPrecondition("GetPolicy")
	}
	if p == nil {
		p = &policy{}
	}
	if err := p.add(s); err != nil {
		return err
	}
	f.policies[qualifier] = p
	f.newPolicyRevision(qualifier, p)
	return nil
}

// policyRevision is what a permission's RevisionId must equal: that of the
// policy, or of its resource while there is no policy.
func (f *function) policyRevision(qualifier string) string {
	if p := f.policies[qualifier]; p != nil {
		return p.revision
	}
	if a := f.aliases[qualifier]; a != nil {
		return a.revision
	}
	return f.version(qualifier).revision
}

// newPolicyRevision gives the policy and its resource one new revision.
func (f *function) newPolicyRevision(qualifier string, p *policy) {
	if a := f.aliases[qualifier]; a != nil {
		f.newAliasRevision(a)
		p.revision = a.revision
		return
	}
	v := f.version(qualifier)
	f.newRevision(v)
	p.revision = v.revision
}

// removePermission answers RemovePermission.
func removePermission(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	f := c.region.find(t.name, c.now)
	if f == nil {
		return reply{}, errNotFound("No policy found for: %s", c.region.functionArn(t.name))
	}
	if err := f.checkPolicyTarget(t); err != nil {
		return reply{}, err
	}
	p := f.policies[t.qualifier]
	if p == nil {
		return reply{}, errNoPolicy()
	}
	if revision := c.query.Get("RevisionId"); revision != "" && revision != p.revision {
		return reply{}, errPrecondition("GetPolicy")
	}
	if err := p.remove(c.params["StatementId"]); err != nil {
		return reply{}, err
	}
	f.newPolicyRevision(t.qualifier, p)
	if len(p.statements) == 0 {
		delete(f.policies, t.qualifier)
	}
	return noContent(), nil
}

// getPolicy answers GetPolicy.
func getPolicy(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	f := c.region.find(t.name, c.now)
	if f == nil || f.policies[t.qualifier] == nil {
		return reply{}, errNoResource()
	}
	p := f.policies[t.qualifier]
	return jsonReply(http.StatusOK, struct {
		Policy     string
		RevisionID string `json:"RevisionId"`
	}{p.text(), p.revision})
}
