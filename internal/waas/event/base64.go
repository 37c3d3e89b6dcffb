package event

import "strings"

// base64 decodes a raw JSON string of base64 to at most limit bytes, in both
// alphabets, with or without padding, and reports whether there was more. As
// Node's and Python's decoders do, it steps over what is neither, but calls it a
// fault.
func (d *decoder) base64(raw string, limit int, p Place, key string) (string, bool) {
	if !isString(raw) {
		return "", false
	}
	encoded := plain(raw)
	if strings.IndexByte(encoded, '\\') >= 0 {
		encoded, _ = d.unquote(encoded, limit/3*4+16, false)
	}
	d.arena.begin(min(len(encoded)/4*3+3, limit))
	var bits uint32
	var count, digits int
	var padded, bad, longer bool
	for i := 0; i < len(encoded) && !longer; i++ {
		c := encoded[i]
		v, ok := base64Digit(c)
		switch {
		case ok:
			bad = bad || padded
			digits++
			bits = bits<<6 | uint32(v)
			if count += 6; count < 8 {
				continue
			}
			if longer = d.arena.size() >= limit; !longer {
				count -= 8
				d.arena.b.WriteByte(byte(bits >> count))
			}
		case c == '=':
			padded = true
		case c != '\r' && c != '\n':
			bad = true
		}
	}
	if bad || !longer && digits%4 == 1 {
		d.fault(Base64, p, key, "bytes that are not base64")
	}
	return d.arena.end(), longer
}

func base64Digit(c byte) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '+' || c == '-':
		return 62, true
	case c == '/' || c == '_':
		return 63, true
	}
	return 0, false
}
