package rest

import "strings"

// versioned reports whether a path's version is one that clients of Prisma Compute use: v1, or v and a release such as
// v34.04. All mean the same API.
func versioned(version string) bool {
	if version == "v1" {
		return true
	}
	release, ok := strings.CutPrefix(version, "v")
	if !ok {
		return false
	}
	major, minor, ok := strings.Cut(release, ".")
	return ok && twoDigits(major) && twoDigits(minor)
}

func twoDigits(text string) bool {
	return len(text) == 2 && digit(text[0]) && digit(text[1])
}

func digit(b byte) bool { return '0' <= b && b <= '9' }
