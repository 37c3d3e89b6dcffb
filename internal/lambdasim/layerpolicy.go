package lambdasim

import (
	"net/http"
	"strconv"
)

// pathLayer returns the layer version that a policy call's path names.
func (c *call) pathLayer() (*layerVersion, error) {
	n, err := c.pathVersion()
	if err != nil {
		return nil, err
	}
	name, err := c.ownLayerName()
	if err != nil {
		return nil, err
	}
	l := c.region.layerVersion(name, n)
	if l == nil {
		return nil, errNotFound("Layer version %s:%d does not exist.", c.region.layerArn(name), n)
	}
	return l, nil
}

// newPolicyRevision gives a layer version's policy its next revision id.
func (l *layerVersion) newPolicyRevision(seed uint64) {
	l.policyRevisions++
	l.policy.revision = uuid(seed, "layer policy", l.arn, strconv.Itoa(l.policyRevisions))
}

// addLayerVersionPermission answers AddLayerVersionPermission.
func addLayerVersionPermission(w *World, c *call) (reply, error) {
	var in struct {
		StatementID    string `json:"StatementId"`
		Action         string
		Principal      string
		OrganizationID string `json:"OrganizationId"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	var v violations
	v.pattern(in.StatementID, "statementId", statementPattern)
	v.pattern(in.Action, "action", "lambda:GetLayerVersion")
	if err := v.err(); err != nil {
		return reply{}, err
	}
	l, err := c.pathLayer()
	if err != nil {
		return reply{}, err
	}
	if revision := c.query.Get("RevisionId"); revision != "" && revision != l.policy.revision {
		return reply{}, errPrecondition("GetLayerPolicy")
	}
	principal, err := c.account.principal(in.Principal)
	if err != nil {
		return reply{}, err
	}
	s := statement{Sid: in.StatementID, Effect: "Allow", Principal: principal, Action: in.Action, Resource: l.arn}
	if in.OrganizationID != "" {
		s.Condition = map[string]map[string]string{"StringEquals": {"aws:PrincipalOrgID": in.OrganizationID}}
	}
	if err := l.policy.add(s); err != nil {
		return reply{}, err
	}
	l.newPolicyRevision(w.opts.Seed)
	text, err := encodeJSON(s)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusCreated, struct {
		Statement  string
		RevisionID string `json:"RevisionId"`
	}{string(text), l.policy.revision})
}

// removeLayerVersionPermission answers RemoveLayerVersionPermission.
func removeLayerVersionPermission(w *World, c *call) (reply, error) {
	l, err := c.pathLayer()
	if err != nil {
		return reply{}, err
	}
	if revision := c.query.Get("RevisionId"); revision != "" && revision != l.policy.revision {
		return reply{}, errPrecondition("GetLayerPolicy")
	}
	if err := l.policy.remove(c.params["StatementId"]); err != nil {
		return reply{}, err
	}
	l.newPolicyRevision(w.opts.Seed)
	return noContent(), nil
}

// getLayerVersionPolicy answers GetLayerVersionPolicy.
func getLayerVersionPolicy(_ *World, c *call) (reply, error) {
	l, err := c.pathLayer()
	if err != nil {
		return reply{}, err
	}
	if len(l.policy.statements) == 0 {
		return reply{}, errNoPolicy()
	}
	return jsonReply(http.StatusOK, struct {
		Policy     string
		RevisionID string `json:"RevisionId"`
	}{l.policy.text(), l.policy.revision})
}
