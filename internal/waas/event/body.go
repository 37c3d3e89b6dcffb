package event

import "strings"

// body reads the body of an HTTP request from its raw JSON value.
func (d *decoder) body(raw string, encoded bool, h headerFacts) {
	if raw == "" || raw == `""` {
		return
	}
	d.cut = false
	text := d.contentEncoding(d.bodyText(raw, encoded), h.encoding)
	d.Request.RawBody = text
	if text == "" {
		return
	}
	media, ok := parseMediaType(h.contentType)
	if !ok && h.contentType != "" {
		d.fault(ContentType, Header, "content-type", "no media type")
	}
	if !media.known() {
		d.fault(Charset, Header, "content-type", "a charset that hides what a text says")
	}
	d.Request.BodyKind = d.readBody(d.toUTF8(text, media.charset), media)
}

// bodyText undoes base64 where the event says so, and cuts to the limit.
func (d *decoder) bodyText(raw string, encoded bool) string {
	if !encoded || !isString(raw) {
		return d.limitBody(Body, "", d.text(raw, d.lim.BodyBytes+1))
	}
	mark := d.mark()
	text, longer := d.base64(raw, d.lim.BodyBytes, Body, "")
	if len(d.Faults) > mark.faults {
		// Whoever doesn't decode it sees it as it is.
		d.add(Body, "", d.text(raw, d.lim.BodyBytes))
	}
	if longer {
		d.exceed(LimitBodyBytes, Body, "")
		d.cut = true
	}
	return text
}

// readBody makes fields of a body: as its type says, and also as it looks where
// a handler that doesn't ask for the type would read it differently.
func (d *decoder) readBody(s string, media mediaType) BodyKind {
	switch kind := media.kind(); kind {
	case FormBody:
		d.form(s, FormName, Form)
		d.guessJSON(s)
		return kind
	case MultipartBody:
		if d.multipart(s, media.boundary) {
			return kind
		}
		d.fault(BodySyntax, Body, "", "not multipart as its Content-Type says")
	case JSONBody:
		if d.walk(trimBOM(s), scope{names: JSONName, values: JSON}, true, d.cut) != readBroken {
			return kind
		}
		d.fault(BodySyntax, Body, "", "not JSON as its Content-Type says")
	case XMLBody:
		if d.xml(s) != readBroken {
			return kind
		}
		d.fault(BodySyntax, Body, "", "not XML as its Content-Type says")
	case TextBody, NoBody, BinaryBody:
		if media.essence == "application/graphql" && d.graphQL(s, "", JSON) {
			return JSONBody
		}
		if kind != TextBody && isBinary(s) && !looksLikeDocument(s) {
			return d.binary(s, kind)
		}
	}
	return d.guess(s)
}

// binary looks for texts in what is neither text nor a file of a known kind.
func (d *decoder) binary(s string, claimed BodyKind) BodyKind {
	if claimed != BinaryBody && !isMedia(s) {
		d.runs(s, Body, "")
	}
	return BinaryBody
}

// guess reads a body by its look. Whatever else it is, markup is also a text, and
// so is a form: who looks at the body whole would see it so.
func (d *decoder) guess(s string) BodyKind {
	if d.guessJSON(s) {
		return JSONBody
	}
	if boundary := looksMultipart(s); boundary != "" {
		mark := d.mark()
		if d.multipart(s, boundary) {
			return MultipartBody
		}
		d.reset(mark)
	}
	kind := TextBody
	switch {
	case strings.HasPrefix(trimBOM(s), "<?xml"):
		mark := d.mark()
		if d.xml(s) == readBroken {
			d.reset(mark)
			break
		}
		kind = XMLBody
	case looksForm(s):
		d.form(s, FormName, Form)
		kind = FormBody
	}
	d.add(Body, "", s)
	return kind
}

// guessJSON reads s as JSON if it is, and reports whether it was.
func (d *decoder) guessJSON(s string) bool {
	s = trimBOM(s)
	if i := skipSpace(s, 0); i == len(s) || s[i] != '{' && s[i] != '[' {
		return false
	}
	mark := d.mark()
	if d.walk(s, scope{names: JSONName, values: JSON}, true, d.cut) == readBroken {
		d.reset(mark)
		return false
	}
	return true
}

// looksLikeDocument says whether a parser of JSON or XML might like s although
// some of its bytes are odd.
func looksLikeDocument(s string) bool {
	i := skipSpace(s, 0)
	return i < len(s) && (s[i] == '{' || s[i] == '[' || s[i] == '<')
}

// looksMultipart gives the boundary of what looks like multipart.
func looksMultipart(s string) string {
	if !strings.HasPrefix(s, "--") {
		return ""
	}
	line, rest, ok := strings.Cut(s[2:], "\n")
	line = strings.TrimRight(line, "\r \t")
	if !ok || line == "" || len(line) > maxBoundary || !hasPrefixFold(rest, "content-") {
		return ""
	}
	return line
}

// looksForm says whether s looks like name=value&name=value.
func looksForm(s string) bool {
	name, _, ok := strings.Cut(s[:min(len(s), maxName)], "=")
	if !ok || name == "" || strings.ContainsAny(name, " \t\r\n<>{}\"'") {
		return false
	}
	return !strings.ContainsAny(s[:min(len(s), sample)], " \t\n\"<>{}")
}

func trimBOM(s string) string { return strings.TrimPrefix(s, "\uFEFF") }
