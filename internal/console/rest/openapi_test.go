package rest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

func TestOpenAPIIsValid(t *testing.T) {
	document, err := OpenAPI(table(), "1")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if schema := loaded.Components.Responses["error"].Value.Content[mediaJSON].Schema.Value; schema.VisitJSON(map[string]any{"err": "x"}) != nil || schema.VisitJSON(map[string]any{}) == nil {
		t.Error("the schema of errors is wrong")
	}
	operation := loaded.Paths.Find("/things/{name}").Put
	if operation == nil || operation.RequestBody == nil || operation.Responses.Value("200") == nil {
		t.Errorf("PUT /things/{name} is %+v", operation)
	}
	if got := w(t).get("/api/v1/openapi.json", "").status; got != 200 {
		t.Errorf("the document's status is %d", got)
	}
}

func w(t *testing.T) *world {
	t.Helper()
	return newWorld(t, nil)
}

type base struct {
	ID string `json:"_id"`
}

type shape struct {
	base
	Name    string `json:"name,omitempty"`
	Hidden  string `json:"-"`
	Plain   float64
	When    time.Time         `json:"when"`
	Until   *time.Time        `json:"until"`
	Self    *shape            `json:"self"`
	List    []base            `json:"list"`
	Map     map[string]int    `json:"map"`
	Any     any               `json:"any"`
	Raw     json.RawMessage   `json:"raw"`
	Counted int               `json:"counted,string"`
	Bytes   []byte            `json:"bytes"`
	Inline  struct{ X bool }  `json:"inline"`
	Texts   map[string]string `json:"texts"`
	lower   int
}

func TestSchemas(t *testing.T) {
	s := newSchemas()
	if got := s.of(reflect.TypeFor[shape]()); got["$ref"] != "#/components/schemas/rest.shape" {
		t.Fatalf("%v", got)
	}
	want := object{"type": "object", "properties": object{
		"_id": object{"type": "string"}, "name": object{"type": "string"}, "Plain": object{"type": "number"},
		"when":    object{"type": "string", "format": "date-time"},
		"until":   object{"type": "string", "format": "date-time", "nullable": true},
		"self":    object{"allOf": []any{object{"$ref": "#/components/schemas/rest.shape"}}, "nullable": true},
		"list":    object{"type": "array", "items": object{"$ref": "#/components/schemas/rest.base"}, "nullable": true},
		"map":     object{"type": "object", "additionalProperties": object{"type": "integer", "format": "int64"}, "nullable": true},
		"any":     object{},
		"raw":     object{},
		"counted": object{"type": "string"},
		"bytes":   object{"type": "string", "format": "byte", "nullable": true},
		"inline":  object{"type": "object", "properties": object{"X": object{"type": "boolean"}}},
		"texts":   object{"type": "object", "additionalProperties": object{"type": "string"}, "nullable": true},
	}}
	if diff := cmp.Diff(want, s.components["rest.shape"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_ = shape{}.lower
}

func TestReference(t *testing.T) {
	page := string(Reference(table()))
	for _, want := range []string{
		"\n## things\n", "| `GET /things/{name}`, formerly `/old-things/{name}` | Reads a thing. | things |  | `rest.echoed` |",
		"| P | `GET /_ping` |", "| `POST /things` | Adds a thing. | things (write) | body: `rest.echoed` | nothing |",
		"| `GET /things` | Lists things. | things |  | list of `rest.echoed` |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
