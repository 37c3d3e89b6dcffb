package event

import "strings"

// maxBoundary is more than any client uses; RFC 2046 allows 70.
const maxBoundary = 200

// multipart makes fields of the names, file names, header lines and values of a
// multipart body, not of the contents of files, and reports whether s has any
// part. A body that isn't closed is a fault.
func (d *decoder) multipart(s, boundary string) bool {
	if boundary == "" || len(boundary) > maxBoundary {
		return false
	}
	delimiter := "--" + boundary
	_, rest, ok := cutDelimiter(s, delimiter)
	if !ok {
		return false
	}
	for !strings.HasPrefix(rest, "--") {
		part, after, ok := cutDelimiter(afterLine(rest), delimiter)
		if !ok && !d.cut {
			d.fault(BodySyntax, Multipart, "", "multipart without an end")
		}
		d.part(part)
		if !ok || d.full(MultipartName, "") {
			break
		}
		rest = after
	}
	return true
}

// cutDelimiter splits s at the first delimiter that starts a line; the line
// break before it belongs to the delimiter.
func cutDelimiter(s, delimiter string) (string, string, bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], delimiter)
		if i < 0 {
			return s, "", false
		}
		i += from
		if i == 0 || s[i-1] == '\n' {
			before := strings.TrimSuffix(strings.TrimSuffix(s[:i], "\n"), "\r")
			return before, s[i+len(delimiter):], true
		}
		from = i + len(delimiter)
	}
}

// afterLine gives what follows the rest of a line.
func afterLine(s string) string {
	_, rest, ok := strings.Cut(s, "\n")
	if !ok {
		return ""
	}
	return rest
}

// disposition is what the header of a part says about it.
type disposition struct {
	name     string
	file     bool
	fileName string
	json     bool // its Content-Type is JSON
}

// part reads one part: its header, an empty line, its content.
func (d *decoder) part(s string) {
	var p disposition
	for s != "" {
		line, rest := headerLine(s)
		s = rest
		if line == "" {
			break
		}
		d.partHeader(line, &p)
	}
	switch {
	case p.json && (!p.file || p.fileName == "blob"):
		mark := d.mark()
		sc := scope{names: MultipartName, values: Multipart, prefix: d.label(p.name)}
		if d.walk(s, sc, true, d.cut) != readBroken {
			return
		}
		d.reset(mark)
		d.fault(BodySyntax, Multipart, p.name, "not JSON as its Content-Type says")
	case p.file && p.fileName != "":
		return
	}
	if s != "" || !p.file {
		d.add(Multipart, d.label(p.name), s)
	}
}

// headerLine gives the next header line, with its continuation lines, and what
// follows. An empty line ends the header.
func headerLine(s string) (string, string) {
	end := strings.IndexByte(s, '\n')
	for end >= 0 && end+1 < len(s) && end > 1 && (s[end+1] == ' ' || s[end+1] == '\t') {
		next := strings.IndexByte(s[end+1:], '\n')
		if next < 0 {
			end = -1
			break
		}
		end += 1 + next
	}
	if end < 0 {
		return strings.TrimRight(s, "\r"), ""
	}
	return strings.TrimRight(s[:end], "\r"), s[end+1:]
}

// partHeader reads one header line of a part.
func (d *decoder) partHeader(line string, p *disposition) {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		d.fault(BodySyntax, PartHeader, "", "a header line without a colon")
	}
	name = d.arena.lower(strings.TrimSpace(name))
	d.add(PartHeader, d.label(name), line)
	switch name {
	case "content-type":
		media, _ := parseMediaType(value)
		p.json = media.kind() == JSONBody
	case "content-disposition":
		d.disposition(value, p)
	}
}

// disposition adds each name and file name: servers differ in which of several
// they take.
func (d *decoder) disposition(value string, p *disposition) {
	_, value, _ = strings.Cut(value, ";")
	names := 0
	for param := range parameters(value) {
		switch param.name {
		case "name":
			if names++; names > 1 {
				d.fault(BodySyntax, MultipartName, "", "a part with two names")
			}
			p.name = param.value
			d.add(MultipartName, d.label(p.name), p.name)
		case "filename", "filename*":
			p.file, p.fileName = true, param.value
			if param.name == "filename*" {
				p.fileName = d.extended(param.value)
			}
			d.add(FileName, d.label(p.name), p.fileName)
		}
	}
}

// extended decodes the value of a parameter whose name ends in '*':
// charset'language'percent-encoded text (RFC 8187).
func (d *decoder) extended(s string) string {
	if _, rest, ok := strings.Cut(s, "'"); ok {
		if _, text, ok := strings.Cut(rest, "'"); ok {
			s = text
		}
	}
	return d.percentDecode(s, false, FileName, "")
}
