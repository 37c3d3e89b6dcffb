package event

import "strings"

// cookies makes fields of a Cookie header: "name=value; name=value". Values stay
// as they are sent, since nothing in the standard encodes them.
func (d *decoder) cookies(s string) {
	for s != "" {
		pair, rest, _ := strings.Cut(s, ";")
		s = rest
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		if d.full(CookieName, "") {
			return
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			name, value = "", pair
		}
		d.pair(CookieName, Cookie, strings.TrimSpace(name), strings.TrimSpace(value))
	}
}
