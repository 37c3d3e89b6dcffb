// Package redact takes secrets out of events before they're written into audits: an audit is read by many more people
// than the request was meant for.
//
// What counts as a secret: the values of members, parameters, headers and cookies whose names say so ([IsSecret]), and
// texts that have the form of a credential wherever they stand: JSON Web Tokens, Bearer and Basic credentials, access
// keys of AWS and tokens with the prefixes of well-known services, private keys.
package redact

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Mask stands where a secret was.
const Mask = "***"

// ellipsis ends a text that was cut.
const ellipsis = "…"

// Value returns what may be shown of the value that belongs to a name.
func Value(name, value string) string {
	if value != "" && IsSecret(name) {
		return Mask
	}
	return Text(value)
}

// Text returns text without secrets: in a JSON document by the names of its members, in a query, a form or a URL by the
// names of parameters, and everywhere by form.
func Text(text string) string {
	return masked(text, func(text string) string { return text })
}

// masked is Text for texts in which hide masks further secrets.
func masked(text string, hide func(string) string) string {
	if document := strings.TrimSpace(text); strings.HasPrefix(document, "{") || strings.HasPrefix(document, "[") {
		if masked, ok := wholeDocument(document, hide); ok {
			return masked
		}
	}
	return credentials(parameters(hide(text)))
}

// Cut shortens text to at most limit bytes, between two characters, and shows that it did.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

// IsSecret tells whether a name is that of a secret, whatever its case and separators.
func IsSecret(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(lastName(name)))
	switch plain {
	case "pwd", "pass", "pin", "otp", "cvv", "cvc", "ssn", "auth", "jwt", "sid", "sig", "session":
		return true
	}
	for _, part := range [...]string{
		"authorization", "cookie", "password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey",
		"privatekey", "credential", "identitysource", "sessionid", "sessid", "signature", "samlresponse", "assertion",
	} {
		if strings.Contains(plain, part) {
			return true
		}
	}
	return false
}

// lastName is the part of a JSON pointer or of a name with brackets that names the value: indices don't.
func lastName(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '[' || r == ']' })
	for i := len(parts) - 1; i >= 0; i-- {
		if strings.Trim(parts[i], "0123456789") != "" {
			return parts[i]
		}
	}
	return ""
}

// packed returns what may be shown of a text that could be base64 of something with secrets in it.
func packed(text string, hide func(string) string) string {
	const shortest = 24 // below, there is no room for a name and a secret
	if len(text) < shortest {
		return text
	}
	for _, encoding := range [...]*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		plain, err := encoding.DecodeString(text)
		if err != nil || !utf8.Valid(plain) {
			continue
		}
		if masked := masked(string(plain), hide); masked != string(plain) {
			return encoding.EncodeToString([]byte(masked))
		}
		return text
	}
	return text
}
