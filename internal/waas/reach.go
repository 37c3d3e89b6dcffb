package waas

import (
	"encoding/json"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// The Core Rule Set was written for web sites, where input comes as parameters. Functions take it from anywhere: from
// headers of their own, segments of the path, attributes, names of files, documents within strings. What follows shows such texts
// to the rules as parameters too.

// alsoAt is where a field's text stands besides the variables of its place.
func alsoAt(f *event.Field) rules.VariableSet {
	switch f.Place {
	case event.XMLAttribute:
		return rules.XML.Set() | rules.Args.Set()
	case event.XML, event.Cookie:
		return rules.Args.Set()
	case event.FileName:
		if !isPlainSegment(f.Value) {
			return rules.Args.Set()
		}
	case event.Header:
		if ownHeader(f.Name) || strange(f.Name, f.Value) {
			return rules.Args.Set()
		}
	}
	return 0
}

// ownHeader says whether a header is the application's: neither HTTP's, nor a browser's or a gateway's.
func ownHeader(name string) bool {
	for _, prefix := range [...]string{
		"accept", "access-control-", "cloudfront-", "content-", "if-", "sec-", "x-amz", "x-b3-", "x-datadog-", "x-forwarded-",
	} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	switch name {
	case "authorization", "baggage", "cache-control", "connection", "cookie", "date", "dnt", "expect", "forwarded", "from", "host", "keep-alive",
		"max-forwards", "origin", "pragma", "prefer", "priority", "proxy-authorization", "range", "referer", "te",
		"traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "upgrade-insecure-requests", "user-agent", "via", "warning",
		"x-api-key", "x-hub-signature", "x-hub-signature-256", "x-real-ip", "x-request-id", "x-signature", "x-xsrf-token", "x-csrf-token":
		return false
	}
	return true
}

// strange says whether the value of a header isn't made as HTTP has it, so that somebody may try what happens.
func strange(name, value string) bool {
	switch name {
	case "cookie", "content-type":
		return false // taken apart elsewhere
	case "user-agent":
		product, _, _ := strings.Cut(value, " ")
		return !strings.Contains(product, "/") || strings.ContainsAny(product, "<>{}$|`\\&;'\"()")
	case "referer":
		return !strings.HasPrefix(value, "http") && !strings.HasPrefix(value, "android-app:")
	}
	return strings.ContainsAny(value, "<>{}$|`\\&\r\n") || strings.Contains(value, "..")
}

// appendWithin adds what an application would read out of a value: what is left when it decodes once more, and the texts of a
// JSON document. room is how many bytes of such values the event may still have.
func appendWithin(values []value, v *value, room *int) []value {
	const texts = 1<<rules.Args | 1<<rules.ArgsNames | 1<<rules.Cookies
	if v.variables&texts == 0 || len(v.text) > min(withinBytes, *room) {
		return values
	}
	inner := *v
	if decoded, ok := decodedAgain(v.text); ok {
		inner.text = decoded
		*room -= len(decoded)
		values = append(values, inner)
	}
	if v.field != nil && v.field.Place == event.Cookie {
		return values // documents in cookies are the work of analytics
	}
	if s := strings.TrimSpace(inner.text); len(s) > 4 && (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s)) {
		*room -= len(s)
		values = appendStrings(values, &inner, s)
	}
	return values
}

// A value that is read once more costs as much again. What is longer, or comes later, has to do with the rules' own
// decoding, so that no event costs twice what it did.
const (
	withinBytes = 4 << 10  // of one value
	withinAll   = 16 << 10 // of the values of an event or record
	stringsMost = 128      // of a document
)

// decodedAgain undoes one more percent-encoding, if there is one.
func decodedAgain(s string) (string, bool) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, false
	}
	var b strings.Builder
	changed := false
	b.Grow(len(s))
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := hexDigit(s[i+1]), hexDigit(s[i+2])
			if high < 16 && low < 16 {
				b.WriteByte(high<<4 | low)
				changed = true
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), changed
}

// hexDigit is the digit's value, 16 if it is none.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// appendStrings adds the names and texts of a valid JSON document.
func appendStrings(values []value, v *value, doc string) []value {
	for n := 0; n < stringsMost; n++ {
		from := strings.IndexByte(doc, '"')
		if from < 0 {
			break
		}
		to := from + 1
		for doc[to] != '"' {
			if doc[to] == '\\' {
				to++
			}
			to++
		}
		literal := doc[from : to+1]
		doc = strings.TrimLeft(doc[to+1:], " \t\r\n")
		inner := *v
		inner.text = literal[1 : len(literal)-1]
		if strings.IndexByte(inner.text, '\\') >= 0 && json.Unmarshal([]byte(literal), &inner.text) != nil {
			continue
		}
		inner.variables = rules.Args.Set()
		if strings.HasPrefix(doc, ":") {
			inner.variables = rules.ArgsNames.Set()
		}
		values = append(values, inner)
	}
	return values
}

// appendSegments adds what a router would take out of a path as parameters: segments that hold more than plain characters, and
// what begins with the first of them.
func appendSegments(values []value, path *event.Field, raw string, room *int) []value {
	v := value{variables: rules.Args.Set(), field: path}
	for n := 0; raw != "" && n < segmentsMost; {
		var segment string
		segment, raw, _ = strings.Cut(raw, "/")
		decoded, _ := decodedAgain(segment)
		if isPlainSegment(decoded) {
			continue
		}
		if n == 0 && raw != "" {
			rest, _ := decodedAgain(raw)
			v.text = decoded + "/" + rest
			values = append(values, v)
		}
		v.text = decoded
		values = append(values, v)
		values = appendWithin(values, &v, room)
		n++
	}
	return values
}

// segmentsMost is how many segments of a path are seen as parameters.
const segmentsMost = 16

// isPlainSegment says whether a segment has the characters of identifiers only.
func isPlainSegment(s string) bool {
	for i := range len(s) {
		c := s[i]
		if letter, digit := 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9'; !letter && !digit && strings.IndexByte("-_.~", c) < 0 {
			return false
		}
	}
	return !strings.HasPrefix(s, ".")
}
