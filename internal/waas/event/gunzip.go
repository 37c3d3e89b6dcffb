package event

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
)

// isGzip says whether s starts as gzip does.
func isGzip(s string) bool { return strings.HasPrefix(s, "\x1f\x8b\x08") }

// gunzip unpacks s, as far as the bytes that may be unpacked in this event go.
// What can't be unpacked is a fault; what came out before it counts.
func (d *decoder) gunzip(s string, p Place, key string) string {
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		d.fault(Compression, p, key, "no gzip header")
		return ""
	}
	return d.unpack(r, p, key)
}

// unpack reads r to its end or to the limit.
func (d *decoder) unpack(r io.Reader, p Place, key string) string {
	var out strings.Builder
	n, err := io.Copy(&out, io.LimitReader(r, int64(d.unpacked)+1))
	text := out.String()
	if n > int64(d.unpacked) {
		d.exceed(LimitUnpacked, p, key)
		d.cut = true
		text = text[:d.unpacked]
	} else if err != nil && !d.cut {
		d.fault(Compression, p, key, "packed data that ends early or has a wrong checksum")
		d.cut = true
	}
	d.unpacked -= len(text)
	return text
}

// contentEncoding undoes the Content-Encoding of a body, as body parsers do that
// were written for servers. What can't be undone here is reported.
func (d *decoder) contentEncoding(s, encoding string) string {
	switch d.arena.lower(strings.TrimSpace(encoding)) {
	case "", "identity", "aws-chunked":
		return s
	case "gzip", "x-gzip":
		if isGzip(s) {
			return d.gunzip(s, Body, "")
		}
	case "deflate":
		if r, err := zlib.NewReader(strings.NewReader(s)); err == nil {
			return d.unpack(r, Body, "")
		}
	}
	d.fault(Compression, Body, "", "a content encoding that is not undone")
	return s
}
