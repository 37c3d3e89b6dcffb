package event

import "strings"

// graphQL adds the literals and comments of a GraphQL document and reports
// whether s is one. Everything else in such a document is a name or a bracket;
// s is read so strictly that nothing else can hide in it.
func (d *decoder) graphQL(s, name string, p Place) bool {
	g := graphQLReader{doc: s}
	if !g.document() {
		return false
	}
	g = graphQLReader{doc: s, found: func(text string) {
		if !d.full(p, name) {
			d.add(p, name, d.literal(text))
		}
	}}
	g.document()
	return true
}

// literal undoes the quotes and escapes of a GraphQL string.
func (d *decoder) literal(s string) string {
	if strings.HasPrefix(s, `"""`) {
		return s[3 : len(s)-3]
	}
	if s[0] != '"' {
		return s
	}
	text, _ := d.unquote(s[1:len(s)-1], d.left+1, true)
	return text
}

// graphQLReader goes over the tokens of a document.
type graphQLReader struct {
	doc   string
	pos   int
	found func(text string) // what is neither name, number nor punctuation
}

// document reads all tokens: it starts as an operation or a selection does, its
// brackets are those of GraphQL, and none is empty or doubled.
func (g *graphQLReader) document() bool {
	before, last := "", g.token()
	switch last {
	case "{", "query", "mutation", "subscription", "fragment":
	default:
		return false
	}
	var b brackets
	b.take(last[0])
	for token := g.token(); token != ""; token = g.token() {
		if !follows(last, token) || before == "(" && last != "$" && token != ":" || !b.take(token[0]) {
			return false
		}
		before, last = last, token
	}
	return g.pos == len(g.doc) && b.any && len(b.open) == 0
}

// brackets are those that are open.
type brackets struct {
	open []byte
	any  bool // there was one
}

// take reports whether c may stand here.
func (b *brackets) take(c byte) bool {
	switch c {
	case '{', '(', '[':
		b.open = append(b.open, c)
		b.any = true
	case '}', ')', ']':
		last := len(b.open) - 1
		if last < 0 || b.open[last] != opening(c) {
			return false
		}
		b.open = b.open[:last]
	}
	return true
}

func opening(c byte) byte {
	switch c {
	case '}':
		return '{'
	case ')':
		return '('
	}
	return '['
}

// follows says whether two tokens may stand next to each other.
func follows(a, b string) bool {
	switch a[0] {
	case '$', '@':
		return isNameStart(b[0])
	case '{':
		return isNameStart(b[0]) || b == "..." || b == "}"
	case '(':
		return isNameStart(b[0]) || b == "$"
	case ':', '=':
		return isNameStart(b[0]) || strings.IndexByte(`"{[$-0123456789`, b[0]) >= 0
	case '&', '|', '!':
		return b[0] != a[0]
	case '.':
		return isNameStart(b[0]) || b == "{" || b == "@"
	}
	return true
}

// token gives the next token, "" at the end or where there is none.
func (g *graphQLReader) token() string {
	g.ignored()
	if g.pos >= len(g.doc) {
		return ""
	}
	from := g.pos
	switch c := g.doc[from]; {
	case isNameStart(c):
		for g.pos < len(g.doc) && (isNameStart(g.doc[g.pos]) || isDigit(g.doc[g.pos])) {
			g.pos++
		}
	case strings.IndexByte("!$&():=@[]{|}", c) >= 0:
		g.pos++
	case c == '.' && strings.HasPrefix(g.doc[from:], "..."):
		g.pos += 3
	case c == '"':
		return g.string()
	case c == '-' || isDigit(c):
		return g.number()
	}
	return g.doc[from:g.pos]
}

// ignored steps over spaces, commas and comments.
func (g *graphQLReader) ignored() {
	for g.pos < len(g.doc) {
		switch g.doc[g.pos] {
		case ' ', '\t', '\r', '\n', ',':
			g.pos++
		case '#':
			end := strings.IndexByte(g.doc[g.pos:], '\n')
			if end < 0 {
				end = len(g.doc) - g.pos
			}
			if g.found != nil {
				g.found(g.doc[g.pos : g.pos+end])
			}
			g.pos += end
		default:
			return
		}
	}
}

func (g *graphQLReader) number() string {
	from := g.pos
	g.pos++
	for g.pos < len(g.doc) && (isDigit(g.doc[g.pos]) || strings.IndexByte(".eE+-", g.doc[g.pos]) >= 0) {
		g.pos++
	}
	if !isNumber(g.doc[from:g.pos]) || g.pos < len(g.doc) && isNameStart(g.doc[g.pos]) {
		g.pos = from
		return ""
	}
	return g.doc[from:g.pos]
}

func (g *graphQLReader) string() string {
	rest := g.doc[g.pos:]
	end := -1
	if strings.HasPrefix(rest, `"""`) {
		if end = strings.Index(rest[3:], `"""`); end >= 0 {
			end += 6
		}
	} else if n, ok := skipString(rest, 0); ok {
		end = n
	}
	if end < 0 {
		return ""
	}
	g.pos += end
	if g.found != nil {
		g.found(rest[:end])
	}
	return rest[:end]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
