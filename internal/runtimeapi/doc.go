// Package runtimeapi speaks Lambda's two local protocols: the Runtime API, as a proxy between a function's runtime and
// Lambda, and the Extensions API, as the smallest possible extension.
//
// The proxy ([Proxy]) is a relay, not an HTTP server with an HTTP client behind it. Every connection of the runtime has
// one connection to Lambda for its own. In both directions the proxy reads where a message's head and body end and
// passes on the bytes it read, so headers keep their order and case, chunks their sizes, trailers their values, and
// whatever is unknown stays what it was: routes, methods, interim responses, HTTP/1.0, a half-closed connection.
// Nothing is retried, pooled or timed out. A message whose end can't be told with certainty is refused: two readers
// that disagree on it would be a way around the hooks.
//
// What the proxy understands beyond framing is in route.go: the few routes [Hooks] are about. It keeps no state between
// messages, so any number of invocations may run at once.
package runtimeapi
