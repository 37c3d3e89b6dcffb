package main

import "strings"

// readTargets reads a rule's list of variables: NAME, NAME:selector, NAME:/pattern/, each with & or !, between bars.
func readTargets(at place, text string) ([]secTarget, error) {
	var out []secTarget
	for text != "" {
		var target secTarget
		switch text[0] {
		case '!':
			target.exclude, text = true, text[1:]
		case '&':
			target.count, text = true, text[1:]
		}
		end := strings.IndexAny(text, ":|")
		if end < 0 {
			end = len(text)
		}
		target.name, text = strings.ToUpper(text[:end]), text[end:]
		if target.name == "" {
			return nil, at.errorf("an empty name of a variable")
		}
		if strings.HasPrefix(text, ":") {
			var ok bool
			if target, text, ok = readSelector(target, text[1:]); !ok {
				return nil, at.errorf("the selector of %s isn't understood", target.name)
			}
		}
		out = append(out, target)
		if text == "" {
			break
		}
		if text[0] != '|' || len(text) == 1 {
			return nil, at.errorf("%q follows the variable %s", text, target.name)
		}
		text = text[1:]
	}
	if len(out) == 0 {
		return nil, at.errorf("the rule has no variables")
	}
	return out, nil
}

// readSelector reads what follows the colon and returns the target with it, the rest of the text, and whether it could
// be read. XML's selectors are paths and become part of the variable's name.
func readSelector(target secTarget, text string) (secTarget, string, bool) {
	if target.name == "XML" {
		path, _, _ := strings.Cut(text, "|")
		target.name += ":" + path
		return target, text[len(path):], path != ""
	}
	if !strings.HasPrefix(text, "/") {
		target.selector, _, _ = strings.Cut(text, "|")
		return target, text[len(target.selector):], target.selector != ""
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '/':
			target.selector, target.pattern = text[1:i], true
			return target, text[i+1:], i > 1
		}
	}
	return target, "", false
}
