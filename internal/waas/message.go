package waas

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/waas/event"
)

// What messages show of a text, in bytes.
const (
	maxMatch = 256
	maxValue = 256
)

// message is the audit's for an attack: "Detected SQL Injection attack in query parameter "id", match ' OR, value …".
// A value that may be a secret is left out, its match is not: it is what the message is about.
func message(d *Detection) string {
	value := cut(d.Field.Value, maxValue)
	if secret(&d.Field) {
		value = "(not shown)"
	}
	return fmt.Sprintf("Detected %s attack in %s, match %s, value %s", d.Type.Title(), where(&d.Field), d.Match, value)
}

// where says in words where a field is.
func where(f *event.Field) string {
	switch f.Place {
	case event.Path:
		return "request path"
	case event.PathParameter:
		return named("path parameter", f.Name)
	case event.QueryName:
		return "name of query parameter"
	case event.Query:
		return named("query parameter", f.Name)
	case event.HeaderName:
		return "name of request header"
	case event.Header:
		return named("request header", f.Name)
	case event.CookieName:
		return "name of request cookie"
	case event.Cookie:
		return named("request cookie", f.Name)
	case event.Method:
		return "request method"
	case event.MessageName:
		return named("name in message", f.Name)
	case event.Message:
		return named("message field", f.Name)
	case event.Whole:
		return "request"
	default:
		return whereInBody(f)
	}
}

func whereInBody(f *event.Field) string {
	switch f.Place {
	case event.FormName, event.MultipartName:
		return "name of request body parameter"
	case event.JSONName:
		return named("name in request body", f.Name)
	case event.FileName:
		return named("file name in request body parameter", f.Name)
	case event.PartHeader:
		return named("part header in request body", f.Name)
	case event.XMLAttribute:
		return named("request body attribute", f.Name)
	case event.Form, event.Multipart, event.JSON, event.XML:
		if f.Name != "" {
			return named("request body parameter", f.Name)
		}
	}
	return "request body"
}

// named adds a name to a word, if there is one.
func named(word, name string) string {
	if name == "" {
		return word
	}
	return word + " " + strconv.Quote(cut(name, maxMatch))
}

// secret says whether a field's value is none to show.
func secret(f *event.Field) bool {
	switch f.Place {
	case event.Cookie:
		return true
	case event.Header:
		switch f.Name {
		case "authorization", "proxy-authorization", "cookie", "x-api-key", "x-amz-security-token":
			return true
		}
	}
	return false
}

// exceeded is the message for a limit.
func exceeded(x event.Exceeded) string {
	field := event.Field{Place: x.Place, Name: x.Key}
	what := map[event.Limit]string{
		event.LimitBodyBytes: "bytes in one body", event.LimitTotalBytes: "bytes in all", event.LimitDepth: "levels of nesting",
		event.LimitCount: "fields", event.LimitUnpacked: "bytes out of compressed data",
	}[x.Limit]
	return fmt.Sprintf("Inspection limit exceeded in %s: only the first %d %s are inspected", where(&field), x.Max, what)
}

// cut makes a text fit for a line of a log: at most limit bytes, whole characters, no control bytes.
func cut(s string, limit int) string {
	long := len(s) > limit
	if long {
		s = s[:limit-len("…")]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, size := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && size == 1 {
			s = s[:len(s)-1]
		}
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if long {
		s += "…"
	}
	return s
}
