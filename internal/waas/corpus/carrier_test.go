package corpus

import (
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// carrier puts a text into a place of a request, encoded so that the application reads the text unchanged.
type carrier struct {
	encoding string
	kinds    string // which kinds of attacks it can carry
	// fits says whether an application reads text unchanged through it; nil means always.
	fits func(text string) bool
	// triggers are those it can come through; nil means httpTriggers.
	triggers []string
	request  func(place string, text string, rng *rand.Rand) request
}

// withHandshakes are the triggers of carriers that need no body.
func withHandshakes() []string {
	return append(httpTriggers(), "authorizer", "webSocketConnect")
}

// places are names of parameters under which an application would take such a value.
func places(technique string) []string {
	return map[string][]string{
		"cmdi":  {"host", "filename", "target", "domain", "format", "job", "ip", "document_url", "branch", "lang"},
		"lfi":   {"file", "path", "page", "template", "download", "doc", "lang", "include", "image", "key"},
		"ssrf":  {"url", "callback", "webhook", "redirect_uri", "image_url", "feed", "next", "src", "proxy", "target"},
		"nosql": {"username", "filter", "q", "where", "query", "login", "email"},
		"ssti":  {"name", "subject", "template", "message", "greeting", "title", "preview"},
		"code":  {"expr", "formula", "input", "data", "state", "callback", "rule", "value", "config"},
	}[technique]
}

func placeFor(technique string, rng *rand.Rand) string {
	if names := places(technique); names != nil {
		return pick(rng, names...)
	}
	return pick(rng, "id", "q", "name", "comment", "sort", "page", "ref")
}

// client is a request of an ordinary client, to be completed.
func client(rng *rand.Rand, method, path string) request {
	return request{method: method, path: path, headers: clientHeaders(rng)}
}

func clientHeaders(rng *rand.Rand) []pair {
	switch rng.IntN(4) {
	case 0:
		return []pair{{"User-Agent", "curl/8.5.0"}, {"Accept", "*/*"}, {"X-Forwarded-Proto", "https"}}
	case 1:
		return []pair{{"User-Agent", "okhttp/4.12.0"}, {"Accept-Encoding", "gzip"}, {"X-Api-Key", hexID(rng, 40)}, {"X-Forwarded-Proto", "https"}}
	case 2:
		return []pair{{"User-Agent", "python-requests/2.32.3"}, {"Accept", "*/*"}, {"Accept-Encoding", "gzip, deflate"}, {"X-Forwarded-Proto", "https"}}
	}
	return []pair{
		{"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
		{"Accept", "application/json, text/plain, */*"},
		{"Accept-Language", "en-GB,en;q=0.9"},
		{"Sec-Fetch-Mode", "cors"},
		{"X-Forwarded-Proto", "https"},
	}
}

// percentEncoded encodes everything but unreserved characters.
func percentEncoded(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// formEncoded is percentEncoded, with blanks as browsers or as libraries write them.
func formEncoded(s string, rng *rand.Rand) string {
	if rng.IntN(2) == 0 {
		return url.QueryEscape(s)
	}
	return percentEncoded(s)
}

// unicodeEscaped is s as a JSON string in which everything but letters and digits is \u-escaped.
func unicodeEscaped(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func headerText(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x7f {
			return false
		}
	}
	return printable(s) && strings.TrimSpace(s) == s
}

func xmlText(s string) bool {
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' {
			return false
		}
	}
	return true
}

// alreadyEncoded finds texts that hold percent-encoding of their own: one more layer would be one too many.
var alreadyEncoded = regexp.MustCompile(`%([0-9a-fA-F]{2}|u[0-9a-fA-F]{4})`)

// pointless says whether no application would use a text of technique from there as the attack intends: a file's name
// or a key is not fetched, and not parsed as a query.
func pointless(technique, encoding, trigger string) bool {
	switch technique {
	case "ssrf":
		return encoding == "fileName" || encoding == "jsonKey" || encoding == "queryName" || trigger == "s3" || trigger == "direct.name"
	case "nosql":
		return encoding == "fileName" || trigger == "s3"
	}
	return false
}

// carriers are the encodings of HTTP requests.
func carriers() []carrier {
	return []carrier{
		{encoding: "query", kinds: "text", triggers: withHandshakes(), request: func(place, text string, rng *rand.Rand) request {
			r := client(rng, "GET", "/v1/items")
			r.query = "page=2&" + place + "=" + formEncoded(text, rng) + "&size=20"
			return r
		}},
		{
			encoding: "queryDouble", kinds: "text", triggers: withHandshakes(),
			fits: func(text string) bool { return !alreadyEncoded.MatchString(text) },
			request: func(place, text string, rng *rand.Rand) request {
				r := client(rng, "GET", "/v1/fetch")
				r.query = place + "=" + percentEncoded(percentEncoded(text)) + "&v=3"
				return r
			},
		},
		{encoding: "queryName", kinds: "text", request: func(_, text string, rng *rand.Rand) request {
			r := client(rng, "GET", "/v1/search")
			r.query = "page=1&" + percentEncoded(text) + "=1"
			return r
		}},
		{encoding: "queryPair", kinds: "pair", triggers: withHandshakes(), request: func(_, text string, rng *rand.Rand) request {
			r := client(rng, "GET", "/v1/users")
			name, value, _ := strings.Cut(text, "=")
			if rng.IntN(2) == 0 {
				name = percentEncoded(name)
			}
			r.query = "page=1&" + name + "=" + percentEncoded(value)
			return r
		}},
		{
			encoding: "pathSegment", kinds: "text", triggers: append(httpTriggers(), "authorizer"),
			// An HTTP API cuts the decoded path at a question mark.
			fits: func(text string) bool { return !strings.Contains(text, "?") && !strings.Contains(text, "\x00") },
			request: func(_, text string, rng *rand.Rand) request {
				return client(rng, "GET", "/v1/files/"+percentEncoded(text))
			},
		},
		{encoding: "header", kinds: "text", triggers: withHandshakes(), fits: headerText, request: func(place, text string, rng *rand.Rand) request {
			r := client(rng, "GET", "/v1/profile")
			name := pick(rng, "User-Agent", "Referer", "X-Forwarded-Host", "X-Api-Version", "X-Tenant", "X-Request-Source", "Accept-Language")
			switch place {
			case "ssrf":
				name = pick(rng, "Referer", "X-Callback-Url") // analytics fetch the one, job services the other
			case "nosql":
				name = pick(rng, "X-Filter", "X-Tenant", "X-Api-Version")
			}
			kept := r.headers[:0]
			for _, h := range r.headers {
				if h.name != name {
					kept = append(kept, h)
				}
			}
			r.headers = append(kept, pair{name, text})
			return r
		}},
		{encoding: "cookie", kinds: "text", triggers: withHandshakes(), request: func(_, text string, rng *rand.Rand) request {
			r := client(rng, "GET", "/account")
			r.cookies = []pair{{"session", hexID(rng, 32)}, {pick(rng, "prefs", "lang", "theme", "cart", "last_seen"), percentEncoded(text)}}
			return r
		}},
		{encoding: "form", kinds: "text", request: func(place, text string, rng *rand.Rand) request {
			r := client(rng, "POST", "/submit")
			r.contentType = "application/x-www-form-urlencoded"
			r.body = "first=Ada&" + place + "=" + formEncoded(text, rng) + "&agree=on"
			return r
		}},
		{encoding: "formPair", kinds: "pair", request: func(_, text string, rng *rand.Rand) request {
			r := client(rng, "POST", "/login")
			r.contentType = "application/x-www-form-urlencoded; charset=UTF-8"
			name, value, _ := strings.Cut(text, "=")
			r.body = "remember=1&" + percentEncoded(name) + "=" + formEncoded(value, rng)
			return r
		}},
		{encoding: "multipart", kinds: "text", request: func(place, text string, rng *rand.Rand) request {
			return multipartRequest(rng, place, text, "notes.txt")
		}},
		{encoding: "multipartPair", kinds: "pair", request: func(_, text string, rng *rand.Rand) request {
			name, value, _ := strings.Cut(text, "=")
			return multipartRequest(rng, name, value, "notes.txt")
		}},
		{
			encoding: "fileName", kinds: "text",
			fits: func(text string) bool { return printable(text) && !strings.ContainsAny(text, `"\`) },
			request: func(_, text string, rng *rand.Rand) request {
				return multipartRequest(rng, "comment", "my file", text)
			},
		},
		{encoding: "json", kinds: "text json", request: func(place, text string, rng *rand.Rand) request {
			return jsonRequest(rng, fmt.Sprintf(`{"id":%d,"active":true,%q:%s,"tags":["a","b"]}`, rng.IntN(1000), place, text))
		}},
		{encoding: "jsonUnicode", kinds: "text", request: func(place, text string, rng *rand.Rand) request {
			return jsonRequest(rng, fmt.Sprintf(`{"items":[{"qty":1,%q:%s}],"dry":false}`, place, unicodeEscaped(text)))
		}},
		{encoding: "jsonKey", kinds: "text", request: func(_, text string, rng *rand.Rand) request {
			return jsonRequest(rng, fmt.Sprintf(`{"attributes":{"colour":"red",%s:"1"}}`, quoted(text)))
		}},
		{encoding: "jsonInJSON", kinds: "text", request: func(place, text string, rng *rand.Rand) request {
			inner := fmt.Sprintf(`{%q:%s,"n":1}`, place, quoted(text))
			return jsonRequest(rng, fmt.Sprintf(`{"type":"job","payload":%s}`, quoted(inner)))
		}},
		{encoding: "graphqlVariable", kinds: "text json", request: func(place, text string, rng *rand.Rand) request {
			return jsonRequest(rng, fmt.Sprintf(`{"operationName":"Save","query":"mutation Save($in: Input!) { save(input: $in) { id } }","variables":{"in":{%q:%s}}}`, place, text))
		}},
		{encoding: "graphqlLiteral", kinds: "text", request: func(place, text string, rng *rand.Rand) request {
			query := fmt.Sprintf("mutation { save(%s: %s) { id } }", place, quoted(text))
			return jsonRequest(rng, fmt.Sprintf(`{"query":%s}`, quoted(query)))
		}},
		{encoding: "xmlElement", kinds: "text", fits: xmlText, request: func(place, text string, rng *rand.Rand) request {
			return xmlRequest(rng, fmt.Sprintf("<order><id>17</id><%s>%s</%s></order>", place, html.EscapeString(text), place))
		}},
		{
			encoding: "xmlCDATA", kinds: "text", fits: func(text string) bool { return xmlText(text) && !strings.Contains(text, "]]>") },
			request: func(place, text string, rng *rand.Rand) request {
				return xmlRequest(rng, fmt.Sprintf("<order><id>17</id><%s><![CDATA[%s]]></%s></order>", place, text, place))
			},
		},
		{encoding: "xmlAttribute", kinds: "text", fits: func(text string) bool { return xmlText(text) && !strings.ContainsAny(text, "\n\t") }, request: func(place, text string, rng *rand.Rand) request {
			return xmlRequest(rng, fmt.Sprintf(`<order><item n="2" %s="%s"/></order>`, place, html.EscapeString(text)))
		}},
		{encoding: "rawBody", kinds: "text", request: func(_, text string, rng *rand.Rand) request {
			r := client(rng, "POST", "/hook")
			r.contentType, r.body = "text/plain; charset=utf-8", text
			return r
		}},
	}
}

func jsonRequest(rng *rand.Rand, body string) request {
	r := client(rng, pick(rng, "POST", "PUT", "PATCH"), "/v1/"+pick(rng, "orders", "jobs", "users", "documents"))
	r.contentType, r.body = pick(rng, "application/json", "application/json; charset=utf-8"), body
	return r
}

func xmlRequest(rng *rand.Rand, document string) request {
	r := client(rng, "POST", "/soap/orders")
	r.contentType, r.body = pick(rng, "application/xml", "text/xml; charset=utf-8"), `<?xml version="1.0" encoding="UTF-8"?>`+document
	return r
}

func multipartRequest(rng *rand.Rand, name, value, fileName string) request {
	boundary := "----WebKitFormBoundary" + hexID(rng, 16)
	r := client(rng, "POST", "/v1/uploads")
	r.contentType = "multipart/form-data; boundary=" + boundary
	r.body = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value +
		"\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"" + fileName +
		"\"\r\nContent-Type: text/plain\r\n\r\nHello there, this is the file.\r\n--" + boundary + "--\r\n"
	return r
}
