package defend

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// commandMax is how long a command is at most in an audit, in bytes.
	commandMax = 1024
	// secretMin is how long a variable's value must be to be taken for more than a coincidence.
	secretMin = 6
)

// scrubber puts variables' names in the place of their values. A shell replaces $TOKEN before it starts a program, so
// that a command line holds the token.
type scrubber struct{ replacer *strings.Replacer }

// newScrubber knows the function's environment. Paths stay readable, and so do the values of Lambda's own variables
// that are no secrets.
func newScrubber(environ []string) scrubber {
	type secret struct{ name, value string }
	var secrets []secret
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if len(value) >= secretMin && !strings.HasPrefix(value, "/") && !isPublic(name) {
			secrets = append(secrets, secret{name, value})
		}
	}
	slices.SortStableFunc(secrets, func(a, b secret) int { return len(b.value) - len(a.value) })
	var pairs []string
	for _, s := range secrets {
		for _, form := range [...]string{s.value, url.QueryEscape(s.value), url.PathEscape(s.value)} {
			if !slices.Contains(pairs, form) {
				pairs = append(pairs, form, "$"+s.name)
			}
		}
	}
	return scrubber{replacer: strings.NewReplacer(pairs...)}
}

// isPublic tells whether a variable is Lambda's or the system's own and holds no secret.
func isPublic(name string) bool {
	switch name {
	case "PATH", "LANG", "TZ", "HOME", "PWD", "OLDPWD", "USER", "SHELL", "TERM", "SHLVL", "LOGNAME", "HOSTNAME",
		"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "NODE_OPTIONS":
		return true
	}
	return strings.HasPrefix(name, "AWS_LAMBDA_") || strings.HasPrefix(name, "LAMBDA_")
}

// command returns a command line without variables' values, cut to its limit between two characters.
func (s scrubber) command(text string) string { return cut(s.replacer.Replace(text), commandMax) }

// text returns a text without variables' values.
func (s scrubber) text(text string) string { return s.replacer.Replace(text) }

// cut shortens text to at most limit bytes, between two characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
