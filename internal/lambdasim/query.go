package lambdasim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// This file is the query protocol of STS and IAM: a form goes in, XML comes
// out. Lists are spelt Name.member.1, Name.member.2…; older clients leave the
// "member" out, and so does EC2.

// queryReply answers an action with its result element.
func queryReply(c *call, namespace string, result any) (reply, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	root := xml.StartElement{
		Name: xml.Name{Local: c.op.name + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}},
	}
	if err := enc.EncodeToken(root); err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	if err := enc.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: c.op.name + "Result"}}); err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	metadata := struct{ RequestId string }{c.requestID}
	if err := enc.EncodeElement(metadata, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}}); err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	if err := enc.EncodeToken(root.End()); err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	if err := enc.Flush(); err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	return xmlReply(http.StatusOK, b.Bytes()), nil
}

// queryError is the body of an error answer.
type queryError struct {
	XMLName   xml.Name
	Type      string `xml:"Error>Type"`
	Code      string `xml:"Error>Code"`
	Message   string `xml:"Error>Message"`
	RequestID string `xml:"RequestId"`
}

// renderQuery returns the error renderer of a query service.
func renderQuery(namespace string) func(*apiError, string) reply {
	return func(e *apiError, requestID string) reply {
		fault := "Sender"
		if e.status >= http.StatusInternalServerError {
			fault = "Receiver"
		}
		body, err := xml.Marshal(queryError{
			XMLName:   xml.Name{Space: namespace, Local: "ErrorResponse"},
			Type:      fault,
			Code:      queryCode(e.code),
			Message:   e.message,
			RequestID: requestID,
		})
		if err != nil {
			body = []byte("<ErrorResponse/>")
		}
		return xmlReply(e.status, body)
	}
}

// queryCode translates the codes of JSON services that every service can
// answer into the older spelling that query services still use.
func queryCode(code string) string {
	switch code {
	case "AccessDeniedException":
		return "AccessDenied"
	case "ExpiredTokenException":
		return "ExpiredToken"
	case "UnrecognizedClientException":
		return "InvalidClientTokenId"
	case "MissingAuthenticationTokenException":
		return "MissingAuthenticationToken"
	case "ThrottlingException", "TooManyRequestsException":
		return "Throttling"
	case "ServiceException":
		return "InternalFailure"
	case "UnknownOperationException":
		return "InvalidAction"
	default:
		return code
	}
}

// xmlReply returns an answer with an XML body.
func xmlReply(status int, body []byte) reply {
	return reply{status: status, header: http.Header{"Content-Type": {"text/xml"}}, body: body}
}

// formList reads the list called name. It ends at the first missing number.
func formList(form url.Values, name string) []string {
	var list []string
	for prefix := listPrefix(form, name); ; {
		values, ok := form[prefix+strconv.Itoa(len(list)+1)]
		if !ok || len(values) == 0 {
			return list
		}
		list = append(list, values[0])
	}
}

// listPrefix returns what comes before the numbers of the list called name.
func listPrefix(form url.Values, name string) string {
	if form.Has(name + ".member.1") {
		return name + ".member."
	}
	return name + "."
}

// formInt reads a whole number between low and high; a missing one is fallback.
func formInt(form url.Values, name string, fallback, low, high int) (int, error) {
	text := form.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, newError(http.StatusBadRequest, "MalformedInput", "Invalid Argument")
	}
	if n < low {
		return 0, invalidMember(text, name, fmt.Sprintf("Member must have value greater than or equal to %d", low))
	}
	if n > high {
		return 0, invalidMember(text, name, fmt.Sprintf("Member must have value less than or equal to %d", high))
	}
	return n, nil
}

// invalidMember is the error of a parameter that breaks its shape's constraint.
func invalidMember(value, name, constraint string) *apiError {
	return newError(http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s",
		value, memberName(name), constraint)
}

// missingMember is the error of a required parameter that was left out.
func missingMember(name string) *apiError {
	return newError(http.StatusBadRequest, "ValidationError",
		"1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null",
		memberName(name))
}

// memberName spells a parameter as AWS's validation messages do, with its first
// letter in lower case.
func memberName(name string) string {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return name
	}
	return string(name[0]+'a'-'A') + name[1:]
}
