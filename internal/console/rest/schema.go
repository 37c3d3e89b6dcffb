package rest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// object is a piece of the OpenAPI document.
type object = map[string]any

// schemas makes schemas of Go types, as encoding/json writes them.
type schemas struct {
	components object
	names      map[reflect.Type]string
}

func newSchemas() *schemas {
	return &schemas{components: object{}, names: map[reflect.Type]string{}}
}

// of returns the schema of a type; named structs are references to components.
func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return object{}
	case t.Kind() == reflect.Pointer:
		return nullable(s.of(t.Elem()))
	case implements[json.Marshaler](t):
		return object{}
	case implements[encoding.TextMarshaler](t):
		return object{"type": "string"}
	}
	return s.plain(t)
}

func (s *schemas) plain(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Int64, reflect.Uint64, reflect.Int, reflect.Uint:
		return object{"type": "integer", "format": "int64"}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return object{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "format": "byte", "nullable": true}
		}
		return object{"type": "array", "items": s.of(t.Elem()), "nullable": true}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem()), "nullable": true}
	case reflect.Struct:
		return s.structure(t)
	default:
		return object{} // an interface may hold anything
	}
}

func implements[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Kind() != reflect.Interface && (t.Implements(i) || reflect.PointerTo(t).Implements(i))
}

// nullable allows null. A reference can't say so beside itself.
func nullable(schema object) object {
	if _, reference := schema["$ref"]; reference {
		return object{"allOf": []any{schema}, "nullable": true}
	}
	schema["nullable"] = true
	return schema
}

func (s *schemas) structure(t reflect.Type) object {
	if t.Name() == "" {
		return s.members(t)
	}
	name, known := s.names[t]
	if !known {
		name = s.name(t)
		s.names[t] = name
		s.components[name] = object{} // taken, also for what it contains
		s.components[name] = s.members(t)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// name is the package's and the type's name; a number tells namesakes apart.
func (s *schemas) name(t reflect.Type) string {
	pkg := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
	base := pkg + "." + strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]/*, ", r) {
			return '_'
		}
		return r
	}, t.Name())
	name := base
	for n := 2; s.components[name] != nil; n++ {
		name = fmt.Sprintf("%s%d", base, n)
	}
	return name
}

// members is the schema of a struct's fields.
func (s *schemas) members(t reflect.Type) object {
	properties := object{}
	s.addMembers(t, properties)
	schema := object{"type": "object"}
	if len(properties) > 0 {
		schema["properties"] = properties
	}
	return schema
}

func (s *schemas) addMembers(t reflect.Type, properties object) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		embedded := field.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		switch {
		case name == "-" && options == "":
			continue
		case field.Anonymous && name == "" && embedded.Kind() == reflect.Struct && embedded != reflect.TypeFor[time.Time]():
			s.addMembers(embedded, properties)
			continue
		case !field.IsExported():
			continue
		case name == "":
			name = field.Name
		}
		schema := s.of(field.Type)
		if strings.Contains(","+options+",", ",string,") {
			schema = object{"type": "string"}
		}
		properties[name] = schema
	}
}
