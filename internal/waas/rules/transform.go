package rules

// Transform is one step of a chain of transformations. What each does is package transform's business.
type Transform uint8

// The transformations. The names are SecLang's.
const (
	// None: the value itself; stands only at the root of the tree.
	None Transform = iota
	// Base64Decode decodes base64 up to the first byte that is none.
	Base64Decode
	// CmdLine undoes what shells ignore: quotes, carets and backslashes go, separators and runs of space become one.
	CmdLine
	// CompressWhitespace makes each run of white space one space.
	CompressWhitespace
	// CSSDecode undoes CSS 2 escapes.
	CSSDecode
	// EscapeSeqDecode undoes ANSI C escapes.
	EscapeSeqDecode
	// HTMLEntityDecode undoes HTML entities.
	HTMLEntityDecode
	// JSDecode undoes JavaScript escapes.
	JSDecode
	// Length is the number of bytes, in decimal.
	Length
	// Lowercase makes ASCII letters small.
	Lowercase
	// NormalizePath removes //, ./ and ../ from a path.
	NormalizePath
	// NormalizePathWin does the same after turning backslashes round.
	NormalizePathWin
	// RemoveCommentsChar removes the characters of comments: /*, */, --, #.
	RemoveCommentsChar
	// RemoveNulls removes NUL bytes.
	RemoveNulls
	// RemoveWhitespace removes all white space.
	RemoveWhitespace
	// ReplaceComments makes each C comment one space.
	ReplaceComments
	// URLDecode undoes percent-encoding.
	URLDecode
	// URLDecodeUni undoes percent-encoding and %uXXXX.
	URLDecodeUni
	// UTF8ToUnicode writes characters beyond ASCII as %uXXXX.
	UTF8ToUnicode

	// Transforms is their number.
	Transforms = iota
)

// String returns SecLang's name of the transformation.
func (t Transform) String() string {
	names := [Transforms]string{
		"none", "base64Decode", "cmdLine", "compressWhitespace", "cssDecode", "escapeSeqDecode", "htmlEntityDecode", "jsDecode",
		"length", "lowercase", "normalizePath", "normalizePathWin", "removeCommentsChar", "removeNulls", "removeWhitespace",
		"replaceComments", "urlDecode", "urlDecodeUni", "utf8toUnicode",
	}
	if int(t) >= len(names) {
		return "unknown"
	}
	return names[t]
}
