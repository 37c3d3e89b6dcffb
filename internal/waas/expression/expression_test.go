package expression

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/event"
)

func now() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

// token makes a JSON Web Token.
func webtoken(header, payload string, signature int) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(payload)) + "." + e(make([]byte, signature))
}

func field(p event.Place, name, value string) event.Field {
	return event.Field{Place: p, Name: name, Value: value, Record: -1}
}

// request is what the examples are about.
func request() *event.Event {
	headers := []event.Field{
		field(event.Header, "user-agent", "ACME4711"),
		field(event.Header, "accept", "text/html"),
		field(event.Header, "accept", "text/plain"),
		field(event.Header, "x-forwarded-proto", "http"),
		field(event.Header, "authorization", "Bearer "+webtoken(`{"alg":"HS256","kid":"../../k"}`, `{"sub":"u1","email_verified":false,"n":7,"exp":1900000000}`, 32)),
	}
	return &event.Event{
		Trigger: event.HTTPAPI,
		Request: event.Request{
			Method: "POST", Path: "/Admin/users/file.PDF", Protocol: "HTTP/1.0", Host: "Api.Example.com", SourceIP: "203.0.113.7",
			HeaderNames: []string{"user-agent", "accept", "x-forwarded-proto", "authorization"}, RawBody: `{"user":{"name":"o'hara"},"tags":["a","b"]}`,
		},
		Fields: append([]event.Field{
			field(event.Path, "", "/Admin/users/file.PDF"),
			field(event.QueryName, "id", "id"), field(event.Query, "id", "1 UNION  SELECT 2"), field(event.Query, "id", "7"),
			field(event.QueryName, "ssn", "ssn"), field(event.Query, "ssn", "123-45-6789"),
			field(event.Cookie, "admin", "VHJ1ZQ=="), field(event.Cookie, "ga", "x"),
			field(event.JSON, "/user/name", "o'hara"), field(event.JSON, "/tags/0", "a"), field(event.JSON, "/tags/1", "b"),
		}, headers...),
	}
}

