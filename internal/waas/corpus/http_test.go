package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

type object = map[string]any

func (r request) header(name string) string {
	for _, h := range r.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

// rest is the event of a REST API, or of an HTTP API with payload 1.0.
func (r request) rest(trigger string, rng *rand.Rand) object {
	body, encoded := r.carriedBody(trigger)
	query := unescaped(r.queryPairs())
	path := r.path
	stage := "prod"
	context := object{
		"accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
		"domainPrefix": "a1b2c3d4e5", "extendedRequestId": "JKJaXmPLvHcESHA=", "httpMethod": r.method, "protocol": "HTTP/1.1",
		"requestId": uuid(rng), "requestTime": "09/Apr/2026:12:34:56 +0000", "requestTimeEpoch": 1775738096000,
		"resourceId": "123456", "resourcePath": "/{proxy+}", "stage": stage,
		"identity": object{
			"accessKey": nil, "accountId": nil, "caller": nil, "cognitoIdentityId": nil,
			"sourceIp": publicIP(rng), "user": nil, "userAgent": r.header("User-Agent"), "userArn": nil,
		},
	}
	e := object{
		"resource": "/{proxy+}", "httpMethod": r.method, "requestContext": context, "stageVariables": nil,
		"headers": single(r.allHeaders(true), false), "multiValueHeaders": multi(r.allHeaders(true), false),
		"queryStringParameters": single(query, false), "multiValueQueryStringParameters": multi(query, false),
		"isBase64Encoded": encoded,
	}
	if trigger == "httpAPI1" {
		e["version"] = "1.0"
		path = r.decodedPath()
	}
	e["path"] = path
	e["pathParameters"] = object{"proxy": strings.TrimPrefix(path, "/")}
	context["path"] = "/" + stage + path
	if body != "" {
		e["body"] = body
	} else {
		e["body"] = nil
	}
	return e
}

// payload2 is the event of an HTTP API with payload 2.0, or of a Function URL.
func (r request) payload2(trigger string, rng *rand.Rand) object {
	path, domain, routeKey := r.path, hexID(rng, 32)+".lambda-url.eu-west-1.on.aws", "$default"
	if trigger == "httpAPI" {
		path, domain, routeKey = r.decodedPath(), "f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com", "ANY /{proxy+}"
	}
	headers := map[string]string{"host": domain, "x-forwarded-proto": "https", "x-forwarded-port": "443"}
	for _, h := range r.allHeaders(false) {
		name := strings.ToLower(h.name)
		if old, ok := headers[name]; ok && name != "host" && !strings.HasPrefix(name, "x-forwarded") {
			headers[name] = old + "," + h.value
			continue
		}
		headers[name] = h.value
	}
	e := object{
		"version": "2.0", "routeKey": routeKey, "rawPath": path, "rawQueryString": r.query, "headers": headers,
		"requestContext": object{
			"accountId": "anonymous", "apiId": domain[:10], "domainName": domain, "domainPrefix": domain[:10],
			"http":      object{"method": r.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": publicIP(rng), "userAgent": r.header("User-Agent")},
			"requestId": uuid(rng), "routeKey": routeKey, "stage": "$default",
			"time": "09/Apr/2026:12:34:56 +0000", "timeEpoch": 1775738096000,
		},
	}
	if len(r.cookies) > 0 {
		e["cookies"] = r.cookieStrings()
	}
	if query := r.queryPairs(); len(query) > 0 {
		joined := map[string]string{}
		for _, p := range unescaped(query) {
			if old, ok := joined[p.name]; ok {
				joined[p.name] = old + "," + p.value
				continue
			}
			joined[p.name] = p.value
		}
		e["queryStringParameters"] = joined
	}
	if trigger == "httpAPI" {
		e["pathParameters"] = object{"proxy": strings.TrimPrefix(path, "/")}
	}
	body, encoded := r.carriedBody(trigger)
	if body != "" {
		e["body"] = body
	}
	e["isBase64Encoded"] = encoded
	return e
}

// alb is the event of an Application Load Balancer, which leaves query and path encoded.
func (r request) alb(trigger string, rng *rand.Rand) object {
	headers := append(r.allHeaders(true), pair{"x-amzn-trace-id", "Root=1-" + hexID(rng, 8) + "-" + hexID(rng, 24)})
	if r.header("X-Forwarded-For") == "" {
		headers = append(headers, pair{"x-forwarded-for", publicIP(rng)})
	}
	body, encoded := r.carriedBody(trigger)
	e := object{
		"requestContext": object{"elb": object{
			"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/lambda-279XGJDqGZ5rsrHC2Fjr/49e9d65c45c6791a",
		}},
		"httpMethod": r.method, "path": r.path, "body": body, "isBase64Encoded": encoded,
	}
	if trigger == "albMulti" {
		e["multiValueHeaders"] = multi(headers, true)
		e["multiValueQueryStringParameters"] = orEmpty(multi(r.queryPairs(), false))
		return e
	}
	e["headers"] = single(headers, true)
	e["queryStringParameters"] = orEmpty(single(r.queryPairs(), false))
	return e
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// authorizer is the event of a REQUEST authorizer: a request without its body.
func (r request) authorizer(rng *rand.Rand) object {
	r.body, r.contentType = "", ""
	e := r.rest("apiGateway", rng)
	delete(e, "body")
	delete(e, "isBase64Encoded")
	e["type"] = "REQUEST"
	e["methodArn"] = fmt.Sprintf("arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/%s/", r.method)
	return e
}

// webSocketConnect is the event of a WebSocket handshake: headers and query.
func (r request) webSocketConnect(rng *rand.Rand) object {
	query := unescaped(r.queryPairs())
	headers := append(r.allHeaders(true), pair{"Sec-WebSocket-Version", "13"}, pair{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="})
	context := webSocketContext(rng, "CONNECT", "$connect")
	return object{
		"headers": single(headers, false), "multiValueHeaders": multi(headers, false),
		"queryStringParameters": single(query, false), "multiValueQueryStringParameters": multi(query, false),
		"requestContext": context, "isBase64Encoded": false,
	}
}

func webSocketContext(rng *rand.Rand, kind, route string) object {
	return object{
		"routeKey": route, "eventType": kind, "extendedRequestId": "JKJaXmPLvHcESHA=", "requestTime": "09/Apr/2026:12:34:56 +0000",
		"messageDirection": "IN", "stage": "prod", "connectedAt": 1775738096000, "requestTimeEpoch": 1775738096001,
		"identity": object{"sourceIp": publicIP(rng)}, "requestId": "JKJaX" + hexID(rng, 10) + "=", "messageId": "L0" + hexID(rng, 8) + "=",
		"domainName": "k1l2m3n4o5.execute-api.eu-central-1.amazonaws.com", "connectionId": "L0SM9cOFvHcCIhw=", "apiId": "k1l2m3n4o5",
	}
}
