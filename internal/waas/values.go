package waas

import (
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// value is a text that rules test: a field of the event, or something put together from the request as the Core
// Rule Set has it (the request line, the raw query).
type value struct {
	variables rules.VariableSet
	text      string
	part      string // of multipart headers, the name of the field they belong to
	field     *event.Field
	spared    classSet // the classes that an exception takes it out of
}

// variablesOf is where the texts of an event stand in the Core Rule Set's words:
//
//	place                                  variables
//	Path                                   REQUEST_FILENAME (and REQUEST_BASENAME, what follows its last slash)
//	PathParameter                          ARGS: the application uses it as one
//	QueryName, Query                       ARGS_NAMES ARGS_GET_NAMES, ARGS ARGS_GET
//	HeaderName, Header                     REQUEST_HEADERS_NAMES, REQUEST_HEADERS
//	CookieName, Cookie                     REQUEST_COOKIES_NAMES, REQUEST_COOKIES
//	FormName, Form                         ARGS_NAMES, ARGS
//	MultipartName, Multipart               ARGS_NAMES, ARGS
//	FileName                               FILES (its part's name: FILES_NAMES)
//	PartHeader                             MULTIPART_PART_HEADERS
//	JSONName, JSON                         ARGS_NAMES, ARGS (named "json.user.name.0", as Coraza does)
//	XML, XMLAttribute                      XML:/*, XML://@*
//	Body                                   ARGS, REQUEST_BODY
//	MessageName, Message                   ARGS_NAMES, ARGS
//
// Besides, parts of it are parameters: alsoAt, appendWithin and appendSegments. The rest comes from the request: REQUEST_URI, REQUEST_URI_RAW, REQUEST_LINE, REQUEST_METHOD, REQUEST_PROTOCOL,
// QUERY_STRING, REQBODY_PROCESSOR (empty when nothing parsed the body) and, for form bodies only, REQUEST_BODY and its length.
func variablesOf(p event.Place) rules.VariableSet {
	return [...]rules.VariableSet{
		event.Path:          rules.Filename.Set(),
		event.PathParameter: rules.Args.Set(),
		event.QueryName:     rules.ArgsNames.Set() | rules.ArgsGetNames.Set(),
		event.Query:         rules.Args.Set() | rules.ArgsGet.Set(),
		event.HeaderName:    rules.HeadersNames.Set(),
		event.Header:        rules.Headers.Set(),
		event.CookieName:    rules.CookiesNames.Set(),
		event.Cookie:        rules.Cookies.Set(),
		event.FormName:      rules.ArgsNames.Set(),
		event.Form:          rules.Args.Set(),
		event.MultipartName: rules.ArgsNames.Set(),
		event.Multipart:     rules.Args.Set(),
		event.FileName:      rules.Files.Set(),
		event.PartHeader:    rules.PartHeaders.Set(),
		event.JSONName:      rules.ArgsNames.Set(),
		event.JSON:          rules.Args.Set(),
		event.XML:           rules.XML.Set(),
		event.XMLAttribute:  rules.XMLAttributes.Set(),
		event.Body:          rules.Args.Set() | rules.Body.Set(),
		event.MessageName:   rules.ArgsNames.Set(),
		event.Message:       rules.Args.Set(),
		event.Method:        0,
	}[p]
}

// appendValues adds the values of fields, which belong to one record or are all of an event that is no batch: each in the
// variables of its place, and where core is false also as the parameters that an application may make of it.
func appendValues(values []value, fields []event.Field, raw string, core bool) []value {
	part := "" // the name of the multipart field at hand
	room := withinAll
	for i := range fields {
		f := &fields[i]
		v := value{variables: variablesOf(f.Place), text: f.Value, field: f}
		if !core {
			v.variables |= alsoAt(f)
			values = appendWithin(values, &v, &room)
		}
		switch f.Place {
		case event.Path:
			values = append(values, v)
			if !core {
				values = appendSegments(values, f, raw, &room)
			}
			v.variables, v.text = rules.Basename.Set(), baseName(f.Value)
		case event.FileName:
			values = append(values, v)
			v.variables, v.text = rules.FilesNames.Set(), f.Name
		case event.PartHeader:
			if f.Name == "content-disposition" {
				part = partName(fields[i+1:])
			}
			v.part = part
		}
		values = append(values, v)
	}
	return values
}

// partName is the name that the fields after a part's content-disposition begin with.
func partName(fields []event.Field) string {
	if len(fields) > 0 && fields[0].Place == event.MultipartName {
		return fields[0].Value
	}
	return ""
}

// member is the name by which a rule selects the value.
func (v *value) member() string {
	switch v.field.Place {
	case event.PartHeader:
		return v.part
	case event.JSON, event.JSONName:
		return "json" + strings.ReplaceAll(v.field.Name, "/", ".")
	default:
		return v.field.Name
	}
}

// baseName is what follows the last slash or backslash, or all when nothing does.
func baseName(path string) string {
	if i := strings.LastIndexAny(path, `/\`); i+1 < len(path) {
		return path[i+1:]
	}
	return path
}

// appendRequest adds the values that are put together from the request. synthetic gets the fields by which reports
// name them; it must have room for requestFields more, so that they stay where they are.
func appendRequest(values []value, e *event.Event, synthetic []event.Field) []value {
	r := &e.Request
	if r.Method == "" && r.RawPath == "" {
		return values
	}
	add := func(set rules.VariableSet, place event.Place, text string) {
		synthetic = append(synthetic, event.Field{Place: place, Value: text, Record: -1})
		values = append(values, value{variables: set, text: text, field: &synthetic[len(synthetic)-1]})
	}
	uri := r.RawPath
	if r.RawQuery != "" {
		uri += "?" + r.RawQuery
		add(rules.QueryString.Set(), event.Query, r.RawQuery)
	}
	add(rules.URI.Set()|rules.URIRaw.Set(), event.Path, uri)
	add(rules.Line.Set(), event.Path, strings.TrimRight(r.Method+" "+uri+" "+r.Protocol, " "))
	add(rules.Method.Set(), event.Method, r.Method)
	if r.Protocol != "" {
		add(rules.Protocol.Set(), event.Method, r.Protocol)
	}
	add(rules.BodyProcessor.Set(), event.Header, processor(r))
	if r.BodyKind == event.FormBody {
		add(rules.Body.Set(), event.Body, r.RawBody)
		add(rules.BodyLength.Set(), event.Header, strconv.Itoa(len(r.RawBody)))
	}
	return values
}

// requestFields is how many values a request gives at most.
const requestFields = 8

// processor is the Core Rule Set's word for what reads the body, also when there is none to read.
func processor(r *event.Request) string {
	kind := r.BodyKind
	if kind == event.NoBody && strings.Contains(strings.ToLower(r.ContentType), "json") {
		kind = event.JSONBody
	}
	switch kind {
	case event.FormBody:
		return "URLENCODED"
	case event.MultipartBody:
		return "MULTIPART"
	case event.JSONBody:
		return "JSON"
	case event.XMLBody:
		return "XML"
	default:
		return ""
	}
}
