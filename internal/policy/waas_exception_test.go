package policy

import "testing"

func TestExceptionFields(t *testing.T) {
	tests := []struct {
		name  string
		x     WAASException
		where Location
		field string
		value string
		want  bool
	}{
		{"query", WAASException{Location: LocationQuery, Key: "filter"}, LocationQuery, "filter", "1", true},
		{"query, whole names", WAASException{Location: LocationQuery, Key: "filter"}, LocationQuery, "filters", "1", false},
		{"query, other case", WAASException{Location: LocationQuery, Key: "filter"}, LocationQuery, "Filter", "1", false},
		{"query, pattern", WAASException{Location: LocationQuery, Key: "f.*|g"}, LocationQuery, "filters", "1", true},
		{"query, alternatives are whole", WAASException{Location: LocationQuery, Key: "f|g"}, LocationQuery, "fg", "1", false},
		{"query isn't form", WAASException{Location: LocationQuery, Key: "filter"}, LocationBody, "filter", "1", false},
		{"query value", WAASException{Location: LocationQueryValues, Key: "^SELECT "}, LocationQuery, "q", "SELECT 1", true},
		{"query value, elsewhere", WAASException{Location: LocationQueryValues, Key: "^SELECT "}, LocationBody, "q", "SELECT 1", false},
		{"query value, no match", WAASException{Location: LocationQueryValues, Key: "^SELECT "}, LocationQuery, "SELECT 1", "x", false},
		{"cookie", WAASException{Location: LocationCookie, Key: "prefs"}, LocationCookie, "prefs", "x", true},
		{"header, any case", WAASException{Location: LocationHeader, Key: "X-Query"}, LocationHeader, "x-query", "x", true},
		{"header, whole name", WAASException{Location: LocationHeader, Key: "X-Query"}, LocationHeader, "x-query-2", "x", false},
		{"user agent", WAASException{Location: LocationUserAgent, Key: "Probe/"}, LocationHeader, "user-agent", "a Probe/1", true},
		{"user agent, other header", WAASException{Location: LocationUserAgent, Key: "Probe/"}, LocationHeader, "x", "a Probe/1", false},
		{"form", WAASException{Location: LocationBody, Key: "html"}, LocationBody, "html", "<b>", true},
		{"JSON", WAASException{Location: LocationJSON, Key: "/user/name"}, LocationJSON, "/user/name", "x", true},
		{"JSON, below", WAASException{Location: LocationJSON, Key: "/user"}, LocationJSON, "/user/name/0", "x", true},
		{"JSON, trailing slash", WAASException{Location: LocationJSON, Key: "/user/"}, LocationJSON, "/user/name", "x", true},
		{"JSON, everything", WAASException{Location: LocationJSON, Key: "/"}, LocationJSON, "/user/name", "x", true},
		{"JSON, same beginning", WAASException{Location: LocationJSON, Key: "/user"}, LocationJSON, "/username", "x", false},
		{"JSON, above", WAASException{Location: LocationJSON, Key: "/user/name"}, LocationJSON, "/user", "x", false},
		{"JSON, star", WAASException{Location: LocationJSON, Key: "/items/*/note"}, LocationJSON, "/items/17/note", "x", true},
		{"JSON, star is one step", WAASException{Location: LocationJSON, Key: "/items/*/note"}, LocationJSON, "/items/1/7/note", "x", false},
		{"JSON, pattern", WAASException{Location: LocationJSON, Key: ".*/note", KeyPattern: true}, LocationJSON, "/items/1/7/note", "x", true},
		{"JSON, pattern is whole", WAASException{Location: LocationJSON, Key: "/note", KeyPattern: true}, LocationJSON, "/items/note", "x", false},
		{"message", WAASException{Location: LocationJSON, Key: "/user/name"}, LocationJSON, "body/user/name", "x", true},
		{"message, pattern", WAASException{Location: LocationJSON, Key: "/user/.*", KeyPattern: true}, LocationJSON, "body/user/name", "x", true},
		{"JSON isn't XML", WAASException{Location: LocationJSON, Key: "/a"}, LocationXML, "/a", "x", false},
		{"XML attribute", WAASException{Location: LocationXML, Key: "/order/item/@id"}, LocationXML, "/order/item/@id", "x", true},
		{"any name", WAASException{Key: "^csrf", KeyPattern: true}, LocationCookie, "csrfToken", "x", false},
		{"any name, whole", WAASException{Key: "csrf.*", KeyPattern: true}, LocationCookie, "csrfToken", "x", true},
		{"any value", WAASException{Key: "^eyJ", ValuePattern: true}, LocationHeader, "authorization", "eyJh", true},
		{"any value, by name", WAASException{Key: "^auth", ValuePattern: true}, LocationHeader, "authorization", "eyJh", false},
		{"response", WAASException{Location: LocationQuery, Key: "q", Response: true}, LocationQuery, "q", "x", false},
		{"path is no field", WAASException{Location: LocationPath, Key: "/a"}, LocationAny, "/a", "/a", false},
		{"raw body is no field", WAASException{Location: LocationRawBody, Key: "a"}, LocationAny, "a", "a", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := CompileExceptions([]WAASException{tt.x})
			if err != nil {
				t.Fatal(err)
			}
			if got := x.Field(tt.where, tt.field, tt.value); got != tt.want {
				t.Errorf("%s %q=%q: %v", tt.where, tt.field, tt.value, got)
			}
		})
	}
}

func TestExceptedRequests(t *testing.T) {
	x, err := CompileExceptions([]WAASException{
		{Location: LocationPath, Key: "/health"},
		{Location: LocationPath, Key: "/static/*"},
		{Location: LocationPath, Key: "/v[0-9]+/docs", KeyPattern: true},
		{Location: LocationRawBody, Key: `^\{"query":"mutation`},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/health": true, "/health/": false, "/healthy": false, "/static/": true, "/static/a/b.js": true, "/static": false,
		"/v1/docs": true, "/v1/docs/x": false, "/x/v1/docs": false, "": false,
	} {
		if x.Request(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
	if !x.HasBody() || !x.Body(`{"query":"mutation {}"}`) || x.Body(`{"query":"query {}"}`) {
		t.Error("the body")
	}
	none, err := CompileExceptions(nil)
	if err != nil || none != nil || none.HasBody() || none.Body("x") || none.Request("/x") || none.Field(LocationQuery, "a", "b") {
		t.Errorf("no exceptions: %+v, %v", none, err)
	}
	if _, err := CompileExceptions(make([]WAASException, maxExceptions+1)); err == nil {
		t.Error("too many exceptions are allowed")
	}
}

func FuzzExceptions(f *testing.F) {
	f.Add("query", "a.*", true, "ab", "value")
	f.Add("JSONPath", "/a/*/b", false, "body/a/1/b", "value")
	f.Add("", "x", false, "", "")
	f.Fuzz(func(_ *testing.T, location, key string, pattern bool, name, value string) {
		for _, l := range locations() {
			if string(l) != location {
				continue
			}
			x, err := CompileExceptions([]WAASException{{Location: l, Key: key, KeyPattern: pattern, ValuePattern: pattern}})
			if err == nil {
				x.Field(l, name, value)
				x.Request(name)
				x.Body(value)
			}
		}
	})
}
