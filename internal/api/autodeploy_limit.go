package api

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
)

// ChangeLimit is how many functions may change at once: a number ("25") or a share ("10%"). Empty is no limit. JSON
// numbers are taken too.
type ChangeLimit string

// UnmarshalJSON reads a text or a number.
func (l *ChangeLimit) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '"' && string(data) != "null" {
		var n json.Number
		err := json.Unmarshal(data, &n)
		*l = ChangeLimit(n)
		return err
	}
	return json.Unmarshal(data, (*string)(l))
}

// parse returns the number and whether it is a share.
func (l ChangeLimit) parse() (int, bool, error) {
	text, share := strings.CutSuffix(string(l), "%")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || (share && n > 100) {
		return 0, false, autodefend.Errorf(autodefend.CodeInvalid, "%q is neither a number nor a share", clipped(string(l))).
			WithHint(`write 25 for a number, or "10%%" for a share`)
	}
	return n, share, nil
}

// Of returns how many of total may change. A share of few is at least one.
func (l ChangeLimit) Of(total int) int {
	if l == "" {
		return total
	}
	n, share, err := l.parse()
	if err != nil {
		return 0
	}
	if share {
		return min(total, max(total*n/100, min(n, 1)))
	}
	return n
}

// asTypeError finds a mistake of types in err.
func asTypeError(err error) (*json.UnmarshalTypeError, bool) {
	return errors.AsType[*json.UnmarshalTypeError](err)
}

// kindOf says what a JSON text is.
func kindOf(text []byte) string {
	if len(text) == 0 {
		return "nothing"
	}
	switch text[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// goKind says in JSON's words what a Go kind is read from.
func goKind(kind string) string {
	switch kind {
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "slice":
		return "an array"
	case "struct", "map":
		return "an object"
	}
	return "a number"
}

// clipped bounds foreign text in a message.
func clipped(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
