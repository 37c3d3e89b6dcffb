package plan

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/autodefend/autodefend"
)

// AWS's limits on what one function's configuration may hold.
const (
	// MaxEnvironmentBytes is the limit on the compact JSON text of the
	// variables; 4,096 bytes pass, 4,097 don't.
	MaxEnvironmentBytes = 4096
	// MaxRequestBytes is the limit on an UpdateFunctionConfiguration's body,
	// which must be smaller.
	MaxRequestBytes = 5120
	// MaxUnzippedBytes is the limit on code and layers after extraction.
	MaxUnzippedBytes = 262_144_000
	// awsMaxLayers is AWS's own limit on layers.
	awsMaxLayers = 5
)

// RunIDLength is the length of a run's id in bytes. Run ids have a fixed
// length so that a plan knows the size of the variables an apply will write.
const RunIDLength = 20

// EnvironmentBytes returns the size of the variables as AWS measures it: the
// compact JSON text, in which neither < > & nor the separators U+2028 and
// U+2029 are escaped.
func EnvironmentBytes(v autodefend.Variables) int {
	if size, ok := plainBytes(v); ok {
		return size
	}
	size := len("{}")
	if len(v) > 0 {
		size = len(compactJSON(map[string]string(v)))
	}
	for name, value := range v {
		size -= separatorEscapes(name) + separatorEscapes(value)
	}
	return size
}

// plainBytes is EnvironmentBytes for variables of which no character is escaped,
// as nearly all are; it's so much faster that a fleet's plan shows it.
func plainBytes(v autodefend.Variables) (int, bool) {
	size := len("{}") + max(len(v)-1, 0)
	for name, value := range v {
		if !plain(name) || !plain(value) {
			return 0, false
		}
		size += len(`"":""`) + len(name) + len(value)
	}
	return size, true
}

// plain reports whether JSON writes the text as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// separatorEscapes returns how many bytes longer Go's JSON text of s is than
// AWS's: Go always escapes the separators U+2028 and U+2029.
func separatorEscapes(s string) int {
	const longer = len(`\u2028`) - len("\u2028")
	return longer * (strings.Count(s, "\u2028") + strings.Count(s, "\u2029"))
}

// RequestBytes returns the size of an update's body as the SDK writes it.
func RequestBytes(u autodefend.Update) int {
	body := map[string]any{"RevisionId": u.RevisionID}
	if u.Layers != nil {
		body["Layers"] = *u.Layers
	}
	if u.Variables != nil {
		body["Environment"] = map[string]any{"Variables": map[string]string(*u.Variables)}
	}
	if u.Handler != nil {
		body["Handler"] = *u.Handler
	}
	text := compactJSON(body)
	return len(text) + sdkEscapes(text)
}

// smallRequest reports whether an update's body is below its limit even if every
// byte of it were written as \u0000.
func smallRequest(u autodefend.Update) bool {
	const longest, frame, quotes = len(`\u0000`), 256, len(`"":"",`)
	size := len(u.RevisionID)
	if u.Layers != nil {
		for _, arn := range *u.Layers {
			size += len(arn) + quotes
		}
	}
	if u.Variables != nil {
		for name, value := range *u.Variables {
			size += len(name) + len(value) + quotes
		}
	}
	if u.Handler != nil {
		size += len(*u.Handler)
	}
	return frame+longest*size < MaxRequestBytes
}

// sdkEscapes returns how many bytes longer the SDK's JSON text is than Go's: it
// writes these characters as \u007f, \u0008 and \u000c. An escape in the text
// begins with an unescaped backslash, so a pair of backslashes is skipped.
func sdkEscapes(text []byte) int {
	more := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == 0x7f:
			more += len(`\u007f`) - 1
		case text[i] == '\\' && i+1 < len(text):
			i++
			if text[i] == 'b' || text[i] == 'f' {
				more += len(`\u0008`) - len(`\b`)
			}
		}
	}
	return more
}

// compactJSON marshals without HTML escaping, which AWS doesn't do either.
func compactJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // maps of strings always marshal
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// plannedUpdate is the update of a change with a run id of the right length,
// to be measured only.
func plannedUpdate(f autodefend.Function, facts Facts) autodefend.Update {
	c := attach(f, facts, inspect(f, facts))
	return Materialize(f, c, facts, strings.Repeat("0", RunIDLength))
}
