package same

import (
	"encoding/json"
	"strings"
	"testing"
)

// withoutLog parts the Defender's own lines from what a program wrote. They are JSON objects, each written at once,
// perhaps behind an unfinished line of the program.
func withoutLog(text string) (string, []string) {
	var kept strings.Builder
	var log []string
	for {
		at := strings.Index(text, `{"`)
		if at < 0 {
			kept.WriteString(text)
			return kept.String(), log
		}
		kept.WriteString(text[:at])
		text = text[at:]
		decoder := json.NewDecoder(strings.NewReader(text))
		var object map[string]any
		end := 0
		if err := decoder.Decode(&object); err == nil {
			end = int(decoder.InputOffset())
		}
		if end > 0 && strings.HasPrefix(text[end:], "\n") {
			log, text = append(log, text[:end]), text[end+1:]
			continue
		}
		kept.WriteString(text[:2])
		text = text[2:]
	}
}

func TestWithoutLog(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "",
		"a\nb":                                 "a\nb",
		"{\"a\":1}\nb\n":                       "b\n",
		"begun {\"a\":{\"b\":[1,2]}}\nended\n": "begun ended\n",
		"{\"a\":1} and more\n":                 "{\"a\":1} and more\n",
		"{\"a\":":                              "{\"a\":",
	} {
		if got, log := withoutLog(in); got != want || strings.Contains(in, "}\n") && strings.Count(in, " and ") == 0 && len(log) != 1 {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
