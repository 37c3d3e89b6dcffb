package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Location is Prisma's waas.ExceptionLocation: the part of a request that an exception is about.
type Location string

// The locations. A name has to match whole; a pattern of values is looked for anywhere in the value.
const (
	// LocationAny, the empty location, is every field: by its name, or by its value with valuePattern.
	LocationAny Location = ""
	// LocationPath is the whole request, when its path is the key: "/health", or "/static/*" for all below it. With
	// keyPattern the key is a pattern of the whole path.
	LocationPath Location = "path"
	// LocationQuery is query parameters by name.
	LocationQuery Location = "query"
	// LocationQueryValues is query parameters by value.
	LocationQueryValues Location = "queryValues"
	// LocationCookie is cookies by name.
	LocationCookie Location = "cookie"
	// LocationUserAgent is the header User-Agent by value.
	LocationUserAgent Location = "UserAgentHeader"
	// LocationHeader is headers by name, whatever the case.
	LocationHeader Location = "header"
	// LocationBody is parameters of forms and multipart bodies by name.
	LocationBody Location = "body"
	// LocationRawBody is everything in a body or message that matches as a whole.
	LocationRawBody Location = "rawBody"
	// LocationXML is values of an XML body by their slash path: "/order/note" and all below it; "*" is any one step.
	LocationXML Location = "XMLPath"
	// LocationJSON is values of JSON in a body, a message or an unknown event by their slash path, as in LocationXML.
	LocationJSON Location = "JSONPath"
)

// maxExceptions bounds the exceptions of one class.
const maxExceptions = 200

// WAASException is Prisma's waas.ExceptionField: where a class of attacks isn't looked for.
type WAASException struct {
	kept

	Location Location
	// Key is a name, a path or a pattern in RE2's language, by Location.
	Key string
	// KeyPattern makes a pattern of what would be a path: names are patterns anyway.
	KeyPattern bool
	// ValuePattern, without a location, makes Key a pattern of values.
	ValuePattern bool
	// Response is about responses, which aren't inspected: the exception does nothing.
	Response bool
}

func (x *WAASException) walk(f *fields) {
	f.text("key", &x.Key)
	f.flag("keyPattern", &x.KeyPattern)
	word(f, "location", "a location", &x.Location, locations()...)
	f.flag("response", &x.Response)
	f.flag("valuePattern", &x.ValuePattern)
}

func locations() []Location {
	return []Location{
		LocationPath, LocationQuery, LocationQueryValues, LocationCookie, LocationUserAgent, LocationHeader,
		LocationBody, LocationRawBody, LocationXML, LocationJSON,
	}
}

// word walks a member that is one of a few words with capitals in them; their case doesn't matter when it's read.
func word[T ~string](f *fields, name, what string, to *T, words ...T) {
	s := string(*to)
	f.text(name, &s)
	if f.writing || s == "" {
		return
	}
	hint := "use one of:"
	for _, w := range words {
		if strings.EqualFold(string(w), s) {
			*to = w
			return
		}
		hint += " " + string(w)
	}
	f.fail(name, hint, "%q isn't %s", s, what)
}

// Exceptions are the compiled exceptions of one class. They are immutable and safe for concurrent use; nil excepts
// nothing.
type Exceptions struct{ all []fieldException }

// fieldException is a compiled [WAASException]: either a path or a pattern.
type fieldException struct {
	location Location
	byValue  bool
	path     string
	pattern  *regexp.Regexp
}

// CompileExceptions prepares the exceptions of one class. The error joins all mistakes as [autodefend.Error] values that
// name their member, from exceptionFields on.
func CompileExceptions(all []WAASException) (*Exceptions, error) {
	return compileExceptions("exceptionFields", all)
}

func compileExceptions(at string, all []WAASException) (*Exceptions, error) {
	if len(all) > maxExceptions {
		return nil, mistake(at, "patterns can stand for several names: a|b", "%d are too many, there may be %d", len(all), maxExceptions)
	}
	var errs []error
	var compiled []fieldException
	for i := range all {
		x, err := all[i].compile()
		if err != nil {
			errs = append(errs, mistake(label(at, i)+".key", "", "%s", err))
		}
		if !all[i].Response {
			compiled = append(compiled, x)
		}
	}
	if len(compiled) == 0 || len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Exceptions{compiled}, nil
}

