package main

import "strings"

// directive is one logical line of a SecLang file.
type directive struct {
	place place
	name  string // in lower case
	rest  string
}

// directives splits a file into its directives: comments go, lines that end in a backslash go on with the next.
func directives(file, text string) ([]directive, error) {
	var out []directive
	var line strings.Builder
	start := 0
	for i, part := range strings.Split(text, "\n") {
		part = strings.TrimSpace(part)
		if part == "" || part[0] == '#' {
			continue
		}
		if line.Len() == 0 {
			start = i + 1
		}
		if strings.HasSuffix(part, `\`) {
			line.WriteString(strings.TrimSuffix(part, `\`))
			continue
		}
		line.WriteString(part)
		name, rest, _ := strings.Cut(line.String(), " ")
		out = append(out, directive{place: place{file: file, line: start}, name: strings.ToLower(name), rest: strings.TrimSpace(rest)})
		line.Reset()
	}
	if line.Len() > 0 {
		return nil, place{file: file, line: start}.errorf("the file ends in the middle of a directive")
	}
	return out, nil
}

// quoted takes a string in double quotes from the front of text. It returns what is between them, with \" undone, the
// rest of the text, and whether there are quotes.
func quoted(text string) (string, string, bool) {
	if text == "" || text[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return strings.ReplaceAll(text[1:i], `\"`, `"`), strings.TrimSpace(text[i+1:]), true
		}
	}
	return "", "", false
}
