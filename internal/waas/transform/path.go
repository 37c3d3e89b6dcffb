package transform

import (
	"path"
	"strings"
)

// normalizePath resolves "." and ".." and doubled slashes as far as text alone can. A trailing slash stays,
// which makes "//" of "/".
func normalizePath(s string) string {
	if s == "" {
		return s
	}
	clean := path.Clean(s)
	switch {
	case clean == ".":
		return ""
	case s[len(s)-1] != '/':
		return clean
	case len(clean) == len(s)-1 && s[:len(clean)] == clean:
		return s
	default:
		return clean + "/"
	}
}

// normalizePathWin is normalizePath with backslashes as slashes, without what Windows drops from names: a
// stream suffix ("a.txt::$DATA") and trailing dots and spaces.
func normalizePathWin(s string) string {
	if s == "" {
		return s
	}
	clean := normalizePath(strings.ReplaceAll(s, `\`, "/"))
	return trimComponents(dropStream(clean))
}

// dropStream cuts the last component at its first colon; a drive letter keeps its own.
func dropStream(s string) string {
	if strings.IndexByte(s, ':') < 0 {
		return s
	}
	from := 0
	if len(s) >= 2 && s[1] == ':' && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') {
		from = 2
	}
	end := len(s)
	if end > from && s[end-1] == '/' {
		end--
	}
	last := max(from, strings.LastIndexByte(s[:end], '/')+1)
	colon := strings.IndexByte(s[last:end], ':')
	if colon < 0 {
		return s
	}
	return s[:last+colon] + s[end:]
}

// trimComponents takes trailing dots and spaces off every component that isn't only dots. One of which
// nothing is left goes with its slash.
func trimComponents(s string) string {
	if !trimmable(s) {
		return s
	}
	out := make([]byte, 0, len(s))
	first := true
	for component := range strings.SplitSeq(s, "/") {
		if !onlyDots(component) {
			component = strings.TrimRight(component, ". ")
			if component == "" {
				continue
			}
		}
		if !first {
			out = append(out, '/')
		}
		out = append(out, component...)
		first = false
	}
	return string(out)
}

func trimmable(s string) bool {
	for component := range strings.SplitSeq(s, "/") {
		if onlyDots(component) {
			continue
		}
		if last := component[len(component)-1]; last == '.' || last == ' ' {
			return true
		}
	}
	return false
}

// onlyDots is true of "" as well.
func onlyDots(s string) bool {
	return strings.Trim(s, ".") == ""
}
