package event

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlReader goes over an XML document without resolving anything: entities that
// XML itself doesn't have stay as they stand, and a document type is a text of
// its own, as it is where the attack on the parser stands.
type xmlReader struct {
	*decoder
	doc   string
	pos   int
	open  []string // names of the elements that are open
	ends  []int    // length of path before each of them
	roots int
}

// xml makes fields of the texts and attributes of an XML document.
func (d *decoder) xml(s string) outcome {
	outer := d.path
	d.path = outer[len(outer):]
	x := xmlReader{decoder: d, doc: trimBOM(s)}
	result := x.document()
	d.path = outer
	return result
}

func (x *xmlReader) document() outcome {
	for x.pos < len(x.doc) {
		if x.left <= 0 || len(x.Fields) >= x.lim.Count {
			x.full(XML, "")
			return readPart
		}
		if !x.node() {
			if x.cut && x.pos >= len(x.doc) {
				return readPart
			}
			return readBroken
		}
	}
	if !x.cut && (len(x.open) > 0 || x.roots != 1) {
		return readBroken
	}
	return readWhole
}

// node reads the text up to the next markup, or one piece of markup.
func (x *xmlReader) node() bool {
	rest := x.doc[x.pos:]
	switch {
	case rest[0] != '<':
		return x.textNode(rest)
	case strings.HasPrefix(rest, "<!--"):
		_, ok := x.upTo("<!--", "-->")
		return ok
	case strings.HasPrefix(rest, "<![CDATA["):
		text, ok := x.upTo("<![CDATA[", "]]>")
		x.add(XML, x.xmlName(), text)
		return ok && len(x.open) > 0
	case strings.HasPrefix(rest, "<?"):
		text, ok := x.upTo("<?", "?>")
		x.declaration(text)
		return ok
	case strings.HasPrefix(rest, "<!"):
		return x.docType()
	case strings.HasPrefix(rest, "</"):
		return x.endTag()
	}
	return x.startTag()
}

// upTo steps over open, a text and end, and gives the text.
func (x *xmlReader) upTo(open, end string) (string, bool) {
	from := x.pos + len(open)
	i := strings.Index(x.doc[from:], end)
	if i < 0 {
		x.pos = len(x.doc)
		return x.doc[from:], false
	}
	x.pos = from + i + len(end)
	return x.doc[from : from+i], true
}

// textNode adds the text between two pieces of markup unless it is only space.
func (x *xmlReader) textNode(rest string) bool {
	end := strings.IndexByte(rest, '<')
	if end < 0 {
		end = len(rest)
	}
	x.pos += end
	if skipSpace(rest[:end], 0) == end {
		return true
	}
	x.add(XML, x.xmlName(), x.entities(rest[:end]))
	return len(x.open) > 0
}

// declaration reports an encoding that would have the text read differently.
func (x *xmlReader) declaration(s string) {
	if !hasPrefixFold(s, "xml ") {
		return
	}
	for p := range attributes(s[4:]) {
		if p.name == "encoding" && !(mediaType{charset: strings.ToLower(p.value)}).known() {
			x.fault(Charset, XML, "", "an XML encoding that hides what a text says")
		}
	}
}

// docType adds a document type, with its inner declarations, as one text.
func (x *xmlReader) docType() bool {
	from, depth := x.pos, 0
	for i := from; i < len(x.doc); i++ {
		switch x.doc[i] {
		case '"', '\'':
			end := strings.IndexByte(x.doc[i+1:], x.doc[i])
			if end < 0 {
				continue
			}
			i += 1 + end
		case '<', '[':
			depth++
		case '>', ']':
			depth--
		}
		if depth == 0 {
			x.pos = i + 1
			x.add(XML, "!DOCTYPE", x.doc[from:x.pos])
			return true
		}
	}
	x.pos = len(x.doc)
	x.add(XML, "!DOCTYPE", x.doc[from:])
	return false
}

func (x *xmlReader) endTag() bool {
	name, ok := x.upTo("</", ">")
	last := len(x.open) - 1
	if !ok || last < 0 || strings.TrimRight(name, " \t\r\n") != x.open[last] {
		return false
	}
	x.leave()
	return true
}

