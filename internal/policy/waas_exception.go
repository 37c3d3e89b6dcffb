package policy

import "strings"

// Location is Prisma's waas.ExceptionLocation: the part of a request that an exception is about.
type Location string

// The locations. Names are whole names; a pattern is found anywhere in a value.
const (
	// LocationAny, the empty location, is every field: by its name (keyPattern) or its value (valuePattern).
	LocationAny Location = ""
	// LocationPath is the whole request, when its path matches.
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
	// LocationRawBody is everything in the body, when the whole body matches the pattern.
	LocationRawBody Location = "rawBody"
	// LocationXML is values of an XML body by their slash path.
	LocationXML Location = "XMLPath"
	// LocationJSON is values of a JSON body, a message or an unknown event by their slash path.
	LocationJSON Location = "JSONPath"
)

// WAASException is Prisma's waas.ExceptionField: where a class of attacks isn't looked for.
type WAASException struct {
	kept

	Location Location
	// Key is a name, a path or a pattern, by Location: see [CompileExceptions].
	Key string
	// KeyPattern makes Key a pattern of names, where it isn't one by Location.
	KeyPattern bool
	// ValuePattern makes Key a pattern of values.
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
