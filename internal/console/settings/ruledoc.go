package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// ruleDocument is a policy as JSON: its members, and those of its rules.
type ruleDocument struct {
	top   object
	rules []object
}

// form is what a policy was given as.
type form int

const (
	wholePolicy form = iota
	ruleList
	singleRule
)

// readRules reads a policy, a list of rules or a single one; false when it's none of them, and then the policy's own parser
// says what's wrong. Collections that are only names become objects with that name.
func readRules(raw []byte) (ruleDocument, form, bool) {
	d := ruleDocument{}
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '[' {
		return d, ruleList, d.take(raw)
	}
	o, ok := readObject(raw)
	switch {
	case !ok:
		return d, wholePolicy, false
	case isWhole(&o):
		d.top = o
		ok := d.take(o.get("rules"))
		return d, wholePolicy, ok
	default:
		d.rules = []object{o}
		return d, singleRule, d.normalize()
	}
}

// isWhole tells a policy from a rule.
func isWhole(o *object) bool {
	for _, name := range []string{"rules", "_id", "learningDisabled", "minPort", "maxPort"} {
		if o.has(name) {
			return true
		}
	}
	return len(o.members) == 0
}

// take reads the rules.
func (d *ruleDocument) take(raw []byte) bool {
	if len(raw) == 0 {
		return true
	}
	all, ok := readArray(raw)
	if !ok {
		return false
	}
	for _, raw := range all {
		rule, ok := readObject(raw)
		if !ok {
			return false
		}
		d.rules = append(d.rules, rule)
	}
	return d.normalize()
}

// normalize makes objects of collections that are only names, and a list of a collection that stands alone.
func (d *ruleDocument) normalize() bool {
	for i := range d.rules {
		raw := d.rules[i].get("collections")
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		all, ok := readArray(raw)
		if !ok {
			all = []json.RawMessage{raw}
		}
		for j := range all {
			name := ""
			if json.Unmarshal(all[j], &name) == nil && string(all[j]) != "null" {
				all[j] = marshal(map[string]string{"name": name})
			}
			if _, ok := readObject(all[j]); !ok {
				return false
			}
		}
		d.rules[i].set("collections", rawArray(all))
	}
	return true
}

// raw returns the policy as JSON.
func (d *ruleDocument) raw() json.RawMessage {
	rules := make([]json.RawMessage, len(d.rules))
	for i := range d.rules {
		rules[i] = d.rules[i].raw()
	}
	top := object{append([]member(nil), d.top.members...)}
	top.set("rules", rawArray(rules))
	return top.raw()
}

// clone returns a copy whose rules can be changed.
func (d *ruleDocument) clone() ruleDocument {
	c := ruleDocument{top: object{append([]member(nil), d.top.members...)}, rules: make([]object, len(d.rules))}
	for i := range d.rules {
		c.rules[i] = object{append([]member(nil), d.rules[i].members...)}
	}
	return c
}

// find returns the place of a rule; -1 when there is none of the name.
func (d *ruleDocument) find(name string) int {
	for i := range d.rules {
		if d.rules[i].text("name") == name {
			return i
		}
	}
	return -1
}

// collectionNames returns the names of a rule's collections.
func collectionNames(rule *object) []string {
	all, _ := readArray(rule.get("collections"))
	names := make([]string, len(all))
	for i, raw := range all {
		o, _ := readObject(raw)
		names[i] = o.text("name")
	}
	return names
}

// nameOnly reduces a rule's collections to their names, as they're stored.
func nameOnly(rule *object) {
	names := collectionNames(rule)
	raws := make([]json.RawMessage, len(names))
	for i, name := range names {
		raws[i] = marshal(map[string]string{"name": name})
	}
	rule.set("collections", rawArray(raws))
}

// fill puts the collections of that name in the place of names.
func (d *ruleDocument) fill(collections map[string]json.RawMessage) {
	for i := range d.rules {
		all, _ := readArray(d.rules[i].get("collections"))
		for j, name := range collectionNames(&d.rules[i]) {
			if full, ok := collections[name]; ok {
				all[j] = full
			}
		}
		if all != nil {
			d.rules[i].set("collections", rawArray(all))
		}
	}
}

// signature is what of a rule its author wrote, in a form that two spellings of the same share.
func signature(rule *object) string {
	bare := object{append([]member(nil), rule.members...)}
	for _, name := range []string{"modified", "owner", "previousName"} {
		bare.remove(name)
	}
	nameOnly(&bare)
	var v any
	dec := json.NewDecoder(bytes.NewReader(bare.raw()))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return string(bare.raw())
	}
	return string(marshal(v))
}

// sign fills in who wrote a rule and when. A rule that is what was stored keeps what was stored; one that is new keeps what
// it says itself, so that an exported policy comes back the same.
func sign(rule, was *object, owner string, now time.Time) {
	if was != nil && signature(rule) == signature(was) {
		rule.set("modified", was.get("modified"))
		rule.set("owner", was.get("owner"))
		return
	}
	if was != nil || !isTime(rule.text("modified")) || rule.text("owner") == "" {
		rule.set("modified", marshal(stamp(now)))
		rule.set("owner", marshal(owner))
	}
}

// isTime reports whether a text is a time that is no zero.
func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339, s)
	return err == nil && !t.IsZero()
}

// rulePath is the path of a rule in messages.
func rulePath(i int) string { return fmt.Sprintf("rules[%d]", i) }

// secretIn finds a secret that is written in a rule: functions need none, and a policy is read by many.
func secretIn(path string, raw json.RawMessage) string {
	if o, ok := readObject(raw); ok {
		for _, m := range o.members {
			at := joinPath(path, m.name)
			if plain := o.text(m.name); strings.EqualFold(m.name, "plain") && plain != "" {
				return at
			}
			if found := secretIn(at, m.raw); found != "" {
				return found
			}
		}
		return ""
	}
	all, ok := readArray(raw)
	if !ok {
		return ""
	}
	for i, e := range all {
		if found := secretIn(fmt.Sprintf("%s[%d]", path, i), e); found != "" {
			return found
		}
	}
	return ""
}
