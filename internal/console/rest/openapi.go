package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/console/route"
)

// OpenAPI renders a table of routes as an OpenAPI 3.0 document.
func OpenAPI(table []route.Route, version string) ([]byte, error) {
	s, shared := newSchemas(), newPool()
	items := object{}
	for _, r := range table {
		item, ok := items[documented(r.Path)].(object)
		if !ok {
			item = object{}
			items[documented(r.Path)] = item
		}
		item[strings.ToLower(r.Method)] = operation(s, shared, r)
	}
	document, err := json.MarshalIndent(object{
		"openapi": "3.0.3",
		"info": object{
			"title": "Autodefend Console", "version": version,
			"description": "Paths marked x-prisma are those of Prisma Cloud Compute's API. A version such as v34.04 may take the place of v1.",
		},
		"servers": []any{object{"url": "/api/v1"}},
		"paths":   items,
		"components": object{
			"schemas": s.components, "parameters": shared.entries,
			"responses": object{
				"error": object{"description": "What is wrong, and what to do about it.", "content": object{mediaJSON: object{"schema": object{
					"type": "object", "required": []any{"err"}, "properties": object{"err": object{"type": "string"}},
				}}}},
				"done": object{"description": "Done; the body is empty."},
			},
			"headers": object{"Total-Count": object{"description": "How many there are without offset and limit.", "schema": object{"type": "integer"}}},
			"securitySchemes": object{
				"bearer":   object{"type": "http", "scheme": "bearer", "description": "A token of /authenticate, or an API token."},
				"basic":    object{"type": "http", "scheme": "basic"},
				"defender": object{"type": "http", "scheme": "bearer", "description": "The token of one function's Defender."},
			},
		},
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("render OpenAPI: %w", err)
	}
	return append(document, '\n'), nil
}

// documented is a path as OpenAPI writes it: a wildcard for the rest of the path has no dots there.
func documented(path string) string { return strings.ReplaceAll(path, "...}", "}") }

// pool holds what several operations refer to. Different things of one name are numbered.
type pool struct{ entries object }

func newPool() *pool { return &pool{entries: object{}} }

// reference returns a reference to a parameter, which it adds when it's new.
func (p *pool) reference(name string, parameter object) object {
	key := name
	for n := 2; p.entries[key] != nil && !reflect.DeepEqual(p.entries[key], parameter); n++ {
		key = fmt.Sprintf("%s.%d", name, n)
	}
	p.entries[key] = parameter
	return object{"$ref": "#/components/parameters/" + key}
}

func operation(s *schemas, shared *pool, r route.Route) object {
	op := object{
		"summary": r.Summary, "operationId": operationID(r), "tags": []any{section(r)},
		"x-autodefend-permission": permissionText(r.Permission, r.Write),
		"responses": object{
			"200":     success(s, r),
			"default": object{"$ref": "#/components/responses/error"},
		},
		"security": security(r),
	}
	if r.Prisma {
		op["x-prisma"] = true
	}
	if parameters := parameters(shared, r); len(parameters) > 0 {
		op["parameters"] = parameters
	}
	if r.Request != nil && r.Method != http.MethodGet {
		op["requestBody"] = object{"content": content(s, reflect.TypeOf(r.Request), "")}
	}
	return op
}

// operationID is made of the method and the path.
func operationID(r route.Route) string {
	words := strings.FieldsFunc(r.Path, func(c rune) bool { return strings.ContainsRune("/{}.-_", c) })
	return strings.ToLower(r.Method) + "-" + strings.Join(words, "-")
}

// section is the first word of a path.
func section(r route.Route) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	return first
}

func security(r route.Route) []any {
	switch r.Permission {
	case route.Nobody:
		return []any{}
	case route.Function:
		return []any{object{"defender": []any{}}}
	default:
		return []any{object{"bearer": []any{}}, object{"basic": []any{}}}
	}
}

func success(s *schemas, r route.Route) object {
	answer := object{"$ref": "#/components/responses/done"}
	if r.Response != nil {
		answer = object{"description": "The answer.", "content": content(s, reflect.TypeOf(r.Response), r.Media)}
	}
	if r.List && r.Response != nil {
		answer["headers"] = object{"Total-Count": object{"$ref": "#/components/headers/Total-Count"}}
	}
	return answer
}

// content is a body of a type. A string is what media says and text by default; bytes are a file.
func content(s *schemas, t reflect.Type, media string) object {
	schema := s.of(t)
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && t != reflect.TypeFor[json.RawMessage]():
		schema = object{"type": "string", "format": "binary"}
		if media == "" {
			media = "application/octet-stream"
		}
	case t.Kind() == reflect.String && media == "":
		media = mediaText
	case media == "":
		media = mediaJSON
	}
	media, _, _ = strings.Cut(media, ";")
	return object{media: object{"schema": schema}}
}

func parameters(shared *pool, r route.Route) []any {
	var all []any
	for _, name := range wildcards(r.Path) {
		all = append(all, shared.reference(name, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}}))
	}
	for _, p := range queryOf(r) {
		schema := object{"type": "string"}
		switch p.Type {
		case "integer", "boolean":
			schema = object{"type": p.Type}
		case "time":
			schema = object{"type": "string", "format": "date-time"}
		}
		if p.Many {
			schema = object{"type": "array", "items": schema}
		}
		parameter := object{"name": p.Name, "in": "query", "schema": schema}
		if p.Summary != "" {
			parameter["description"] = p.Summary
		}
		all = append(all, shared.reference(p.Name, parameter))
	}
	return all
}

// queryOf are the parameters of a route with those of every list, each once.
func queryOf(r route.Route) []route.Param {
	if !r.List {
		return r.Query
	}
	all := slices.Clone(r.Query)
	for _, p := range listParams() {
		if !slices.ContainsFunc(r.Query, func(q route.Param) bool { return q.Name == p.Name }) {
			all = append(all, p)
		}
	}
	return all
}

// listParams are the parameters of every list.
func listParams() []route.Param {
	return []route.Param{
		{Name: "offset", Type: "integer", Summary: "How many to leave out."},
		{Name: "limit", Type: "integer", Summary: "How many to return, at most 50 unless the path says otherwise."},
		{Name: "sort", Type: "string", Summary: "The field to sort by."},
		{Name: "reverse", Type: "boolean", Summary: "Sort downwards."},
		{Name: "search", Type: "string", Summary: "A text to find."},
		{Name: "collections", Type: "string", Many: true, Summary: "Only what is in these collections."},
		{Name: "accountIDs", Type: "string", Many: true, Summary: "Only what is in these accounts."},
		{Name: "fields", Type: "string", Many: true, Summary: "Only these fields."},
	}
}
