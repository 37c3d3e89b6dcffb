package api

import (
	"encoding/json"
	"time"
)

// NetworkList is Prisma's waas.NetworkList: networks under a name.
type NetworkList struct {
	ID           string    `json:"_id"` // the list's name
	Description  string    `json:"description"`
	Disabled     bool      `json:"disabled"`
	Modified     time.Time `json:"modified"`
	Name         string    `json:"name"`
	Notes        string    `json:"notes,omitempty"`
	Owner        string    `json:"owner"`
	PreviousName string    `json:"previousName,omitempty"`
	Subnets      []string  `json:"subnets"` // addresses and networks in CIDR notation
}

// APISpec is Prisma's waas.APISpec: an API's paths, as read from its OpenAPI description.
type APISpec struct {
	Description              string        `json:"description"`
	Effect                   string        `json:"effect"`
	Endpoints                []APIEndpoint `json:"endpoints"`
	FallbackEffect           string        `json:"fallbackEffect"`
	Paths                    []APIPath     `json:"paths"`
	QueryParamFallbackEffect string        `json:"queryParamFallbackEffect"`
}

// APIEndpoint is Prisma's waas.Endpoint.
type APIEndpoint struct {
	BasePath     string `json:"basePath"`
	ExposedPort  int    `json:"exposedPort"`
	GRPC         bool   `json:"grpc"`
	Host         string `json:"host"`
	HTTP2        bool   `json:"http2"`
	InternalPort int    `json:"internalPort"`
	TLS          bool   `json:"tls"`
}

// APIPath is Prisma's waas.Path.
type APIPath struct {
	Methods []APIMethod `json:"methods"`
	Path    string      `json:"path"`
}

// APIMethod is Prisma's waas.Method.
type APIMethod struct {
	Method     string     `json:"method"`
	Parameters []APIParam `json:"parameters"`
}

// APIParam is Prisma's waas.Param.
type APIParam struct {
	AllowEmptyValue bool        `json:"allowEmptyValue,omitempty"`
	Array           bool        `json:"array,omitempty"`
	Explode         bool        `json:"explode,omitempty"`
	Location        string      `json:"location"` // path, query, cookie, header, json, xml, formData, multipart or body
	Max             json.Number `json:"max,omitempty"`
	Min             json.Number `json:"min,omitempty"`
	Name            string      `json:"name"`
	Required        bool        `json:"required,omitempty"`
	Style           string      `json:"style,omitempty"`
	Type            string      `json:"type,omitempty"` // integer, number, string, boolean, array or object
}
