//go:build linux

package runner

import "strings"

// arnPart returns a part of an ARN, or "" when there is no such part.
func arnPart(arn string, n int) string {
	parts := strings.Split(arn, ":")
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}
