// Package transform holds the text transformations of the OWASP Core Rule Set as pure functions.
//
// Each function gives its argument back, the very same string, when there is nothing to change, so that a
// caller can tell by comparing the data pointer and nothing is allocated for ordinary text. The meaning is
// ModSecurity's as Coraza 3.8 implements it, its surprises included; they are named where they stand.
package transform

import "github.com/autodefend/autodefend/internal/waas/rules"

// Apply transforms s. A value that is no transformation changes nothing.
func Apply(t rules.Transform, s string) string {
	switch t {
	case rules.Base64Decode:
		return base64Decode(s)
	case rules.CmdLine:
		return cmdLine(s)
	case rules.CompressWhitespace:
		return compressWhitespace(s)
	case rules.CSSDecode:
		return cssDecode(s)
	case rules.EscapeSeqDecode:
		return escapeSeqDecode(s)
	case rules.HTMLEntityDecode:
		return htmlEntityDecode(s)
	case rules.JSDecode:
		return jsDecode(s)
	default:
		return applyMore(t, s)
	}
}

func applyMore(t rules.Transform, s string) string {
	switch t {
	case rules.Length:
		return length(s)
	case rules.Lowercase:
		return lowercase(s)
	case rules.NormalizePath:
		return normalizePath(s)
	case rules.NormalizePathWin:
		return normalizePathWin(s)
	case rules.RemoveCommentsChar:
		return removeCommentsChar(s)
	case rules.RemoveNulls:
		return removeNulls(s)
	case rules.RemoveWhitespace:
		return removeWhitespace(s)
	case rules.ReplaceComments:
		return replaceComments(s)
	case rules.URLDecode:
		return urlDecode(s)
	case rules.URLDecodeUni:
		return urlDecodeUni(s)
	case rules.UTF8ToUnicode:
		return utf8ToUnicode(s)
	default:
		return s
	}
}
