package rest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/console/route"
)

// Reference renders a table of routes as a page in Markdown.
func Reference(table []route.Route) []byte {
	var b strings.Builder
	b.WriteString(`# The API, path by path

Made from the table of routes; don't edit it. [The guide](../api.md) says how to log in, page and read errors;
[openapi.json](openapi.json) is the same for machines.

All paths come after ` + "`/api/v1`" + `. **P** marks those of Prisma Cloud Compute. "(write)" needs a role that may change things.
A list takes ` + listNames() + ` too, and says in the header ` + "`Total-Count`" + ` how many there are.
`)
	sections := map[string][]route.Route{}
	for _, r := range table {
		sections[section(r)] = append(sections[section(r)], r)
	}
	var names []string
	for name := range sections {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "\n## %s\n\n| | Path | What it does | Permission | Takes | Returns |\n|---|---|---|---|---|---|\n", name)
		routes := sections[name]
		slices.SortStableFunc(routes, func(a, b route.Route) int { return strings.Compare(a.Path, b.Path) })
		for _, r := range routes {
			writeRow(&b, r)
		}
	}
	return []byte(b.String())
}

func listNames() string {
	var names []string
	for _, p := range listParams() {
		names = append(names, "`"+p.Name+"`")
	}
	return strings.Join(names, ", ")
}

func writeRow(b *strings.Builder, r route.Route) {
	mark := ""
	if r.Prisma {
		mark = "P"
	}
	path := fmt.Sprintf("`%s %s`", r.Method, r.Path)
	for _, alias := range r.Alias {
		path += fmt.Sprintf(", formerly `%s`", alias)
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", mark, path, cell(r.Summary), cell(permissionText(r.Permission, r.Write)), takes(r), returns(r))
}

// takes says what a request has: its body's type and its parameters.
func takes(r route.Route) string {
	var parts []string
	if r.Request != nil {
		parts = append(parts, "body: `"+typeName(reflect.TypeOf(r.Request))+"`")
	}
	for _, p := range r.Query {
		name := "`" + p.Name + "`"
		if p.Many {
			name = "`" + p.Name + "[]`"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

func returns(r route.Route) string {
	media, _, _ := strings.Cut(r.Media, ";")
	list := ""
	if r.List {
		list = "list of "
	}
	switch {
	case r.Response == nil:
		return "nothing"
	case media != "" && media != mediaJSON:
		return "`" + media + "`"
	default:
		return list + "`" + strings.TrimPrefix(typeName(reflect.TypeOf(r.Response)), cutSlice(r)) + "`"
	}
}

// cutSlice is what a list's type needn't say twice.
func cutSlice(r route.Route) string {
	if r.List {
		return "[]"
	}
	return ""
}

// typeName is a type as the reference names it.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && t.Name() == "" {
			return "bytes"
		}
		if t.Name() == "" {
			return "[]" + typeName(t.Elem())
		}
	case reflect.Map:
		if t.Name() == "" {
			return "map of " + typeName(t.Elem())
		}
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Interface:
		return "any"
	}
	switch {
	case t.Name() == "RawMessage":
		return "JSON"
	case t.Name() == "":
		return "object"
	default:
		return strings.TrimPrefix(t.String(), "*")
	}
}

// cell is text that a table's cell can hold.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
