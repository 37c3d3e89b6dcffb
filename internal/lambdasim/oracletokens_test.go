package lambdasim_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// match compares a value with a recorded text whose tokens it may bind.
func (b bindings) match(want string, got any) bool {
	if want == "<any>" {
		return true
	}
	text := fmt.Sprint(got)
	pattern, tokens := b.pattern(want)
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	for i, token := range tokens {
		if !b.bind(token, m[i+1]) {
			return false
		}
	}
	return true
}

// pattern turns a recorded text into a pattern with a group for every token
// that isn't bound yet.
func (b bindings) pattern(want string) (*regexp.Regexp, []string) {
	var expr strings.Builder
	var tokens []string
	expr.WriteString(`(?s)\A`)
	for want != "" {
		at := tokenPattern().FindStringIndex(want)
		if at == nil {
			break
		}
		token := want[at[0]:at[1]]
		expr.WriteString(regexp.QuoteMeta(want[:at[0]]))
		if value, bound := b[token]; bound {
			expr.WriteString(regexp.QuoteMeta(value))
		} else {
			expr.WriteString(`(.+?)`)
			tokens = append(tokens, token)
		}
		want = want[at[1]:]
	}
	expr.WriteString(regexp.QuoteMeta(want) + `\z`)
	return regexp.MustCompile(expr.String()), tokens
}

// bind gives a token its value; numbered tokens of one kind have different
// values.
func (b bindings) bind(token, value string) bool {
	kind, _, numbered := strings.Cut(token, ":")
	for other, taken := range b {
		otherKind, _, _ := strings.Cut(other, ":")
		if other == token {
			return taken == value
		}
		if numbered && otherKind == kind && taken == value {
			return false
		}
	}
	if token != "<code-size>" && token != "<location>" && token != "<layer-location>" {
		b[token] = value
	}
	return true
}

func tokenPattern() *regexp.Regexp {
	return regexp.MustCompile(`<[a-z][a-z_0-9-]*(:[0-9]+)?>`)
}

// contentPattern matches the tokens that stand for content.
func contentPattern() *regexp.Regexp {
	return regexp.MustCompile(`<(zip|bytes):[a-z0-9:]+>`)
}

// tokenContent makes the content that a request's token describes: a small
// zip, a zip that declares its size, or bytes that aren't a zip.
func tokenContent(token string) string {
	kind, what, _ := strings.Cut(strings.Trim(token, "<>"), ":")
	if kind == "bytes" {
		n, _ := strconv.Atoi(what)
		return base64.StdEncoding.EncodeToString(make([]byte, n))
	}
	if size, declaring := strings.CutPrefix(what, "declaring:"); declaring {
		n, _ := strconv.ParseUint(size, 10, 64)
		return base64.StdEncoding.EncodeToString(zipDeclaring(n))
	}
	return base64.StdEncoding.EncodeToString(zipOf(what))
}

// zipOf returns a small zip whose content depends on a word.
func zipOf(word string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	if err == nil {
		_, _ = f.Write([]byte("# " + word + "\n"))
	}
	_ = z.Close()
	return b.Bytes()
}

// zipDeclaring returns a zip without content that declares a size.
func zipDeclaring(size uint64) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	_, _ = z.CreateRaw(&zip.FileHeader{Name: "bundle.js", UncompressedSize64: size})
	_ = z.Close()
	return b.Bytes()
}

// TestBindings holds the comparison itself to its word: a replay that can't
// fail proves nothing.
func TestBindings(t *testing.T) {
	for _, tt := range []struct {
		name string
		want []string
		got  []string
		ok   bool
	}{
		{"same token, same value", []string{"<uuid:1>", "<uuid:1>"}, []string{"a", "a"}, true},
		{"same token, another value", []string{"<uuid:1>", "<uuid:1>"}, []string{"a", "b"}, false},
		{"two tokens, one value", []string{"<uuid:1>", "<uuid:2>"}, []string{"a", "a"}, false},
		{"tokens within a text", []string{"x:<a:1>:y:<b:1>"}, []string{"x:1:y:2"}, true},
		{"text around a token", []string{"x:<a:1>:y"}, []string{"x:1:z"}, false},
		{"whatever", []string{"<any>"}, []string{""}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, ok := bindings{}, true
			for i := range tt.want {
				ok = ok && b.match(tt.want[i], tt.got[i])
			}
			if ok != tt.ok {
				t.Errorf("got %v, want %v", ok, tt.ok)
			}
		})
	}
}
