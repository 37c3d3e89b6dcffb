package rules

// Variable is a part of the event that rules can test. The names are SecLang's.
type Variable uint8

// The variables. A text of a message that isn't HTTP (a queue's, a stream's, a direct call's) is in Args, its names in
// ArgsNames. A value of a JSON body is in Args under its path with dots, "json.user.name.0".
const (
	// Args: values of parameters of query, form and JSON body, and texts of messages.
	Args Variable = iota
	// ArgsNames: the names of Args.
	ArgsNames
	// ArgsGet: values of the query's parameters.
	ArgsGet
	// ArgsGetNames: the names of ArgsGet.
	ArgsGetNames
	// Cookies: values of cookies (REQUEST_COOKIES).
	Cookies
	// CookiesNames: their names.
	CookiesNames
	// Headers: values of headers (REQUEST_HEADERS), members named in lower case.
	Headers
	// HeadersNames: their names.
	HeadersNames
	// Filename: the path without the query (REQUEST_FILENAME).
	Filename
	// Basename: what follows the path's last slash or backslash (REQUEST_BASENAME).
	Basename
	// URI: path and query with the percent-encoding undone where the trigger did (REQUEST_URI).
	URI
	// URIRaw: path and query as sent (REQUEST_URI_RAW).
	URIRaw
	// Line: "METHOD URI PROTOCOL" (REQUEST_LINE).
	Line
	// Method: the request's method.
	Method
	// Protocol: for example "HTTP/1.1"; no value where the trigger doesn't say.
	Protocol
	// QueryString: the raw query.
	QueryString
	// Body: the raw body, for a form body and for one that no parser took (REQUEST_BODY).
	Body
	// BodyLength: the number of the raw body's bytes, in decimal (REQUEST_BODY_LENGTH).
	BodyLength
	// BodyProcessor: what parsed the body: "JSON", "XML", "URLENCODED", "MULTIPART", or no value.
	BodyProcessor
	// Files: names of uploaded files (FILES).
	Files
	// FilesNames: names of the multipart fields that hold files (FILES_NAMES).
	FilesNames
	// PartHeaders: header lines of multipart parts, "content-type: text/plain"; members named by the part's field.
	PartHeaders
	// XML: texts of an XML body's elements (XML:/*).
	XML
	// XMLAttributes: values of an XML body's attributes (XML://@*).
	XMLAttributes
	// MatchedVar: the text of the last match of the condition before; in chained conditions only.
	MatchedVar
	// MatchedVars: the texts of all matches of the condition before; in chained conditions only.
	MatchedVars
	// Capture: a captured group of the nearest condition before that captures; in chained conditions only.
	Capture
	// Macro: a text that is put together from macros, Target.Selector; in chained conditions only.
	Macro

	// Variables is their number.
	Variables = iota
)

// VariableSet is a set of variables: bit v is variable v.
type VariableSet uint32

// Set returns the set of this one variable.
func (v Variable) Set() VariableSet { return 1 << v }

// Has reports whether the variable is in the set.
func (s VariableSet) Has(v Variable) bool { return s>>v&1 != 0 }

// String returns SecLang's name of the variable.
func (v Variable) String() string {
	names := [Variables]string{
		"ARGS", "ARGS_NAMES", "ARGS_GET", "ARGS_GET_NAMES", "REQUEST_COOKIES", "REQUEST_COOKIES_NAMES", "REQUEST_HEADERS",
		"REQUEST_HEADERS_NAMES", "REQUEST_FILENAME", "REQUEST_BASENAME", "REQUEST_URI", "REQUEST_URI_RAW", "REQUEST_LINE",
		"REQUEST_METHOD", "REQUEST_PROTOCOL", "QUERY_STRING", "REQUEST_BODY", "REQUEST_BODY_LENGTH", "REQBODY_PROCESSOR",
		"FILES", "FILES_NAMES", "MULTIPART_PART_HEADERS", "XML:/*", "XML://@*", "MATCHED_VAR", "MATCHED_VARS", "TX", "MACRO",
	}
	if int(v) >= len(names) {
		return "unknown"
	}
	return names[v]
}
