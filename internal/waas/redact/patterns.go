package redact

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// form is a text that is a secret by how it looks.
type form struct {
	// needs is in every text that has the form, so that most texts are left alone at once. Letters are lower case.
	needs string
	// pattern matches; what its first group holds is masked, or all when it has none.
	pattern func() *regexp.Regexp
}

// forms lists the forms. Their patterns are compiled when they're needed first.
//
//nolint:gochecknoglobals // read-only; compiled patterns are worth keeping
var forms = [...]form{
	{"eyj", once(`eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)*`)},
	{"bearer", once(`(?i)\bbearer[\s:]+([\w.~+/=-]{6,})`)},
	{"basic", once(`(?i)\bbasic\s+([\w+/=-]{6,})`)},
	{"digest", once(`(?i)\bdigest\s+(\w+=.*)`)},
	{"aws4-", once(`AWS4-[\w-]+\s+(.*)`)},
	{"aki", once(`\bAKI[A-Z][0-9A-Z]{12,}`)},
	{"asi", once(`\bASI[A-Z][0-9A-Z]{12,}`)},
	{"gh", once(`\bgh[a-z]_\w{16,}`)},
	{"github_pat_", once(`\bgithub_pat_\w{16,}`)},
	{"xox", once(`\bxox[a-z]-[\w-]{8,}`)},
	{"sk_", once(`\b[sr]k_(?:live|test)_\w{8,}`)},
	{"sk-", once(`\bsk-[\w-]{16,}`)},
	{"aiza", once(`\bAIza[\w-]{20,}`)},
	{"private key", once(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)},
	{"@", once(`://[^/\s:@]*:([^/\s@]+)@`)},
}

func once(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// credentials masks what has the form of a secret.
func credentials(text string) string {
	lower := strings.ToLower(text)
	for _, f := range forms {
		if strings.Contains(lower, f.needs) {
			text = f.mask(text)
		}
	}
	return text
}

func (f form) mask(text string) string {
	var b strings.Builder
	from := 0
	for _, at := range f.pattern().FindAllStringSubmatchIndex(text, -1) {
		start, end := at[0], at[1]
		if len(at) > 2 {
			start, end = at[2], at[3]
		}
		b.WriteString(text[from:start])
		b.WriteString(Mask)
		from = end
	}
	b.WriteString(text[from:])
	return b.String()
}

// parameters masks the values of a query, a form, a cookie header or a URL whose names are those of secrets.
func parameters(text string) string {
	if !strings.Contains(text, "=") {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		end := strings.IndexAny(text, "&;?\r\n")
		separator := ""
		pair := text
		if end >= 0 {
			pair, separator, text = text[:end], text[end:end+1], text[end+1:]
		} else {
			text = ""
		}
		b.WriteString(parameter(pair))
		b.WriteString(separator)
	}
	return b.String()
}

func parameter(pair string) string {
	name, value, found := strings.Cut(pair, "=")
	if !found || value == "" {
		return pair
	}
	word := name[strings.LastIndexAny(name, " \t,\"'")+1:]
	if decoded, err := url.QueryUnescape(word); err == nil {
		word = decoded
	}
	if IsSecret(word) {
		return name + "=" + Mask
	}
	return pair
}
