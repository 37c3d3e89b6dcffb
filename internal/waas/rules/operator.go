package rules

// Operator is the test that a condition makes of a value.
type Operator uint8

// The operators. The names are SecLang's; unless said otherwise they compare bytes exactly.
const (
	// Rx: the expression Argument matches somewhere in the value, read as package match/compile reads it.
	Rx Operator = iota
	// Pm: one of the words occurs in the value, ignoring the case of ASCII letters.
	Pm
	// PmFromFile: the same with a longer list.
	PmFromFile
	// DetectSQLi: libinjection finds SQL.
	DetectSQLi
	// DetectXSS: libinjection finds script in HTML.
	DetectXSS
	// StrEq: the value is Argument.
	StrEq
	// Contains: Argument occurs in the value.
	Contains
	// Within: the value occurs in Argument.
	Within
	// BeginsWith: the value begins with Argument.
	BeginsWith
	// EndsWith: the value ends with Argument.
	EndsWith
	// Eq: value and Argument are the same number; a text that is no number counts as 0.
	Eq
	// Gt: the value is the greater number.
	Gt
	// Lt: the value is the smaller number.
	Lt
	// ValidateByteRange: the value has a byte that Argument doesn't allow.
	ValidateByteRange
	// ValidateURLEncoding: the value has a percent sign that no two hexadecimal digits follow.
	ValidateURLEncoding
	// ValidateUTF8Encoding: the value isn't valid UTF-8.
	ValidateUTF8Encoding

	// Operators is their number.
	Operators = iota
)

// String returns SecLang's name of the operator.
func (o Operator) String() string {
	names := [Operators]string{
		"rx", "pm", "pmFromFile", "detectSQLi", "detectXSS", "streq", "contains", "within", "beginsWith", "endsWith",
		"eq", "gt", "lt", "validateByteRange", "validateUrlEncoding", "validateUtf8Encoding",
	}
	if int(o) >= len(names) {
		return "unknown"
	}
	return names[o]
}