func (x *WAASException) compile() (fieldException, error) {
	c := fieldException{location: x.Location}
	if x.Key == "" {
		return c, errors.New("it's empty")
	}
	switch x.Location {
	case LocationQueryValues, LocationUserAgent, LocationRawBody:
		c.byValue = true
	case LocationAny:
		c.byValue = x.ValuePattern
	case LocationPath, LocationXML, LocationJSON:
		if x.KeyPattern {
			break
		}
		c.path = x.Key
		if !strings.HasPrefix(c.path, "/") {
			return c, fmt.Errorf("%q isn't a path: it begins with a slash", x.Key)
		}
		return c, nil
	case LocationQuery, LocationCookie, LocationHeader, LocationBody:
	}
	expression := x.Key
	if !c.byValue {
		expression = `^(?:` + expression + `)$`
	}
	if x.Location == LocationHeader {
		expression = `(?i)` + expression
	}
	var err error
	// On its own first: a pattern must not close the group that it's put in.
	if c.pattern, err = CompilePattern(x.Key); err == nil {
		c.pattern, err = CompilePattern(expression)
	}
	return c, err
}

// Request tells whether a whole request is excepted for its decoded path.
func (x *Exceptions) Request(path string) bool {
	return x != nil && slices.ContainsFunc(x.all, func(e fieldException) bool {
		if e.location != LocationPath {
			return false
		}
		if e.pattern != nil {
			return e.pattern.MatchString(path)
		}
		parent, whole := strings.CutSuffix(e.path, "*")
		return path == e.path || whole && strings.HasPrefix(path, parent)
	})
}

// Body tells whether everything in a body or a message is excepted for the whole of it.
func (x *Exceptions) Body(raw string) bool {
	return x != nil && slices.ContainsFunc(x.all, func(e fieldException) bool {
		return e.location == LocationRawBody && e.pattern.MatchString(raw)
	})
}

// HasBody tells whether [Exceptions.Body] has to be asked.
func (x *Exceptions) HasBody() bool {
	return x != nil && slices.ContainsFunc(x.all, func(e fieldException) bool { return e.location == LocationRawBody })
}

// Field tells whether a field is excepted. where is LocationQuery, LocationCookie, LocationHeader, LocationBody,
// LocationXML or LocationJSON by the field's kind, LocationAny for all others. The name of a field in JSON or XML is
// its path, which may stand behind words ("body/user/name"); the value of a name is the name itself.
func (x *Exceptions) Field(where Location, name, value string) bool {
	return x != nil && slices.ContainsFunc(x.all, func(e fieldException) bool { return e.covers(where, name, value) })
}

// covers tells whether one exception holds for a field.
func (e *fieldException) covers(where Location, name, value string) bool {
	switch e.location {
	case LocationPath, LocationRawBody:
		return false
	case LocationQueryValues:
		return where == LocationQuery && e.pattern.MatchString(value)
	case LocationUserAgent:
		return where == LocationHeader && strings.EqualFold(name, "user-agent") && e.pattern.MatchString(value)
	case LocationAny:
		if e.byValue {
			return e.pattern.MatchString(value)
		}
		return e.pattern.MatchString(name)
	case LocationQuery, LocationCookie, LocationHeader, LocationBody, LocationXML, LocationJSON:
	}
	if where != e.location {
		return false
	}
	if e.pattern != nil && where != LocationXML && where != LocationJSON {
		return e.pattern.MatchString(name)
	}
	_, below, _ := strings.Cut(name, "/")
	if e.pattern != nil {
		return e.pattern.MatchString("/" + below)
	}
	return within(e.path, "/"+below)
}

// within tells whether a slash path is a pattern's or below it; a star in the pattern is any one step.
func within(pattern, path string) bool {
	pattern = strings.TrimSuffix(pattern, "/")
	for pattern != "" {
		if path == "" {
			return false
		}
		want, restOfPattern := step(pattern)
		have, restOfPath := step(path)
		if want != "*" && want != have {
			return false
		}
		pattern, path = restOfPattern, restOfPath
	}
	return true
}

// step splits the first step off a path that begins with a slash.
func step(path string) (string, string) {
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
