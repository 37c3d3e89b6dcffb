package event

// Event is what Decode found in an invocation event.
type Event struct {
	Trigger Trigger

	// Fields are the user-controlled texts, in the order of the request: path,
	// query, headers, cookies, body; or the records of a batch one by one.
	Fields []Field

	// Request is what an audit says about an HTTP request. Of other triggers only
	// what exists is set.
	Request Request

	// Records are the members of a batch, empty when the trigger has none.
	Records []Record

	// Faults is what is malformed. Malformed texts are inspected nevertheless.
	// Each kind is reported once for each record and place.
	Faults []Fault

	// Exceeded is what was not inspected because it lies beyond a limit.
	Exceeded []Exceeded
}

// Place is where in the event a text stands.
type Place uint8

// The places. Names (of a parameter, header, member…) are texts of their own.
const (
	Whole         Place = iota // the event itself; only in faults and exceeded limits
	Path                       // URL path, decoded once
	PathParameter              // variable part of the path, named by the route
	QueryName
	Query
	HeaderName
	Header
	CookieName
	Cookie
	FormName
	Form
	MultipartName // name of a part
	Multipart     // value of a part that isn't a file
	FileName      // file name of a part
	PartHeader    // header line of a part, Name is the header's
	JSONName      // name of a member in a JSON body
	JSON          // string or number in a JSON body
	XML           // text of an element in an XML body
	XMLAttribute
	Body        // a body (or what's left of one) without further structure
	MessageName // name of a member in a message that isn't HTTP
	Message     // text of a message that isn't HTTP
	Method      // HTTP method; only in faults
)

// HTTPFieldType is the place in the words of an audit's attackField
// (waas.HTTPFieldType).
func (p Place) HTTPFieldType() string {
	switch p {
	case Path, PathParameter:
		return "url"
	case QueryName:
		return "queryParamName"
	case Query:
		return "query"
	case HeaderName, Header:
		return "header"
	case CookieName, Cookie:
		return "cookie"
	case FormName, Form:
		return "formBody"
	case MultipartName, Multipart, FileName, PartHeader:
		return "multipartBody"
	case JSONName, JSON:
		return "jsonBody"
	case XML, XMLAttribute:
		return "xmlBody"
	case Method:
		return "method"
	case Whole, Body, MessageName, Message:
		return "rawBody"
	}
	return "rawBody"
}

// IsName says whether the texts of this place are names rather than values.
func (p Place) IsName() bool {
	switch p {
	case QueryName, HeaderName, CookieName, FormName, MultipartName, JSONName, MessageName:
		return true
	}
	return false
}

// Field is one text a user could have chosen.
type Field struct {
	Place Place

	// Name is the name of the parameter, header (lower case), cookie or part the
	// text belongs to; a name is its own Name. In JSON it is the absolute path
	// as a JSON pointer ("/user/name/0"), in XML the absolute path of the element
	// ("/order/item", attributes "/order/item/@id"). In messages it starts with
	// what it is: "body", "key", "detail", and below it the path in the JSON it
	// holds ("body/user/name"); direct events have the path alone. Longer than
	// 256 bytes it is cut and ends in "…"; "…" alone when a document has more
	// names than anybody would read.
	Name string

	// Value is the text as the application will see it, valid as long as needed.
	Value string

	// Record is the index in Event.Records, -1 when the event is no batch.
	Record int
}

// Request is what is known about the sender.
type Request struct {
	Method   string
	Path     string // decoded once
	RawPath  string // as it stands in the event
	RawQuery string // as sent, still encoded; put together again from the maps where the event has only these
	Protocol string // "HTTP/1.1"; "" for ALB
	Host     string
	SourceIP string
	// UserAgent is the header's value, or the one of the request context.
	UserAgent string

	// HeaderNames are the names in lower case, in the event's order.
	HeaderNames []string
	// Headers are the fields of the headers (Place Header), a part of Event.Fields.
	Headers []Field

	ID          string // request id of the trigger, not of the invocation
	ContentType string // as sent
	BodyKind    BodyKind
	// RawBody is the body without base64 and content encoding, cut to
	// Limits.BodyBytes.
	RawBody string
}

// BodyKind is how a body was read.
type BodyKind uint8

// The kinds of bodies. The kind follows what the body is, not only what its
// Content-Type claims: a JSON document posted as text/plain is JSON.
const (
	NoBody BodyKind = iota
	FormBody
	MultipartBody
	JSONBody
	XMLBody
	TextBody   // one Field of Place Body
	BinaryBody // not inspected: an image, an archive
)

// Record is a member of a batch.
type Record struct {
	// ID is the itemIdentifier of batchItemFailures: SQS's message id, the sequence
	// number of Kinesis and DynamoDB. Firehose has its recordId here. "" where
	// the trigger knows no answer per record.
	ID string
	// Source is the ARN (or topic, queue) the record comes from.
	Source string
}

// FaultKind is how a text is malformed.
type FaultKind string

// The kinds of faults.
const (
	EventSyntax     FaultKind = "eventSyntax"     // the event itself is no JSON
	BodySyntax      FaultKind = "bodySyntax"      // the body doesn't parse as its Content-Type says
	PercentEncoding FaultKind = "percentEncoding" // % without two hexadecimal digits
	UTF8            FaultKind = "utf8"            // bytes that aren't UTF-8, lone surrogates
	ControlBytes    FaultKind = "controlBytes"    // NUL, or other control bytes where none belong
	ContentLength   FaultKind = "contentLength"   // no number, or several that differ
	ContentType     FaultKind = "contentType"     // no media type, or several that differ
	Charset         FaultKind = "charset"         // a charset nobody uses for honest requests
	Base64          FaultKind = "base64"          // what should be base64 isn't
	Compression     FaultKind = "compression"     // what should be gzip isn't
)

// Fault is something malformed.
type Fault struct {
	Kind   FaultKind
	Place  Place
	Key    string // name of the parameter, header…; "" when the place has none
	Detail string // for people: what was expected and where, never the text itself
	Record int    // as in Field
}

// Limits bound the inspection. A limit of 0 or less means the default.
type Limits struct {
	BodyBytes  int // of one body or record, after base64
	TotalBytes int // of all Field values together, names that are values included
	Depth      int // of objects and arrays in each other, of one document
	Count      int // of fields
	Unpacked   int // bytes that may come out of compressed data in one event
}

// DefaultLimits are 128 KiB of a body, 256 KiB in all, 48 levels, 20,000 fields
// and 512 KiB out of compressed data.
func DefaultLimits() Limits {
	return Limits{BodyBytes: 128 << 10, TotalBytes: 256 << 10, Depth: 48, Count: 20_000, Unpacked: 512 << 10}
}

// Limit names one of the Limits.
type Limit string

// The limits.
const (
	LimitBodyBytes  Limit = "bodyBytes"
	LimitTotalBytes Limit = "totalBytes"
	LimitDepth      Limit = "depth"
	LimitCount      Limit = "count"
	LimitUnpacked   Limit = "unpackedBytes"
)

// Exceeded is something that was not inspected, at least not whole. Every limit
// is reported once for each record and place.
type Exceeded struct {
	Limit  Limit
	Max    int    // the limit
	Place  Place  // of the first text beyond it
	Key    string // as in Field.Name
	Record int    // as in Field
}
