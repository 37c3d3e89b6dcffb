package settings

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// reference is where a document refers to something.
type reference struct {
	kind  api.Kind
	owner string // the name of the innermost object with a name around it
}

// referrer finds, and may rewrite, references in a document: find is called for each member of each object with the
// values that stand there, and returns the member's new value, or nil to leave it, and whether it refers to what is
// looked for.
type referrer struct {
	find  func(name string, raw json.RawMessage) (json.RawMessage, bool)
	found []string
}

// walk looks through a value and returns it with what was rewritten.
func (r *referrer) walk(raw json.RawMessage, owner string, depth int) json.RawMessage {
	if depth > maxDepth {
		return raw
	}
	if o, ok := readObject(raw); ok {
		return r.object(o, raw, owner, depth)
	}
	all, ok := readArray(raw)
	if !ok || all == nil {
		return raw
	}
	changed := false
	for i := range all {
		next := r.walk(all[i], owner, depth+1)
		changed = changed || string(next) != string(all[i])
		all[i] = next
	}
	if !changed {
		return raw
	}
	return rawArray(all)
}

func (r *referrer) object(o object, raw json.RawMessage, owner string, depth int) json.RawMessage {
	for _, name := range []string{"name", "username", "groupName", "_id", "id"} {
		if s := o.text(name); s != "" {
			owner = s
			break
		}
	}
	changed := false
	for i, m := range o.members {
		next, refers := r.find(m.name, m.raw)
		if refers {
			r.found = append(r.found, owner)
		}
		if next == nil {
			next = r.walk(m.raw, owner, depth+1)
		}
		changed = changed || string(next) != string(m.raw)
		o.members[i].raw = next
	}
	if !changed {
		return raw
	}
	return o.raw()
}

// references finds what refers to something in the documents of some kinds.
func (s *Service) references(
	ctx context.Context, kinds []api.Kind, find func(name string, raw json.RawMessage) (json.RawMessage, bool),
) ([]reference, []api.DocumentChange, error) {
	var found []reference
	var changes []api.DocumentChange
	for _, kind := range kinds {
		documents, err := s.Documents.Documents(ctx, kind)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range documents {
			r := referrer{find: find}
			next := r.walk(d.Body, d.ID, 0)
			for _, owner := range r.found {
				if ref := (reference{kind, owner}); !slices.Contains(found, ref) {
					found = append(found, ref)
				}
			}
			if string(next) != string(d.Body) {
				changes = append(changes, to(d, next))
			}
		}
	}
	return found, changes, nil
}

// collectionKinds are the kinds of documents that name collections.
func collectionKinds() []api.Kind {
	return []api.Kind{
		api.KindRuntimePolicy, api.KindFirewallPolicy, api.KindAutoDeploy, api.KindAlertProfile, api.KindUser, api.KindGroup, api.KindAPIToken,
	}
}

// namesCollection finds a collection by its name in members called collections, be it as an object or as a string, and
// renames it unless next is "".
func namesCollection(name, next string) func(string, json.RawMessage) (json.RawMessage, bool) {
	return func(memberName string, raw json.RawMessage) (json.RawMessage, bool) {
		if !strings.EqualFold(memberName, "collections") {
			return nil, false
		}
		all, ok := readArray(raw)
		if !ok {
			return nil, false
		}
		found := false
		for i := range all {
			text := ""
			o, isObject := readObject(all[i])
			switch {
			case isObject && o.text("name") == name:
				found = true
				o.set("name", marshal(next))
				all[i] = o.raw()
			case !isObject && json.Unmarshal(all[i], &text) == nil && text == name:
				found = true
				all[i] = marshal(next)
			}
		}
		if !found || next == "" {
			return nil, found
		}
		return rawArray(all), true
	}
}

// isMember finds a value that stands in one of some members, alone or in a list.
func isMember(value string, members ...string) func(string, json.RawMessage) (json.RawMessage, bool) {
	return func(name string, raw json.RawMessage) (json.RawMessage, bool) {
		if value == "" || !slices.ContainsFunc(members, func(m string) bool { return strings.EqualFold(m, name) }) {
			return nil, false
		}
		text := ""
		if json.Unmarshal(raw, &text) == nil {
			return nil, text == value
		}
		all, _ := readArray(raw)
		return nil, slices.ContainsFunc(all, func(e json.RawMessage) bool {
			text := ""
			return json.Unmarshal(e, &text) == nil && text == value
		})
	}
}

// inWords names what refers to something, for a message.
func inWords(found []reference) string {
	var words []string
	for i, r := range found {
		if i == maxMistakes {
			words = append(words, "and others")
			break
		}
		words = append(words, kindInWords(r.kind)+" "+quoted(r.owner))
	}
	return strings.Join(words, ", ")
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return `"` + clip(name) + `"`
}

func kindInWords(kind api.Kind) string {
	switch kind {
	case api.KindRuntimePolicy:
		return "runtime rule"
	case api.KindFirewallPolicy:
		return "firewall rule"
	case api.KindAutoDeploy:
		return "auto-defend rule"
	case api.KindAlertProfile:
		return "alert profile"
	case api.KindUser:
		return "user"
	case api.KindGroup:
		return "group"
	case api.KindAPIToken:
		return "API token"
	case api.KindCloudScanRule:
		return "cloud scan rule"
	case api.KindSettings:
		return "setting"
	default:
		return string(kind)
	}
}
