package plan

import (
	"strings"

	"github.com/autodefend/autodefend"
)

// attachment is what of the Defender a function carries, and which part of it
// is missing or outdated.
type attachment struct {
	recipe autodefend.Recipe
	// layer is the ARN of our layer in the function's list, "" when missing.
	layer string
	// layerCurrent is true when it's the version to be attached, or when that
	// isn't known.
	layerCurrent bool
	// entry is true when our wrapper or handler is in place.
	entry bool
	// next is true when an owner's wrapper or handler is kept.
	next bool
	// stale are the recipe's own variables that are missing or differ.
	stale  []string
	marker marker
	// tag is what the function's tags say, and owned the recipe that the
	// ownership tag names.
	tag   tagState
	owned string
}

// inspect finds what is ours in a function.
func inspect(f autodefend.Function, facts Facts) attachment {
	r := facts.Recipe
	a := attachment{recipe: r, tag: inspectTag(f, facts.Tag)}
	for _, l := range f.Layers {
		if oursByName(r, l.ARN) {
			a.layer = l.ARN
		}
	}
	want, known := facts.Defender[f.Architecture]
	a.layerCurrent = a.layer != "" && (!known || a.layer == want.ARN) &&
		autodefend.LayerName(a.layer) == r.Layer.Names[f.Architecture]
	vars := f.Environment.Variables
	a.marker = parseMarker(vars[autodefend.MarkerVariable])
	switch {
	case r.Wrapper != nil:
		a.entry = vars[autodefend.WrapperVariable] == r.Wrapper.Path
		_, a.next = vars[r.Wrapper.NextVariable]
	case r.Handler != nil:
		a.entry = f.Handler == r.Handler.Value
		a.next = vars[r.Handler.OriginalVariable] != ""
	}
	for _, name := range r.Environment.Names() {
		if vars[name] != r.Environment[name] {
			a.stale = append(a.stale, name)
		}
	}
	a.owned = f.Tags[autodefend.OwnershipTag]
	return a
}

// tagState says whose the tag that marks protected functions is.
type tagState int

const (
	// tagUnknown: the tags weren't read; then the tag doesn't count.
	tagUnknown tagState = iota
	tagMissing
	// tagOurs: we set it, as the ownership tag shows.
	tagOurs
	// tagOwners: the owner set it, or gave ours another value. It's left alone.
	tagOwners
	// tagLeft: only the ownership tag is there.
	tagLeft
)

func inspectTag(f autodefend.Function, tag autodefend.Tag) tagState {
	value, present := f.Tags[tag.Key]
	_, owned := f.Tags[autodefend.OwnershipTag]
	switch {
	case !f.TagsKnown:
		return tagUnknown
	case owned && !present:
		return tagLeft
	case !present:
		return tagMissing
	case owned && value == tag.Value:
		return tagOurs
	}
	return tagOwners
}

// oursByName reports whether a layer is the Defender's, whatever its version.
// AWS made the ARN, so that it needn't be parsed.
func oursByName(r autodefend.Recipe, arn string) bool {
	_, layer, ok := strings.Cut(arn, ":layer:")
	if !ok {
		return false
	}
	name, _, _ := strings.Cut(layer, ":")
	for _, ours := range r.Layer.Names {
		if name == ours {
			return true
		}
	}
	return false
}

// complete reports whether the Defender is attached and current.
func (a attachment) complete() bool {
	return a.layer != "" && a.layerCurrent && a.entry && !a.orphan() && len(a.stale) == 0 && a.marked() && a.tag != tagMissing && a.tag != tagLeft
}

// orphan reports a redirected handler whose original isn't kept: nobody knows
// what to run.
func (a attachment) orphan() bool { return a.recipe.Handler != nil && a.entry && !a.next }

// marked reports whether the marker is there and of this recipe.
func (a attachment) marked() bool { return a.marker.recipe == a.recipe.Name }

// any reports whether anything of the Defender is there. Our tags alone are
// something: they survive deployments that wipe all else, and then say what
// isn't true.
func (a attachment) any() bool {
	return a.layer != "" || a.entry || a.owned != "" || a.marker.recipe != "" || (a.next && a.recipe.Wrapper != nil)
}

// foreign reports a function that another recipe's Defender is attached to.
// Nothing of it is ours to touch, also where both recipes name the same layer.
func (a attachment) foreign() bool {
	by := a.attachedBy()
	return by != "" && by != a.recipe.Name
}

// attachedBy returns the recipe that the function says it was attached with:
// the marker's or, where a deployment wiped that, the ownership tag's.
func (a attachment) attachedBy() string {
	if a.marker.recipe != "" {
		return a.marker.recipe
	}
	return a.owned
}

// broken reports an entry without the layer it points into: no invocation can
// start.
func (a attachment) broken() bool { return a.entry && a.layer == "" }

// ours reports whether Autodefend attached what is there.
func (a attachment) ours() bool {
	return a.attachedBy() == a.recipe.Name || (a.attachedBy() == "" && a.recipe.Layer.Owned)
}

// defects says what a repair mends.
func (a attachment) defects() []autodefend.Reason {
	var out []autodefend.Reason
	add := func(broken bool, message string) {
		if broken {
			out = append(out, autodefend.Reason{Check: autodefend.CheckAttachment, Message: message})
		}
	}
	add(a.layer == "" && a.entry, "the Defender's layer is gone but its entry point is still set: no invocation can start")
	add(a.layer == "" && !a.entry, "the Defender's layer is gone")
	add(a.layer != "" && !a.layerCurrent, "the Defender's layer is another version than the one to attach")
	add(a.layer != "" && !a.entry, "the layer is there but nothing starts the Defender")
	add(len(a.stale) > 0, "variables of the recipe are missing or outdated: "+strings.Join(a.stale, ", "))
	add(a.layer != "" && a.entry && !a.marked(), "the variable "+autodefend.MarkerVariable+" is missing or of another recipe")
	add(a.tag == tagMissing || a.tag == tagLeft, "the tag is missing")
	return out
}

// remains is the reason of a repair that removes what is left of the Defender.
func (a attachment) remains() autodefend.Reason {
	return autodefend.Reason{
		Check:   autodefend.CheckAttachment,
		Message: "the Defender's layer is gone but its entry point is still set, so no invocation can start; what is left of it will be removed",
	}
}

// marker is the content of [autodefend.MarkerVariable].
type marker struct{ recipe, run string }

func parseMarker(s string) marker {
	recipe, run, ok := strings.Cut(s, "/")
	if !ok {
		return marker{}
	}
	return marker{recipe: recipe, run: run}
}

// runPlaceholder stands for the run's id in planned values.
const runPlaceholder = "{run}"

func (m marker) planned() string { return m.recipe + "/" + runPlaceholder }
