package settings

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// maxAPISpec bounds an OpenAPI description, in bytes.
	maxAPISpec = 8 << 20
	// maxAPIPaths bounds its paths, and maxAPIParams all parameters.
	maxAPIPaths  = 5000
	maxAPIParams = 50_000
)

// openAPI is what of OpenAPI 2 and 3 is looked at.
type openAPI struct {
	OpenAPI string `json:"openapi"`
	Swagger string `json:"swagger"`
	Info    struct {
		Title       string `json:"title"`
		Description string `json:"description"`
	} `json:"info"`
	Servers []struct {
		URL string `json:"url"`
	} `json:"servers"`
	Host       string                                `json:"host"`
	BasePath   string                                `json:"basePath"`
	Schemes    []string                              `json:"schemes"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Parameters map[string]openAPIParam               `json:"parameters"`
	Components struct {
		Parameters map[string]openAPIParam `json:"parameters"`
	} `json:"components"`
}

type openAPIParam struct {
	Ref             string        `json:"$ref"`
	Name            string        `json:"name"`
	In              string        `json:"in"`
	Required        bool          `json:"required"`
	AllowEmptyValue bool          `json:"allowEmptyValue"`
	Style           string        `json:"style"`
	Explode         *bool         `json:"explode"`
	Schema          openAPISchema `json:"schema"`
	openAPISchema
}

// openAPISchema is a parameter's type: OpenAPI 2 has it in the parameter itself.
type openAPISchema struct {
	Type    any         `json:"type"`
	Minimum json.Number `json:"minimum"`
	Maximum json.Number `json:"maximum"`
}

// readAPISpec answers with the paths of an OpenAPI description.
func readAPISpec(_ context.Context, c *route.Call) (route.Answer, error) {
	spec, err := parseAPISpec(c.Body)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{JSON: spec}, nil
}

// parseAPISpec reads an OpenAPI description, version 2 or 3, in JSON or YAML.
func parseAPISpec(raw []byte) (api.APISpec, error) {
	spec := api.APISpec{Effect: "disable", FallbackEffect: "disable", QueryParamFallbackEffect: "disable"}
	raw = bytes.TrimSpace(raw)
	if isYAML(raw) {
		var err error
		if raw, err = yamlToJSON(raw); err != nil {
			return spec, err
		}
	}
	if err := checkDepth(raw); err != nil {
		return spec, err
	}
	var doc openAPI
	if err := decode(raw, "", &doc); err != nil {
		return spec, err
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") && !strings.HasPrefix(doc.Swagger, "2.") {
		return spec, invalid("openapi", "want openapi 3.x or swagger 2.0", "it is no OpenAPI description of a version that is known")
	}
	if len(doc.Paths) > maxAPIPaths {
		return spec, invalid("paths", "", "%d are too many, there may be %d", len(doc.Paths), maxAPIPaths)
	}
	spec.Description = cmp.Or(doc.Info.Description, doc.Info.Title)
	spec.Endpoints = doc.endpoints()
	spec.Paths = []api.APIPath{}
	params := 0
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		methods, err := doc.methods(path)
		if err != nil {
			return spec, err
		}
		for _, m := range methods {
			params += len(m.Parameters)
		}
		if params > maxAPIParams {
			return spec, invalid("paths", "", "more than %d parameters are too many", maxAPIParams)
		}
		spec.Paths = append(spec.Paths, api.APIPath{Path: path, Methods: methods})
	}
	return spec, nil
}

// endpoints are where the API is served.
func (d *openAPI) endpoints() []api.APIEndpoint {
	endpoints := []api.APIEndpoint{}
	for _, server := range d.Servers {
		if u, err := url.Parse(server.URL); err == nil {
			endpoints = append(endpoints, endpoint(u.Scheme, u.Host, u.Path))
		}
	}
	if d.Swagger == "" {
		return endpoints
	}
	schemes := d.Schemes
	if len(schemes) == 0 {
		schemes = []string{"https"}
	}
	for _, scheme := range schemes {
		endpoints = append(endpoints, endpoint(scheme, d.Host, d.BasePath))
	}
	return endpoints
}

func endpoint(scheme, hostPort, basePath string) api.APIEndpoint {
	e := api.APIEndpoint{Host: cmp.Or(hostPort, "*"), BasePath: cmp.Or(basePath, "*"), TLS: scheme != "http", ExposedPort: 443}
	if !e.TLS {
		e.ExposedPort = 80
	}
	if host, port, ok := strings.Cut(hostPort, ":"); ok {
		if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 1<<16 {
			e.Host, e.ExposedPort = host, n
		}
	}
	return e
}

// methods are those of one path, in the order of their names.
func (d *openAPI) methods(path string) ([]api.APIMethod, error) {
	members := d.Paths[path]
	at := "paths[" + strconv.Quote(clip(path)) + "]"
	var common []openAPIParam
	if raw, ok := members["parameters"]; ok {
		if err := decode(raw, at+".parameters", &common); err != nil {
			return nil, err
		}
	}
	methods := []api.APIMethod{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, strings.ToLower(name)) {
			continue
		}
		var operation struct{ Parameters []openAPIParam }
		if err := decode(members[name], at+"."+name, &operation); err != nil {
			return nil, err
		}
		m := api.APIMethod{Method: strings.ToUpper(name), Parameters: []api.APIParam{}}
		for _, p := range slices.Concat(common, operation.Parameters) {
			if param, ok := d.param(p); ok {
				m.Parameters = append(m.Parameters, param)
			}
		}
		methods = append(methods, m)
	}
	return methods, nil
}

// param makes a parameter; false for one that is told elsewhere and can't be found.
func (d *openAPI) param(p openAPIParam) (api.APIParam, bool) {
	if p.Ref != "" {
		name := p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]
		found, ok := d.Components.Parameters[name]
		if !ok {
			found, ok = d.Parameters[name]
		}
		if !ok || found.Ref != "" {
			return api.APIParam{}, false
		}
		p = found
	}
	schema := p.Schema
	if schema.Type == nil {
		schema = p.openAPISchema
	}
	kind := schema.name()
	return api.APIParam{
		Name: p.Name, Location: p.In, Required: p.Required, AllowEmptyValue: p.AllowEmptyValue, Style: p.Style,
		Explode: p.Explode != nil && *p.Explode, Type: kind, Array: kind == "array", Min: schema.Minimum, Max: schema.Maximum,
	}, p.Name != ""
}

// name is the type's name; of several, as OpenAPI 3.1 has them, the first that isn't null.
func (s openAPISchema) name() string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		for _, e := range t {
			if name, ok := e.(string); ok && name != "null" {
				return name
			}
		}
	}
	return ""
}