func message() *event.Event {
	return &event.Event{
		Trigger: event.SQS,
		Records: []event.Record{{ID: "1"}, {ID: "2"}},
		Fields: []event.Field{
			{Place: event.Message, Name: "body/user/name", Value: "alice", Record: 0},
			{Place: event.Message, Name: "body/user/name", Value: "mallory", Record: 1},
		},
	}
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		// The examples of the documentation.
		`req.host contains /^.*Example/`:                          true,
		`req.headers["User-Agent"] contains /^.*ACME[1-9]{1,6}$/`: true,
		`req.header_names contains /^x-forwarded.*/`:              true,
		`req.header_names contains "X-Forwarded-Proto"`:           true,
		`req.header_names contains "X-Forwarded"`:                 false,
		`req.header_values contains "text/html"`:                  true,
		`req.header_values contains "text"`:                       false,
		`req.cookies["ga"] contains "x"`:                          true,
		`req.cookie_names contains "ga"`:                          true,
		`req.cookie_names contains "g"`:                           false,
		`req.cookie_values contains "x"`:                          true,
		`req.query_params["id"] contains "UNION"`:                 true,
		`req.query_params["id"] contains "union"`:                 false,
		`req.query_params["id"] = "7"`:                            true,
		`req.query_params["ID"] = "7"`:                            false,
		`req.query_param_names contains "ssn"`:                    true,
		`req.query_param_values contains /\d{3}-?\d{2}-?\d{4}/`:   true,
		`req.body_param_values contains "o'hara"`:                 true,
		`req.body_params["/user/name"] contains "hara"`:           true,
		`req.body_params["user/name"] = "o'hara"`:                 true,
		`req.http_method = "POST"`:                                true,
		`req.http_method = "post"`:                                false,
		`req.http_method in ("POST", "PUT")`:                      true,
		`req.http_method in ("GET", "PUT")`:                       false,
		`req.file_extension contains /(?i)pdf$/`:                  true,
		`req.file_extension = "PDF"`:                              true,
		`req.path startswith "/Admin/"`:                           true,
		`req.path startswith "/admin/"`:                           false,
		`lowercase(req.path) startswith "/admin/"`:                true,
		`req.ip in "203.0.113.0/24"`:                              true,
		`req.ip in "2.2.2.0/24" or req.ip = "203.0.113.7"`:        true,
		`req.ip in ("2.2.2.0/24", "203.0.113.7")`:                 true,
		`req.ip = "203.0.113.8"`:                                  false,
		`req.ip != "203.0.113.8"`:                                 true,
		`req.ip = "::ffff:203.0.113.7"`:                           true,
		`req.ip contains /^203/`:                                  true,
		`req.body contains /"tags"/`:                              true,
		`req.http_version = "1.0"`:                                true,
		`req.http_scheme = "http"`:                                true,
		`req.http_scheme = "HTTPS"`:                               false,
		`req.http_version = "1.0" and lowercase(req.path) startswith "/admin/" and base64Decode(req.cookies["admin"]) contains /^True$/`: true,

		// JSON Web Tokens.
		`jwtPayload(req.headers["Authorization"]) contains /"sub":"u1"/`:                                                        true,
		`jwtPayloadValue(req.headers["Authorization"], "email_verified") contains /^false$/`:                                    true,
		`jwtPayloadValue(req.headers["Authorization"], "sub") = "u1"`:                                                           true,
		`jwtPayloadValue(req.headers["Authorization"], "n") >= 7`:                                                               true,
		`jwtPayloadValue(req.headers["Authorization"], "n") > 7`:                                                                false,
		`jwtPayloadValue(req.headers["Authorization"], "none") = ""`:                                                            true,
		`jwtHeader(req.headers["Authorization"]) contains "HS256"`:                                                              true,
		`jwtHeaderValue(req.headers["Authorization"], "kid") contains /\.\.[\\\/]/`:                                             true,
		`jwtValid(req.headers["Authorization"])`:                                                                                true,
		`(not jwtValid(req.headers["Authorization"])) or jwtHeaderValue(req.headers["Authorization"], "alg") contains /^none$/`: false,
		`not jwtValid(req.headers["X-Token"])`:                                                                                  true,

		// What is missing.
		`req.headers["X-Key"] = ""`:             true,
		`req.headers["X-Key"] != "secret"`:      true,
		`req.headers["X-Key"] contains "a"`:     false,
		`not req.headers["X-Key"] contains "a"`: true,

		// How conditions are put together.
		`req.path = "a" or req.path = "b" and req.http_method = "POST"`:                 false,
		`req.http_method = "POST" or req.path = "b" and req.path = "a"`:                 true,
		`(req.http_method = "POST" or req.path = "b") and req.path = "a"`:               false,
		`not req.path = "a" and req.http_method = "POST"`:                               true,
		`not (req.path = "a" or req.http_method = "POST")`:                              false,
		`not not req.http_method = "POST"`:                                              true,
		`NOT req.path = "a" AND req.http_method IN ("POST")`:                            true,
		"req.path\n\tstartswith \"/Admin\"\r\n":                                         true,
		`req.query_params["id"] = 7`:                                                    true,
		`req.query_params["id"] < 8 and req.query_params["id"] > 6`:                     true,
		`req.query_params["id"] <= 6`:                                                   false,
		`req.query_params["ssn"] in (1, "123-45-6789")`:                                 true,
		`req.query_params["ssn"] = 123`:                                                 false,
		`req.header_values startswith "ACME"`:                                           true,
		`lowercase(compressWhitespace(req.query_params["id"])) contains "union select"`: true,
	} {
		x, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, got := x.Match(Input{Event: request(), Record: -1, Now: now()}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestOtherEvents: what an event can't have is neither so nor not so.
func TestOtherEvents(t *testing.T) {
	for text, want := range map[string][2]bool{
		`req.body contains "mallory"`:                               {false, true},
		`req.body_params["user/name"] = "alice"`:                    {true, false},
		`req.body_param_values contains "mallory"`:                  {false, true},
		`not req.body contains "mallory"`:                           {true, false},
		`req.path startswith "/admin"`:                              {false, false},
		`not req.path startswith "/admin"`:                          {false, false},
		`req.http_method != "GET"`:                                  {false, false},
		`req.headers["X-Key"] != "secret"`:                          {false, false},
		`not jwtValid(req.headers["Authorization"])`:                {false, false},
		`req.path = "/" or req.body contains "alice"`:               {true, false},
		`not (req.path = "/" and req.body contains "alice")`:        {false, true},
		`not req.ip in "10.0.0.0/8"`:                                {false, false},
		`req.http_scheme = "HTTPS" and req.body contains "mallory"`: {false, false},
	} {
		x, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for record := range want {
			if _, got := x.Match(Input{Event: message(), Record: record}); got != want[record] {
				t.Errorf("%s of record %d: %v", text, record, got)
			}
		}
	}
}

func TestWhatMatched(t *testing.T) {
	for _, tt := range []struct {
		text, name, found string
		place             event.Place
		groups            []string
	}{
		{`req.query_params["id"] contains /(?i)(union)\s+(select)/ and req.http_method = "POST"`, "id", "UNION  SELECT", event.Query, []string{"UNION", "SELECT"}},
		{`req.http_method = "POST" and req.query_params["id"] contains "UNION"`, "id", "UNION", event.Query, nil},
		{`req.query_param_values contains /\d{3}/`, "ssn", "123", event.Query, []string{"123"}},
		{`req.path = "/x" and req.http_method = "POST" or req.cookie_names contains "ga"`, "ga", "ga", event.CookieName, nil},
		{`req.headers["X-Key"] != "secret"`, "", "", event.Whole, nil},
		{`req.ip in "203.0.113.0/24"`, "", "203.0.113.7", event.Whole, nil},
	} {
		x, err := Compile(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		m, ok := x.Match(Input{Event: request(), Record: -1, Now: now()})
		if !ok || m.Field.Name != tt.name || m.Field.Place != tt.place || m.Text != tt.found || !slices.Equal(m.Groups, tt.groups) {
			t.Errorf("%s: %v, %+v", tt.text, ok, m)
		}
	}
	m := Match{Groups: []string{"a", "b"}}
	if got := m.Message("seen: %regexMatches!"); got != "seen: a, b!" {
		t.Errorf("message %q", got)
	}
	m.Groups = []string{strings.Repeat("é", 400)}
	if got := m.Message("%regexMatches"); len(got) > 520 || !strings.HasSuffix(got, "é…") {
		t.Errorf("a long message: %d bytes", len(got))
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want, hint string }{
		{``, "column 1: want an attribute or a function, have the end", "req.path"},
		{`req.path`, "column 9: want an operator, have the end", "contains startswith"},
		{`req.path = `, "column 12: want a string, have the end", "double quotes"},
		{`req.path = 'a'`, `column 12: "'" means nothing here`, "double quotes"},
		{`req.path = "a`, "column 12: the string has no end", ""},
		{`req.path = "a\q"`, `column 14: \q means nothing in a string`, `\\`},
		{`req.path = "a\`, "column 12: the string has no end", ""},
		{`req.path contains /a`, "column 19: the pattern has no end", `\/`},
		{`req.path contains /(/`, "column 19: the pattern isn't RE2: error parsing regexp: missing closing )", ""},
		{`req.path contains /([a-z]x?){1000}/`, "column 19: the pattern's program has", ""},
		{`req.path startswith /a/`, "column 21: want a string, have /a/", "patterns follow contains"},
		{`req.path = /a/`, "column 12: want a string, have /a/", ""},
		{`req.pth = "a"`, "column 1: there is no req.pth", "req.path"},
		{`resp.status_code = 200`, "column 1: resp.status_code: responses aren't inspected", ""},
		{`req.http_method = "POST" and resp.body contains "x"`, "column 30: resp.body: responses aren't inspected", ""},
		{`req.country_code = "US"`, "column 1: a function doesn't know countries", "CloudFront-Viewer-Country"},
		{`req.headers contains "a"`, "column 13: req.headers wants a name in brackets", `req.headers["name"]`},
		{`req.path["a"] = "a"`, "column 1: req.path has no names to select by", ""},
		{`req.headers[a] = "a"`, "column 13: want a string, have a", ""},
		{`req.headers["a" = "a"`, "column 17: want ], have =", ""},
		{`req.header_names = "a"`, "column 18: req.header_names are several values, and = wants one", `contains`},
		{`req.ip in "10.0.0.0/33"`, `column 11: "10.0.0.0/33" is neither an address nor a network`, "192.0.2.0/24"},
		{`req.ip = "earth"`, `"earth" is neither an address`, ""},
		{`req.http_method in ("A" "B")`, `column 25: want ), have "B"`, ""},
		{`req.http_method in ()`, "column 21: want a string, have )", ""},
		{`req.path > "a"`, `column 12: want a whole number, have "a"`, ""},
		{`req.path > 99999999999999999999`, "column 12: 99999999999999999999 is too large", ""},
		{`req.path = "a" req.path = "b"`, "column 16: req.path after what is a whole expression", "and, or"},
		{`req.path = "a")`, "column 15: ) after what is a whole expression", ""},
		{`(req.path = "a"`, "column 16: want ), have the end", ""},
		{`"POST" = req.http_method`, `column 1: want an attribute or a function, have "POST"`, "begins with"},
		{`upper(req.path) = "A"`, "column 1: there is no upper", "lowercase"},
		{`lowercase req.path = "a"`, "column 11: want (, have req.path", ""},
		{`lowercase(req.path = "a"`, "column 20: want ), have =", ""},
		{`jwtPayloadValue(req.path) = "a"`, "column 25: want ,, have )", ""},
		{`lowercase(jwtValid(req.path)) = "a"`, "column 11: jwtValid is a condition by itself", ""},
		{`req.path = "a" and`, "column 19: want an attribute or a function, have the end", ""},
		{`not`, "column 4: want an attribute or a function", ""},
		{`req.path = "a" & req.path = "b"`, `column 16: "&" means nothing here`, ""},
		{`req.path contains "é" ☃`, `"☃" means nothing here`, ""},
		{strings.Repeat("(", 40) + `req.path = "a"` + strings.Repeat(")", 40), "more than 32 deep", ""},
		{strings.Repeat("lowercase(", 40) + `req.path`, "more than 32 deep", ""},
		{`req.path = "a"` + strings.Repeat(` or req.path = "a"`, 201), "more than 200 parts", "several rules"},
		{`req.path in ("a"` + strings.Repeat(`, "a"`, 201) + ")", "more than 200 parts", ""},
		{`req.path contains /a/` + strings.Repeat(` or req.path contains /a/`, 16), "more than 16 patterns", ""},
		{strings.Repeat(" ", MaxBytes+1), "the expression has 4097 bytes, and may have 4096", ""},
	} {
		_, err := Compile(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s: %v, want %q", tt.text, err, tt.want)
			continue
		}
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(autodefend.ErrorHint(err), tt.hint) {
			t.Errorf("%.60s: code %q, hint %q, want %q", tt.text, autodefend.ErrorCode(err), autodefend.ErrorHint(err), tt.hint)
		}
	}
}

// TestPolicyChecks: rules of a policy are checked with this package.
func TestPolicyChecks(t *testing.T) {
	p, err := policy.ParseWAAS([]byte(`{"name": "r", "autodefend": {"customRules": [{"name": "a", "expression": "req.path = "}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Check(Check)
	if err == nil || err.Error() != "rules[0].autodefend.customRules[0].expression: column 12: want a string, have the end" || autodefend.ErrorHint(err) == "" {
		t.Errorf("error %v, hint %q", err, autodefend.ErrorHint(err))
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`req.http_method in ("POST", "PUT") and not (lowercase(req.path) startswith "/admin" or req.ip in "10.0.0.0/8")`,
		`jwtPayloadValue(req.headers["Authorization"], "sub") contains /^(a|b)$/`, `req.query_params["\"\\"] >= 7`, `jwtValid(req.body)`, "req.path = \"\xff\"",
		`unicodeDecode(urlPathDecode(req.body_params["a/b"])) != ""`,
	} {
		f.Add(seed)
	}
	events := []Input{{Event: request(), Record: -1, Now: now()}, {Event: message(), Record: 1}, {Event: new(event.Event), Record: -1}}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Compile(text)
		if err != nil {
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid {
				t.Errorf("code %q: %v", autodefend.ErrorCode(err), err)
			}
			return
		}
		opposite, err := Compile("not (" + text + ")")
		for _, in := range events {
			m, holds := x.Match(in)
			if err != nil { // the parentheses were too many
				continue
			}
			if _, other := opposite.Match(in); holds && other {
				t.Errorf("%s: both hold: %+v", text, m)
			}
		}
	})
}
