package event

import "strings"

// mediaType is a Content-Type taken apart.
type mediaType struct {
	essence  string // "type/subtype" in lower case, "" when there is none
	charset  string // lower case
	boundary string
}

// parseMediaType reads a Content-Type and reports whether it is well formed.
func parseMediaType(s string) (mediaType, bool) {
	essence, rest, _ := strings.Cut(s, ";")
	m := mediaType{essence: strings.ToLower(strings.TrimSpace(essence))}
	kind, sub, ok := strings.Cut(m.essence, "/")
	ok = ok && isToken(kind) && isToken(sub)
	for p := range parameters(rest) {
		switch p.name {
		case "charset":
			m.charset = strings.ToLower(p.value)
		case "boundary":
			m.boundary = p.value
		}
	}
	return m, ok
}

// kind is the kind of body the type claims, NoBody when it claims none.
func (m mediaType) kind() BodyKind {
	e := m.essence
	switch {
	case e == "application/x-www-form-urlencoded":
		return FormBody
	case strings.HasPrefix(e, "multipart/"):
		return MultipartBody
	case strings.HasSuffix(e, "+json"), strings.HasSuffix(e, "/json"), e == "application/csp-report",
		strings.HasSuffix(e, "ndjson"), strings.HasSuffix(e, "/jsonlines"), strings.HasPrefix(e, "application/x-amz-json"):
		return JSONBody
	case strings.HasSuffix(e, "+xml"), strings.HasSuffix(e, "/xml"):
		return XMLBody
	case strings.HasPrefix(e, "text/"), e == "application/graphql", e == "application/javascript":
		return TextBody
	case strings.HasPrefix(e, "image/"), strings.HasPrefix(e, "audio/"), strings.HasPrefix(e, "video/"),
		strings.HasPrefix(e, "font/"), e == "application/octet-stream", e == "application/pdf", strings.HasSuffix(e, "zip"):
		return BinaryBody
	}
	return NoBody
}

// known says whether the charset is one that honest clients send. Others (UTF-7,
// EBCDIC) serve to hide what a text says.
func (m mediaType) known() bool {
	switch m.charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "latin1", "utf-16", "utf-16le", "utf-16be", "shift_jis", "shift-jis",
		"euc-jp", "euc-kr", "gb2312", "gbk", "gb18030", "big5", "koi8-r", "koi8-u":
		return true
	}
	return strings.HasPrefix(m.charset, "iso-8859-") || strings.HasPrefix(m.charset, "windows-125")
}

// parameter is name=value of a header; the name is in lower case, the value
// without quotes.
type parameter struct{ name, value string }

// parameters gives the parameters of a header after its first semicolon.
func parameters(s string) func(yield func(parameter) bool) {
	return func(yield func(parameter) bool) {
		for s != "" {
			s = strings.TrimLeft(s, "; \t\r\n")
			end := strings.IndexAny(s, "=;")
			if end < 0 {
				return
			}
			if s[end] == ';' {
				s = s[end:]
				continue
			}
			p := parameter{name: strings.ToLower(strings.TrimSpace(s[:end]))}
			p.value, s = parameterValue(strings.TrimLeft(s[end+1:], " \t"))
			if !yield(p) {
				return
			}
		}
	}
}

// parameterValue reads a token or a quoted string and gives what follows it.
func parameterValue(s string) (string, string) {
	if s == "" || s[0] != '"' {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:]
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7F || strings.IndexByte("()<>@,;:\\\"/[]?={}", c) >= 0 {
			return false
		}
	}
	return s != ""
}
