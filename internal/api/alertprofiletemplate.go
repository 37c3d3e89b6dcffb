package api

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/autodefend/autodefend"
)

// AlertTemplate is the JSON of a webhook with macros, such as {"where": #function, "text": "#type: #message"}. A macro
// within a string becomes escaped text, one outside a whole JSON value, so that no audit can change the JSON around it.
type AlertTemplate struct {
	parts []templatePart
}

// templatePart is text that stays, then a macro.
type templatePart struct {
	text   string
	macro  string // "" at the end
	quoted bool   // the macro stands within a string
}

// maxTemplate bounds a template, in bytes.
const maxTemplate = 32 << 10

// ParseAlertTemplate reads a template. Errors have [autodefend.CodeInvalid]: what isn't JSON with its macros filled in
// is refused.
func ParseAlertTemplate(text string) (*AlertTemplate, error) {
	if len(text) > maxTemplate {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the template has %d bytes, more than %d", len(text), maxTemplate)
	}
	t := scanTemplate(text)
	for _, part := range t.parts {
		if _, known := (Alert{}).Macro(part.macro); part.macro != "" && !known {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "there is no macro #%s", part.macro).
				WithHint("macros are #type, #time, #function, #region, #runtime, #rule, #message, #aggregated, #rest and others of docs/alerts.md")
		}
	}
	if filled := t.Render(Alert{}); !json.Valid(filled) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the template isn't JSON when its macros are filled in").
			WithHint(`a template looks like {"function": #function, "text": "#type: #message"}`)
	}
	return t, nil
}

// scanTemplate divides a template into texts and macros. Within a string, a word behind # that isn't a macro stays.
func scanTemplate(text string) *AlertTemplate {
	t := &AlertTemplate{}
	quoted := false
	start := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '#':
			word := macroWord(text[i+1:])
			if _, known := (Alert{}).Macro(word); quoted && !known || word == "" {
				continue
			}
			t.parts = append(t.parts, templatePart{text: text[start:i], macro: word, quoted: quoted})
			i += len(word)
			start = i + 1
		}
	}
	t.parts = append(t.parts, templatePart{text: text[start:]})
	return t
}

// macroWord returns the letters that a text begins with.
func macroWord(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	if end < 0 {
		return text
	}
	return text[:end]
}

// Render fills in the macros. The result is JSON.
func (t *AlertTemplate) Render(a Alert) []byte {
	var out bytes.Buffer
	for _, part := range t.parts {
		out.WriteString(part.text)
		if part.macro == "" {
			continue
		}
		value, _ := a.Macro(part.macro)
		if part.quoted {
			out.WriteString(withinString(value))
			continue
		}
		out.Write(value)
	}
	return out.Bytes()
}

// withinString returns a JSON value as it's written within a string.
func withinString(value json.RawMessage) string {
	if len(value) >= 2 && value[0] == '"' {
		return string(value[1 : len(value)-1])
	}
	escaped := alertJSON(string(value))
	return string(escaped[1 : len(escaped)-1])
}
