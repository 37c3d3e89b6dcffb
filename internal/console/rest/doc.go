// Package rest serves the Console's API over HTTP. One table of routes makes the mux, the permission check, the OpenAPI
// document and the reference page.
//
// A request goes through the same steps on every route: is the path and the version known, may this many be in flight, who
// calls, may they, is the body within its bounds, and then the handler. What a handler returns as an error becomes a status
// and {"err": "..."} here and nowhere else; causes go to the log only.
package rest
