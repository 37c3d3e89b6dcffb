package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/autodefend/autodefend/internal/console/rest"
	"github.com/autodefend/autodefend/internal/console/route"
)

// answerChecker compares answers with the OpenAPI document.
type answerChecker struct{ document *openapi3.T }

func newAnswerChecker(t testing.TB, table []route.Route) answerChecker {
	t.Helper()
	text, err := rest.OpenAPI(table, "test")
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return answerChecker{document}
}

// check returns what is wrong with an answer of a route.
func (c answerChecker) check(r route.Route, status int, header http.Header, body []byte) error {
	operation := c.document.Paths.Value(r.Path).GetOperation(r.Method)
	response := operation.Responses.Value("default").Value
	if status == http.StatusOK {
		response = operation.Responses.Value("200").Value
	}
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if len(body) == 0 {
		if len(response.Content) > 0 && status == http.StatusOK && r.Method != http.MethodHead {
			return fmt.Errorf("the body is empty, it should be %v", response.Content)
		}
		return nil
	}
	content := response.Content[media]
	if content == nil {
		return fmt.Errorf("the media type is %q, it should be one of %v", media, response.Content)
	}
	if media != "application/json" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return fmt.Errorf("the body isn't JSON: %w", err)
	}
	if decoder.More() {
		return fmt.Errorf("the body has something after its JSON")
	}
	return content.Schema.Value.VisitJSON(value)
}

// endless are routes that stream until the caller goes, or that ask others for long.
func endless(r route.Route) bool { return r.Media == "text/event-stream" }

// TestAnswersHaveTheirSchemas: on an empty Console every list and document can be read, and what comes is what the
// OpenAPI document says.
func TestAnswersHaveTheirSchemas(t *testing.T) {
	w := newConsoleWorld(t, nil)
	checker := newAnswerChecker(t, w.table)
	admin := w.login(t, firstAdministrator, adminPassword)
	defender := w.services.access.DefenderToken(route.FunctionIdentity{Account: "111111111111", Region: "us-east-1", Function: "f", Issued: time.Now().Unix()})
	now := time.Now().UTC()
	window := "?from=" + now.Add(-time.Hour).Format(time.RFC3339) + "&to=" + now.Format(time.RFC3339) + "&buckets=10&limit=10"
	for _, r := range w.table {
		if r.Method != "GET" || endless(r) {
			continue
		}
		token := admin
		if r.Permission == route.Function {
			token = defender
		}
		got := w.call(t, r.Method, examplePath(r.Path)+window, token, "")
		if got.status >= 500 {
			t.Errorf("GET %s: %d %s", r.Path, got.status, got.body)
		}
		if got.status == 400 && !strings.Contains(r.Path, "oidc") && r.Path != "/defenders/install-bundle" {
			t.Errorf("GET %s refuses a plain window: %s", r.Path, got.body)
		}
		if err := checker.check(r, got.status, got.header, got.body); err != nil {
			t.Errorf("GET %s: %d %.200s: %v", r.Path, got.status, got.body, err)
		}
		if r.List && got.status == 200 && got.header.Get("Total-Count") == "" && got.header.Get("Content-Type") == "application/json" {
			t.Errorf("GET %s has no Total-Count", r.Path)
		}
	}
}

// TestBadBodies: whatever is sent to a route, it's no accident, and the answer is one of the API's.
func TestBadBodies(t *testing.T) {
	w := newConsoleWorld(t, nil)
	checker := newAnswerChecker(t, w.table)
	defender := w.services.access.DefenderToken(route.FunctionIdentity{Account: "111111111111", Region: "us-east-1", Function: "f", Issued: time.Now().Unix()})
	admin := w.login(t, firstAdministrator, adminPassword)
	bodies := []string{
		"", "{}", "[]", "null", "0", `""`, `"x"`, "[null]", "[[]]", "[{}]", `{"rules":null}`, `{"rules":[null]}`, `{"rules":[{}]}`, `{"name":{}}`, `{"name":""}`,
		`{"a":`, "\x00", "\xff\xfe", strings.Repeat("[", 20_000), `{"name":"` + strings.Repeat("a", 100_000) + `"}`, `{"_id":"x","name":"x"}`, "{} {}",
	}
	slices.SortStableFunc(w.table, func(a, b route.Route) int { // revoking comes after what uses the Defender's token
		return cmp.Compare(strings.Count(a.Path, "revocations"), strings.Count(b.Path, "revocations"))
	})
	for _, r := range w.table {
		if r.Method == "GET" || r.Path == "/logout" {
			continue
		}
		token := admin
		if r.Permission == route.Function {
			token = defender
		}
		for _, body := range bodies {
			got := w.call(t, r.Method, examplePath(r.Path), token, body)
			if got.status >= 500 && got.status != 503 {
				t.Errorf("%s %s with %.40q: %d %s", r.Method, r.Path, body, got.status, got.body)
			}
			if got.status == 401 && r.Permission != route.Nobody {
				t.Errorf("%s %s with %.40q: %s", r.Method, r.Path, body, got.body)
				break
			}
			if err := checker.check(r, got.status, got.header, got.body); err != nil {
				t.Errorf("%s %s with %.40q: %d %.200s: %v", r.Method, r.Path, body, got.status, got.body, err)
			}
		}
	}
}

// FuzzRequests: no body and no query of any route makes an accident.
func FuzzRequests(f *testing.F) {
	services := testServices(f)
	table := services.routes()
	server, err := newTestServer(services, table)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(server.Drain)
	for i := range table {
		f.Add(uint16(i), "limit=1&offset=0&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&buckets=3", []byte(`{"name":"x","rules":[]}`))
		f.Add(uint16(i), "limit=-1&sort=';--&reverse=maybe&search=%00", []byte(`[{"_id":"x","name":"y"}]`))
	}
	f.Fuzz(func(t *testing.T, index uint16, query string, body []byte) {
		r := table[int(index)%len(table)]
		if endless(r) {
			return
		}
		request := httptest.NewRequestWithContext(t.Context(), r.Method, "/api/v1"+examplePath(r.Path), bytes.NewReader(body))
		request.URL.RawQuery = query
		request.Header.Set("Authorization", "Bearer everybody")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, request)
		if w.Code >= 500 && w.Code != 503 {
			t.Errorf("%s %s?%s with %q: %d %s", r.Method, r.Path, query, body, w.Code, w.Body)
		}
		var failure struct{ Err string }
		if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &failure) != nil || failure.Err == "") {
			t.Errorf("%s %s?%s with %q: %d %q", r.Method, r.Path, query, body, w.Code, w.Body)
		}
	})
}
