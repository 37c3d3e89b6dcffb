package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
)

// attach computes the change that makes the function carry the current
// Defender. The owner's layers keep their order, ours comes last.
func attach(f autodefend.Function, facts Facts, have attachment) *autodefend.Change {
	r := facts.Recipe
	c := &autodefend.Change{Revision: f.RevisionID}
	if want, ok := facts.Defender[f.Architecture]; ok && (have.layer != want.ARN || countOurs(r, f) != 1) {
		c.Layers = &autodefend.LayersChange{Before: f.LayerARNs(), After: append(ownersLayers(r, f), want.ARN)}
	}
	switch {
	case r.Wrapper != nil:
		c.Environment = append(c.Environment, attachWrapper(f, r)...)
	case r.Handler != nil && !have.entry:
		c.Handler = &autodefend.HandlerChange{Before: f.Handler, After: r.Handler.Value}
		c.Environment = append(c.Environment, set(r.Handler.OriginalVariable, f.Handler))
	}
	for _, name := range have.stale {
		c.Environment = append(c.Environment, autodefend.VariableChange{Name: name, Action: autodefend.SetVariable, From: "recipe"})
	}
	if !have.marked() || c.Configures() {
		c.Environment = append(c.Environment, set(autodefend.MarkerVariable, marker{recipe: r.Name}.planned()))
	}
	if have.tag != tagOurs && have.tag != tagOwners {
		c.Tag = &autodefend.TagChange{Tag: facts.Tag}
	}
	return c
}

// attachWrapper sets our wrapper and keeps an owner's one for us to start.
func attachWrapper(f autodefend.Function, r autodefend.Recipe) []autodefend.VariableChange {
	owner, present := f.Environment.Variables[autodefend.WrapperVariable]
	if owner == r.Wrapper.Path {
		return nil
	}
	change := []autodefend.VariableChange{set(autodefend.WrapperVariable, r.Wrapper.Path)}
	next := r.Wrapper.NextVariable
	switch _, stale := f.Environment.Variables[next]; {
	case present && next != "":
		change = append(change, autodefend.VariableChange{Name: next, Action: autodefend.CopyVariable, From: autodefend.WrapperVariable})
	case stale:
		change = append(change, autodefend.VariableChange{Name: next, Action: autodefend.RemoveVariable})
	}
	return change
}

// detach computes the inverse change on the function as it is now: it removes
// what is ours and keeps all else.
func detach(f autodefend.Function, facts Facts, have attachment) *autodefend.Change {
	r := facts.Recipe
	c := &autodefend.Change{Revision: f.RevisionID}
	if have.layer != "" {
		c.Layers = &autodefend.LayersChange{Before: f.LayerARNs(), After: ownersLayers(r, f)}
	}
	switch {
	case r.Wrapper != nil:
		c.Environment = append(c.Environment, detachWrapper(have, r)...)
	case r.Handler != nil && have.next:
		if have.entry {
			c.Handler = &autodefend.HandlerChange{Before: f.Handler, After: f.Environment.Variables[r.Handler.OriginalVariable]}
		}
		c.Environment = append(c.Environment, remove(r.Handler.OriginalVariable))
	}
	for _, name := range r.Environment.Names() {
		if _, present := f.Environment.Variables[name]; present && name != r.PolicyVariable {
			c.Environment = append(c.Environment, remove(name))
		}
	}
	if ownPolicy(f, r) {
		c.Environment = append(c.Environment, remove(r.PolicyVariable))
	}
	if _, present := f.Environment.Variables[autodefend.MarkerVariable]; present {
		c.Environment = append(c.Environment, remove(autodefend.MarkerVariable))
	}
	switch {
	case have.tag == tagOurs:
		c.Tag = &autodefend.TagChange{Tag: facts.Tag, Remove: true}
	case have.owned != "": // what it vouched for is gone or the owner's now
		c.Tag = &autodefend.TagChange{Tag: autodefend.Tag{Key: autodefend.OwnershipTag}, Remove: true}
	}
	return c
}

func detachWrapper(have attachment, r autodefend.Recipe) []autodefend.VariableChange {
	var change []autodefend.VariableChange
	switch {
	case have.entry && have.next:
		change = append(change, autodefend.VariableChange{
			Name: autodefend.WrapperVariable, Action: autodefend.CopyVariable, From: r.Wrapper.NextVariable,
		})
	case have.entry:
		change = append(change, remove(autodefend.WrapperVariable))
	}
	if have.next {
		change = append(change, remove(r.Wrapper.NextVariable))
	}
	return change
}

func set(name, value string) autodefend.VariableChange {
	return autodefend.VariableChange{Name: name, Action: autodefend.SetVariable, Value: value}
}

func remove(name string) autodefend.VariableChange {
	return autodefend.VariableChange{Name: name, Action: autodefend.RemoveVariable}
}

// ownersLayers returns the layers that aren't ours, in the owner's order.
func ownersLayers(r autodefend.Recipe, f autodefend.Function) []string {
	return slices.DeleteFunc(f.LayerARNs(), func(arn string) bool { return oursByName(r, arn) })
}

func countOurs(r autodefend.Recipe, f autodefend.Function) int {
	return len(f.Layers) - len(ownersLayers(r, f))
}

// Materialize turns a change into the call that carries it out on the function
// it was computed from: complete layers, complete variables, the revision.
func Materialize(f autodefend.Function, c *autodefend.Change, facts Facts, run string) autodefend.Update {
	r := facts.withPolicy(f).Recipe
	u := autodefend.Update{Function: f.ARN, RevisionID: f.RevisionID}
	if c.Layers != nil {
		after := slices.Clone(c.Layers.After)
		u.Layers = &after
	}
	if c.Handler != nil {
		u.Handler = &c.Handler.After
	}
	if len(c.Environment) > 0 {
		after := variablesAfter(f.Environment.Variables, c.Environment, r, run)
		u.Variables = &after
	}
	return u
}

// variablesAfter applies the changes to the variables as they were before all
// of them.
func variablesAfter(before autodefend.Variables, changes []autodefend.VariableChange, r autodefend.Recipe, run string) autodefend.Variables {
	after := autodefend.Variables(maps.Clone(before))
	if after == nil {
		after = autodefend.Variables{}
	}
	for _, v := range changes {
		switch {
		case v.Action == autodefend.RemoveVariable:
			delete(after, v.Name)
		case v.Action == autodefend.CopyVariable:
			after[v.Name] = before[v.From]
		case v.From == "recipe":
			after[v.Name] = r.Environment[v.Name]
		case v.Name == autodefend.MarkerVariable:
			after[v.Name] = strings.ReplaceAll(v.Value, runPlaceholder, run)
		default:
			after[v.Name] = v.Value
		}
	}
	return after
}
