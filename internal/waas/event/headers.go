package event

import "strings"

// headerFacts is what the rest of the decoding needs from the headers.
type headerFacts struct {
	cookies       []string
	contentType   string
	contentLength string
	encoding      string // Content-Encoding
}

// headers makes fields of the header maps: the one with all values when it has
// any, else the other. Each name is a field of its own. cookies is a Cookie header
// that the event has elsewhere.
func (d *decoder) headers(multi, single, cookies string) headerFacts {
	raw := multi
	if first(raw) == "" {
		raw = single
	}
	var h headerFacts
	from := len(d.Fields)
	c := over(raw)
	for c.next() {
		name := d.key(c.key)
		lower := d.arena.lower(name)
		if d.full(HeaderName, lower) {
			break
		}
		label := d.label(lower)
		d.Request.HeaderNames = append(d.Request.HeaderNames, lower)
		d.headerValues(label, c.val, &h)
	}
	if cookies != "" && len(h.cookies) == 0 {
		d.Request.HeaderNames = append(d.Request.HeaderNames, "cookie")
		h.cookies = append(h.cookies, cookies)
		d.add(Header, "cookie", cookies)
	}
	d.Request.Headers = headersOf(d.Fields[from:])
	for _, name := range d.Request.HeaderNames {
		d.add(HeaderName, d.label(name), name)
	}
	return h
}

// headersOf is the part of fields that are headers: all that stand there.
func headersOf(fields []Field) []Field { return fields[:len(fields):len(fields)] }

// key gives the text of a raw member name.
func (d *decoder) key(raw string) string {
	s, _ := d.unquote(raw, d.left+1, false)
	return s
}

// headerValues adds the value, or the values, of one header.
func (d *decoder) headerValues(name, raw string, h *headerFacts) {
	if !isArray(raw) {
		d.header(name, raw, h)
		return
	}
	c := over(raw)
	for c.next() {
		d.header(name, c.val, h)
	}
}

func (d *decoder) header(name, raw string, h *headerFacts) {
	if raw == "null" || d.full(Header, name) {
		return
	}
	value := d.text(raw, d.left+1)
	d.add(Header, name, value)
	switch name {
	case "cookie":
		h.cookies = append(h.cookies, value)
	case "content-type":
		if h.contentType != "" && h.contentType != value {
			d.fault(ContentType, Header, name, "several that differ")
		}
		h.contentType = value
		d.Request.ContentType = value
	case "content-encoding":
		h.encoding = value
	case "content-length":
		d.contentLength(value, h)
	case "host":
		d.Request.Host = value
	case "user-agent":
		d.Request.UserAgent = value
	case "x-forwarded-for":
		d.forwarded(value)
	}
}

// contentLength reports a length that is no number, and several that differ.
// Payload format 2.0 joins several by commas.
func (d *decoder) contentLength(value string, h *headerFacts) {
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		switch {
		case part == "" || skipDigits(part, 0) != len(part):
			d.fault(ContentLength, Header, "content-length", "no number")
		case h.contentLength != "" && h.contentLength != part:
			d.fault(ContentLength, Header, "content-length", "several that differ")
		}
		h.contentLength = part
	}
}

// forwarded takes the address a load balancer saw: the last one.
func (d *decoder) forwarded(value string) {
	if d.Trigger == ALB {
		d.Request.SourceIP = strings.TrimSpace(value[strings.LastIndexByte(value, ',')+1:])
	}
}
