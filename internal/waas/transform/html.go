package transform

import (
	"html"
	"strings"
)

// htmlEntityDecode undoes HTML's character references, named ones too. The table of names is only built when
// the first '&' is seen. Of all names only "&nGt;", which would grow, stays as it is.
func htmlEntityDecode(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return html.UnescapeString(s)
}
