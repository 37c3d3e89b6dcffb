// Package expression is the language of custom rules: what Prisma Cloud's web firewall has for requests, over the
// fields of an event.
//
//	req.http_method in ("POST", "PUT") and lowercase(req.path) startswith "/admin/"
//	not jwtValid(req.headers["Authorization"]) or req.ip in "192.0.2.0/24"
//	urlQueryDecode(req.query_param_values) contains /union\s+select/
//
// A text is compiled once ([Compile]), within limits that keep a rule of a policy from costing more than a rule may,
// and then asked for every event ([Expression.Match]). Responses aren't inspected, so resp.* is refused.
//
// The files: lexer.go makes tokens, parser.go the tree with parse_comparison.go, fields.go knows what can be asked about
// an event, node.go decides, transform.go and jwt.go are the functions.
package expression
