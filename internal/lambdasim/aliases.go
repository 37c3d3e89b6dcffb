package lambdasim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// aliasInput is the body of CreateAlias and UpdateAlias.
type aliasInput struct {
	Name            string
	FunctionVersion *string
	Description     *string
	RoutingConfig   *struct{ AdditionalVersionWeights map[string]float64 }
	RevisionID      string `json:"RevisionId"`
}

// aliasJSON is an alias as AWS sends it.
type aliasJSON struct {
	AliasArn        string
	Name            string
	FunctionVersion string
	Description     string
	RoutingConfig   *routingJSON `json:",omitempty"`
	RevisionID      string       `json:"RevisionId"`
}

type routingJSON struct{ AdditionalVersionWeights map[string]float64 }

// render returns the alias as AWS sends it.
func (a *alias) render(f *function) aliasJSON {
	j := aliasJSON{
		AliasArn: f.region.functionArn(f.name) + ":" + a.name,
		Name:     a.name, FunctionVersion: a.target, Description: a.description, RevisionID: a.revision,
	}
	if len(a.weights) > 0 {
		j.RoutingConfig = &routingJSON{a.weights}
	}
	return j
}

// constraints collects what the front door finds wrong with an alias.
func (in *aliasInput) constraints(v *violations) {
	if in.FunctionVersion != nil {
		v.pattern(*in.FunctionVersion, "functionVersion", `(\$LATEST|[0-9]+)`)
	}
	if in.RoutingConfig == nil {
		return
	}
	weights := in.RoutingConfig.AdditionalVersionWeights
	const field = "routingConfig.additionalVersionWeights"
	for _, key := range slices.Sorted(maps.Keys(weights)) {
		if !fullMatch("[0-9]+", key) {
			v.add(javaMap(weights), field, "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "+
				"Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]")
		}
		if w := weights[key]; w < 0 || w > 1 {
			v.add(javaMap(weights), field, "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "+
				"Member must have value greater than or equal to 0.0, Member must not be null]")
		}
	}
}

// javaMap prints weights as AWS's messages do: {2=0.5}.
func javaMap(weights map[string]float64) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(weights)) {
		text := strconv.FormatFloat(weights[key], 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		parts = append(parts, key+"="+text)
	}
	return fmt.Sprintf("{%s}", strings.Join(parts, ", "))
}

// checkRouting checks the versions an alias would point to.
func (f *function) checkRouting(target string, weights map[string]float64) error {
	if len(weights) > 1 {
		return errInvalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	arn := f.region.functionArn(f.name)
	if f.numbered(target) == nil {
		return errNotFound("Function not found: %s:%s", arn, target)
	}
	for version := range weights {
		switch {
		case target == latest:
			e := errInvalid("$LATEST is not supported for an alias pointing to more than 1 version")
			e.sender = ""
			return e
		case version == target:
			return errInvalid("Invalid function version %s. Function version %s is already included in routing configuration.", version, version)
		case f.numbered(version) == nil:
			return errNotFound("Function not found: %s:%s", arn, version)
		}
	}
	return nil
}

// numbered returns $LATEST or a published version, never by alias.
func (f *function) numbered(number string) *version {
	if number != latest && !allDigits(number) {
		return nil
	}
	return f.version(number)
}

// createAlias answers CreateAlias.
func createAlias(_ *World, c *call) (reply, error) {
	var in aliasInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	var v violations
	v.maxLength(in.Name, "name", 128)
	v.pattern(in.Name, "name", aliasPattern)
	in.constraints(&v)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	target := ""
	assign(&target, in.FunctionVersion)
	f := c.region.find(t.name, c.now)
	if f == nil {
		return reply{}, errNotFound("Function not found: %s:%s", c.region.functionArn(t.name), target)
	}
	var weights map[string]float64
	if in.RoutingConfig != nil {
		weights = in.RoutingConfig.AdditionalVersionWeights
	}
	if err := f.checkRouting(target, weights); err != nil {
		return reply{}, err
	}
	if f.aliases[in.Name] != nil {
		return reply{}, errConflict("Alias already exists: %s:%s", c.region.functionArn(f.name), in.Name)
	}
	a := &alias{name: in.Name, target: target, weights: weights}
	assign(&a.description, in.Description)
	f.newAliasRevision(a)
	f.aliases[a.name] = a
	return jsonReply(http.StatusCreated, a.render(f))
}

// newAliasRevision gives an alias its next revision id; that of the function
// stays.
func (f *function) newAliasRevision(a *alias) {
	f.revisions++
	a.revision = uuid(f.region.world.opts.Seed, "alias", f.region.functionArn(f.name), a.name, strconv.Itoa(f.revisions))
}

// alias returns the alias that a call's path names.
func (c *call) alias(message string) (*function, *alias, error) {
	f, err := c.unqualified()
	if err != nil {
		return nil, nil, err
	}
	a := f.aliases[c.params["Name"]]
	if a == nil {
		return f, nil, errNotFound("%s: %s:%s", message, c.region.functionArn(f.name), c.params["Name"])
	}
	return f, a, nil
}

// getAlias answers GetAlias.
func getAlias(_ *World, c *call) (reply, error) {
	f, a, err := c.alias("Cannot find alias arn")
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, a.render(f))
}

// updateAlias answers UpdateAlias.
func updateAlias(_ *World, c *call) (reply, error) {
	var in aliasInput
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	var v violations
	in.constraints(&v)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	f, a, err := c.alias("Alias not found")
	if err != nil {
		return reply{}, err
	}
	if in.RevisionID != "" && in.RevisionID != a.revision {
		return reply{}, errPrecondition("GetFunction/GetAlias")
	}
	next := *a
	assign(&next.target, in.FunctionVersion)
	assign(&next.description, in.Description)
	if in.RoutingConfig != nil {
		next.weights = in.RoutingConfig.AdditionalVersionWeights
	}
	if err := f.checkRouting(next.target, next.weights); err != nil {
		return reply{}, err
	}
	*a = next
	f.newAliasRevision(a)
	return jsonReply(http.StatusOK, a.render(f))
}

// deleteAlias answers DeleteAlias; an alias that isn't there is deleted too.
func deleteAlias(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	delete(f.aliases, c.params["Name"])
	return noContent(), nil
}

// listAliases answers ListAliases.
func listAliases(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	wanted := c.query.Get("FunctionVersion")
	answer := struct {
		Aliases    []aliasJSON
		NextMarker string `json:",omitempty"`
	}{Aliases: []aliasJSON{}}
	for _, name := range slices.Sorted(maps.Keys(f.aliases)) {
		a := f.aliases[name]
		if name <= after || wanted != "" && a.target != wanted {
			continue
		}
		if len(answer.Aliases) == limit {
			answer.NextMarker = marker(answer.Aliases[limit-1].Name)
			break
		}
		answer.Aliases = append(answer.Aliases, a.render(f))
	}
	return jsonReply(http.StatusOK, answer)
}
