package transform

import "strconv"

// length gives the number of bytes, as a decimal number.
func length(s string) string {
	return strconv.Itoa(len(s))
}
