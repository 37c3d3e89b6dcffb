package corpus

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// pair is a name with a value, in the order of the wire.
type pair struct{ name, value string }

// request is an HTTP request as the client sent it. The shapes of http_test.go turn it into the event that a
// trigger makes of it.
type request struct {
	method      string
	path        string // percent-encoded
	query       string // percent-encoded, without the question mark
	headers     []pair // without cookies, content type and length
	cookies     []pair
	contentType string
	body        string
}

// httpTriggers are the triggers that a request can come through.
func httpTriggers() []string {
	return []string{"apiGateway", "httpAPI1", "httpAPI", "functionURL", "alb", "albMulti"}
}

// compact is JSON without the HTML escapes that only Go writes.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only maps, slices and strings come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// quoted is s as a JSON string.
func quoted(s string) string { return string(compact(s)) }

// event is the event that trigger makes of r.
func (r request) event(trigger string, rng *rand.Rand) []byte {
	switch trigger {
	case "apiGateway", "httpAPI1":
		return compact(r.rest(trigger, rng))
	case "httpAPI", "functionURL":
		return compact(r.payload2(trigger, rng))
	case "alb", "albMulti":
		return compact(r.alb(trigger, rng))
	case "authorizer":
		return compact(r.authorizer(rng))
	case "webSocketConnect":
		return compact(r.webSocketConnect(rng))
	}
	panic("unknown trigger " + trigger)
}

// allHeaders are the headers with content type, length and, where a trigger leaves them there, cookies.
func (r request) allHeaders(withCookies bool) []pair {
	all := append([]pair(nil), r.headers...)
	if r.contentType != "" {
		all = append(all, pair{"Content-Type", r.contentType})
	}
	if r.body != "" {
		all = append(all, pair{"Content-Length", fmt.Sprint(len(r.body))})
	}
	if withCookies && len(r.cookies) > 0 {
		all = append(all, pair{"Cookie", strings.Join(r.cookieStrings(), "; ")})
	}
	return all
}

func (r request) cookieStrings() []string {
	var all []string
	for _, c := range r.cookies {
		all = append(all, c.name+"="+c.value)
	}
	return all
}

// carriedBody is the body as the trigger carries it, with its base64 flag. Payload 2.0, Function URLs and ALB carry
// everything but text as base64; a REST API only what is configured as binary.
func (r request) carriedBody(trigger string) (string, bool) {
	media, _, _ := strings.Cut(r.contentType, ";")
	text := strings.HasPrefix(media, "text/")
	switch media {
	case "application/json", "application/xml", "application/javascript":
		text = true
	case "application/x-www-form-urlencoded", "application/graphql", "":
		text = trigger == "apiGateway"
	}
	if text || r.body == "" {
		return r.body, false
	}
	return base64.StdEncoding.EncodeToString([]byte(r.body)), true
}

// queryPairs splits the query without decoding.
func (r request) queryPairs() []pair {
	var all []pair
	for part := range strings.SplitSeq(r.query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		all = append(all, pair{name, value})
	}
	return all
}

// unescaped decodes the names and values of a query once.
func unescaped(pairs []pair) []pair {
	var all []pair
	for _, p := range pairs {
		name, err := url.QueryUnescape(p.name)
		if err != nil {
			name = p.name
		}
		value, err := url.QueryUnescape(p.value)
		if err != nil {
			value = p.value
		}
		all = append(all, pair{name, value})
	}
	return all
}

// single is a map that keeps the last value of a repeated name.
func single(pairs []pair, lower bool) map[string]string {
	if len(pairs) == 0 {
		return nil
	}
	all := map[string]string{}
	for _, p := range pairs {
		name := p.name
		if lower {
			name = strings.ToLower(name)
		}
		all[name] = p.value
	}
	return all
}

// multi is a map that keeps all values of a repeated name.
func multi(pairs []pair, lower bool) map[string][]string {
	if len(pairs) == 0 {
		return nil
	}
	all := map[string][]string{}
	for _, p := range pairs {
		name := p.name
		if lower {
			name = strings.ToLower(name)
		}
		all[name] = append(all[name], p.value)
	}
	return all
}

// decodedPath is the path as an HTTP API hands it on: decoded, and cut at a decoded question mark.
func (r request) decodedPath() string {
	path, err := url.PathUnescape(r.path)
	if err != nil {
		path = r.path
	}
	path, _, _ = strings.Cut(path, "?")
	return path
}

// rawJSON is text that is JSON already.
func rawJSON(text string) json.RawMessage { return json.RawMessage(text) }

func hexID(rng *rand.Rand, n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[rng.IntN(16)]
	}
	return string(b)
}

func uuid(rng *rand.Rand) string {
	h := hexID(rng, 32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func publicIP(rng *rand.Rand) string {
	return fmt.Sprintf("%d.%d.%d.%d", pick(rng, 31, 62, 78, 82, 91, 104, 151, 188), rng.IntN(256), rng.IntN(256), 1+rng.IntN(254))
}