func (x *xmlReader) leave() {
	last := len(x.open) - 1
	x.path = x.path[:x.ends[last]]
	x.open, x.ends = x.open[:last], x.ends[:last]
}

// startTag reads a start tag and adds its attributes.
func (x *xmlReader) startTag() bool {
	end := tagEnd(x.doc[x.pos:])
	if end < 0 {
		x.pos = len(x.doc)
		return false
	}
	tag := x.doc[x.pos+1 : x.pos+end]
	x.pos += end + 1
	closed := strings.HasSuffix(tag, "/")
	tag = strings.TrimSuffix(tag, "/")
	name, rest := tag, ""
	if i := strings.IndexAny(tag, " \t\r\n"); i >= 0 {
		name, rest = tag[:i], tag[i:]
	}
	if !isXMLName(name) {
		return false
	}
	x.enter(name)
	ok := true
	for p := range attributes(rest) {
		if p.broken {
			ok = false
			break
		}
		x.attribute(p)
	}
	if closed {
		x.leave()
	}
	return ok
}

func (x *xmlReader) enter(name string) {
	if len(x.open) == 0 {
		x.roots++
	}
	x.open = append(x.open, name)
	x.ends = append(x.ends, len(x.path))
	if len(x.open) > x.lim.Depth {
		x.exceed(LimitDepth, XML, x.xmlName())
		return
	}
	x.segment(name)
}

func (x *xmlReader) attribute(p xmlAttribute) {
	base := len(x.path)
	x.path = append(x.path, '/', '@')
	x.path = append(x.path, p.name[:min(len(p.name), maxName)]...)
	name := x.xmlName()
	x.path = x.path[:base]
	if !x.full(XMLAttribute, name) {
		x.add(XMLAttribute, name, x.entities(p.value))
	}
}

func (x *xmlReader) xmlName() string {
	return x.pathName("")
}

// tagEnd finds the '>' that ends a tag, stepping over quoted values.
func tagEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '>':
			return i
		case '"', '\'':
			end := strings.IndexByte(s[i+1:], s[i])
			if end < 0 {
				return -1
			}
			i += 1 + end
		}
	}
	return -1
}

func isXMLName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if isNameStart(c) || c >= utf8.RuneSelf || c == ':' || i > 0 && (isDigit(c) || c == '-' || c == '.') {
			continue
		}
		return false
	}
	return s != ""
}

// xmlAttribute is name="value"; broken when what stands there is none.
type xmlAttribute struct {
	name, value string
	broken      bool
}

func attributes(s string) func(yield func(xmlAttribute) bool) {
	return func(yield func(xmlAttribute) bool) {
		for {
			s = s[skipSpace(s, 0):]
			if s == "" {
				return
			}
			name, rest, ok := strings.Cut(s, "=")
			name = strings.TrimRight(name, " \t\r\n")
			rest = rest[skipSpace(rest, 0):]
			if !ok || !isXMLName(name) || rest == "" || rest[0] != '"' && rest[0] != '\'' {
				yield(xmlAttribute{broken: true})
				return
			}
			end := strings.IndexByte(rest[1:], rest[0])
			if end < 0 {
				yield(xmlAttribute{broken: true})
				return
			}
			if !yield(xmlAttribute{name: name, value: rest[1 : 1+end]}) {
				return
			}
			s = rest[2+end:]
		}
	}
}

// entities decodes the five entities of XML and numbers of characters.
func (d *decoder) entities(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	d.arena.begin(len(s))
	b := d.arena.b
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		r, size := entity(s)
		if size == 0 {
			b.WriteByte('&')
			size = 1
		} else {
			b.WriteRune(r)
		}
		s = s[size:]
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return d.arena.end()
}

// entity reads the entity at the start of s; its size is 0 when there is none.
func entity(s string) (rune, int) {
	const longest = 12
	end := strings.IndexByte(s[:min(len(s), longest)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := s[1:end]; name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if name[0] != '#' {
			return 0, 0
		}
		digits, base := name[1:], 10
		if digits != "" && digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		v, err := strconv.ParseUint(digits, base, 32)
		if err != nil || v > utf8.MaxRune {
			return 0, 0
		}
		return rune(v), end + 1
	}
}
