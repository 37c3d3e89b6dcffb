package cloud

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
)

const (
	// shortestSecret is the length from which on a value is removed from
	// messages. Shorter ones would punch holes into ordinary words.
	shortestSecret = 4
	// maxMessage bounds what is kept of AWS's messages, in bytes.
	maxMessage = 1000
)

// redact removes from AWS's message what it quotes of the variables that were
// sent, and bounds it.
func redact(message string, secrets autodefend.Variables) string {
	message = cutQuotes(message)
	names := make([]string, len(message)) // per byte, whose value it belongs to
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		for _, spelling := range spellings(secrets[name]) {
			mark(names, message, spelling, name)
		}
	}
	return clip(replaceMarked(message, names), maxMessage)
}

// cutQuotes cuts the two passages in which AWS quotes an environment as a
// whole: when it's over the limit, and when it's malformed.
func cutQuotes(message string) string {
	if before, _, found := strings.Cut(message, "String measured"); found {
		message = strings.TrimRight(before, " ")
	}
	const start, end = "Value '", "' at 'environment"
	from := strings.Index(message, start)
	to := strings.LastIndex(message, end)
	if from >= 0 && to > from {
		message = message[:from] + "Value [removed]" + message[to+1:]
	}
	return message
}

// spellings returns how a value may appear in a message: as it is, and as it's
// written inside JSON.
func spellings(value string) []string {
	if len(value) < shortestSecret {
		return nil
	}
	all := []string{value}
	for _, html := range []bool{false, true} {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		if enc.Encode(value) != nil {
			continue
		}
		text := strings.TrimSuffix(strings.TrimSpace(b.String()), `"`)
		all = append(all, strings.TrimPrefix(text, `"`))
	}
	return unique(all)
}

// mark notes the name at every byte of every occurrence of value, overlapping
// ones included.
func mark(names []string, message, value, name string) {
	done := 0
	for from := 0; ; {
		i := strings.Index(message[from:], value)
		if i < 0 {
			return
		}
		from += i
		for j := max(from, done); j < from+len(value); j++ {
			if names[j] == "" {
				names[j] = name
			}
		}
		done = from + len(value)
		from++
	}
}

// replaceMarked replaces each run of marked bytes by the name of the variable
// it begins with.
func replaceMarked(message string, names []string) string {
	var b strings.Builder
	for i := 0; i < len(message); i++ {
		if names[i] == "" {
			b.WriteByte(message[i])
			continue
		}
		if i == 0 || names[i-1] == "" {
			b.WriteString("[value of " + names[i] + "]")
		}
	}
	return b.String()
}

// clip bounds a text to so many bytes without cutting a character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
