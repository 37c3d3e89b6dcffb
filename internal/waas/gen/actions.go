package main

import (
	"slices"
	"strconv"
	"strings"
)

// readActions reads a rule's list of actions. What isn't listed here is an error, also when it would do no harm.
func readActions(at place, text string) (secActions, error) {
	var out secActions
	list := splitActions(text)
	for _, action := range list {
		if action.key == "id" {
			id, err := strconv.Atoi(action.value)
			if err != nil {
				return out, at.errorf("the id %q is no number", action.value)
			}
			out.id, at.rule = id, id
		}
	}
	for _, action := range list {
		if err := out.add(at, action.key, action.value); err != nil {
			return out, err
		}
	}
	return out, nil
}

// add notes one action.
func (a *secActions) add(at place, key, value string) error {
	switch key {
	case "id":
	case "msg":
		a.message = value
	case "severity":
		a.severity = value
	case "tag":
		a.tags = append(a.tags, value)
	case "t":
		a.transform(value)
	case "setvar":
		return a.setvar(at, value)
	case "ctl":
		a.ctl = append(a.ctl, value)
	case "skipafter":
		a.skipAfter = value
	case "skip":
		return a.skipRules(at, value)
	case "capture", "multimatch", "chain", "pass":
		a.flag(key)
	default:
		return meaningless(at, key)
	}
	return nil
}

// transform notes one transformation.
func (a *secActions) transform(name string) {
	if strings.EqualFold(name, "none") {
		a.transforms = nil
		return
	}
	a.transforms = append(a.transforms, name)
}

// flag notes an action without a value.
func (a *secActions) flag(key string) {
	switch key {
	case "capture":
		a.capture = true
	case "multimatch":
		a.multiMatch = true
	case "chain":
		a.chain = true
	case "pass":
		a.pass = true
	}
}

// meaningless lets actions pass that say only what a proxy does and logs after a match: the policy decides that here.
func meaningless(at place, key string) error {
	if slices.Contains([]string{"phase", "block", "deny", "log", "nolog", "auditlog", "noauditlog", "logdata", "ver", "rev", "status"}, key) {
		return nil
	}
	return at.errorf("action %s isn't understood", key)
}

// setvar notes an assignment to a variable of the transaction.
func (a *secActions) setvar(at place, text string) error {
	name, value, found := strings.Cut(text, "=")
	name, isTX := strings.CutPrefix(strings.ToLower(name), "tx.")
	if !found || !isTX {
		return at.errorf("setvar %q isn't understood", text)
	}
	a.setvars = append(a.setvars, secSetvar{name: name, value: value})
	return nil
}

// skipRules notes how many of the following rules a match skips.
func (a *secActions) skipRules(at place, value string) error {
	count, err := strconv.Atoi(value)
	if err != nil || count < 1 {
		return at.errorf("skip %q isn't understood", value)
	}
	a.skip = count
	return nil
}

// keyValue is one action.
type keyValue struct{ key, value string }

// splitActions splits a list of actions at the commas outside single quotes.
func splitActions(text string) []keyValue {
	var out []keyValue
	start, inQuotes := 0, false
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || text[i] == ',' && !inQuotes:
			key, value, _ := strings.Cut(text[start:i], ":")
			value = strings.TrimSpace(value)
			if len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'' {
				value = value[1 : len(value)-1]
			}
			if key = strings.ToLower(strings.TrimSpace(key)); key != "" {
				out = append(out, keyValue{key, value})
			}
			start = i + 1
		case text[i] == '\\':
			i++
		case text[i] == '\'':
			inQuotes = !inQuotes
		}
	}
	return out
}
