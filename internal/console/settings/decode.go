package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
)

// invalid is an error in a request; at is the path of the member that is wrong, "" for the whole.
func invalid(at, hint, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if at != "" {
		message = at + ": " + message
	}
	e := autodefend.Errorf(autodefend.CodeInvalid, "%s", message)
	if hint == "" {
		return e
	}
	return e.WithHint("%s", hint)
}

// decode reads a JSON value into to. Errors name the line and the column, or the member. at stands before members' paths.
func decode(raw []byte, at string, to any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return invalid(at, "send JSON", "there is nothing")
	}
	err := json.Unmarshal(raw, to)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return notJSON(raw, at, int(e.Offset), e.Error())
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid(joinPath(at, e.Field), "", "want %s, have %s", wanted(e.Type.Kind().String()), e.Value)
	}
	return invalid(at, "", "%s", err)
}

// notJSON tells where JSON is broken.
func notJSON(raw []byte, at string, offset int, why string) error {
	before := raw[:min(max(offset-1, 0), len(raw))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return invalid(at, "", "line %d, column %d isn't JSON: %s", line, column, why)
}

// wanted says in words what a kind of Go is.
func wanted(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "bool":
		return "true or false"
	case kind == "string":
		return "a string"
	case kind == "slice":
		return "a list"
	default:
		return "an object"
	}
}

func joinPath(at, name string) string {
	if at == "" || name == "" {
		return at + name
	}
	return at + "." + name
}

// decodeOne is decode for objects of which clients send some members as lists of one: they are taken out of their lists.
func decodeOne(raw []byte, to any, members ...string) error {
	o, ok := readObject(raw)
	if !ok {
		return decode(raw, "", to) // it says what's wrong
	}
	for _, name := range members {
		list, ok := readArray(o.get(name))
		switch {
		case !ok || !o.has(name):
		case len(list) > 1:
			return invalid(name, "", "want one value, have %d", len(list))
		case len(list) == 1:
			o.set(name, list[0])
		default:
			o.remove(name)
		}
	}
	return decode(o.raw(), "", to)
}

// decodeList reads a list of objects, or a single one where the schema wants a list.
func decodeList[T any](raw []byte, at string) ([]T, error) {
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) > 0 && trimmed[0] == '{' {
		var one T
		err := decode(raw, at+"[0]", &one)
		return []T{one}, err
	}
	var raws []json.RawMessage
	if err := decode(raw, at, &raws); err != nil {
		return nil, err
	}
	all := make([]T, len(raws))
	for i := range raws {
		if err := decode(raws[i], fmt.Sprintf("%s[%d]", at, i), &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// maxMistakes bounds how many mistakes one error tells.
const maxMistakes = 5

// mistakes makes one error of joined ones.
func mistakes(err error) error {
	all := flatten(err)
	if len(all) < 2 {
		return err
	}
	var texts []string
	hint := ""
	for i, e := range all {
		if i == maxMistakes {
			texts = append(texts, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		texts = append(texts, e.Error())
		if hint == "" {
			hint = autodefend.ErrorHint(e)
		}
	}
	return &autodefend.Error{Code: autodefend.ErrorCode(err), Message: strings.Join(texts, "; "), Hint: hint}
}

// flatten splits joined errors.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// maxNameBytes bounds names of things.
const maxNameBytes = 256

// checkName refuses names that no path or log can carry.
func checkName(at, name string) error {
	switch {
	case name == "":
		return invalid(at, "", "it needs a name")
	case len(name) > maxNameBytes:
		return invalid(at, "", "%d bytes are too many for a name, it may have %d", len(name), maxNameBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return invalid(at, "", "%q has characters that a name can't have", name)
	case strings.TrimSpace(name) != name || strings.ContainsAny(name, `/\`) || name == "." || name == "..":
		return invalid(at, "use letters, digits, blanks, '_', '-', ':' and '.'", "%q can't be part of an address", name)
	}
	return nil
}

// maxDepth bounds how deep values may be within each other in what clients send.
const maxDepth = 64

// checkDepth refuses JSON that is nested deeper than anything that has a meaning: reading it again and again would take a
// time that grows with its square.
func checkDepth(raw []byte) error {
	depth, inText := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return invalid("", "", "values are within each other more than %d deep", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
