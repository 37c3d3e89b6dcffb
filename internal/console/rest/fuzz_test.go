package rest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzPath: whatever the method and the path are, there is an answer of the API, and nobody without a token gets at a
// route that wants one.
func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"/api/v1/things/a", "/api/v34.04/things/a%2Fb", "/api/v1/../things", "//api/v1/things", "/api/v1/things/%2e%2e/", "/api/%76%31/things",
		"/api/v1/things/\x00", "/api/v99.99/old-things/x", "*", "", "/healthz", "/api/v1/_ping", "/api/v1/things/%", "/api/v1/login", "//", "//api/v1/things/a",
	} {
		f.Add("GET", path)
		f.Add("PUT", path)
	}
	f.Add("CONNECT", "/api/v1/things")
	s, err := New(Config{Routes: table(), Access: people{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Drain)
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Path == "" || method == "" {
			return
		}
		for _, token := range []string{"", "reader"} {
			if token != "" && (strings.Contains(u.Path, "/slow") || strings.Contains(u.Path, "/events") || strings.Contains(u.Path, "/errors/stream")) {
				continue // they last until the caller goes
			}
			r := &http.Request{Method: method, URL: u, Host: "console", Header: http.Header{}, Body: http.NoBody, RemoteAddr: "192.0.2.1:1"}
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r.WithContext(t.Context()))
			open := w.Code == 404 || w.Code == 405 || w.Code == 401
			if token == "" && !open && !nobodys(u.Path) {
				t.Errorf("%s %q is open: %d %s", method, path, w.Code, w.Body)
			}
			var failure struct{ Err string }
			if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &failure) != nil || failure.Err == "") && method != "HEAD" {
				t.Errorf("%s %q: %d %q", method, path, w.Code, w.Body)
			}
			if w.Code >= 300 && w.Code < 400 {
				t.Errorf("%s %q leads to %q", method, path, w.Header().Get("Location"))
			}
		}
	})
}

// nobodys reports whether a path is that of a route without authentication.
func nobodys(path string) bool {
	return strings.HasSuffix(path, "/_ping") || strings.HasSuffix(path, "/login") || strings.HasSuffix(path, "/signup") || strings.HasSuffix(path, "/openapi.json") || path == "/healthz" || path == "/readyz"
}

// FuzzVersion: exactly v1 and vNN.NN are versions.
func FuzzVersion(f *testing.F) {
	for _, version := range []string{"v1", "v34.04", "v2", "v34.4", "34.04", "v34.04.1", "v34,04", "vv.vv", ""} {
		f.Add(version)
	}
	f.Fuzz(func(t *testing.T, version string) {
		want := version == "v1" || len(version) == 6 && version[0] == 'v' && version[3] == '.' &&
			!strings.ContainsFunc(version[1:3]+version[4:], func(r rune) bool { return r < '0' || r > '9' })
		if versioned(version) != want {
			t.Errorf("versioned(%q) is %v", version, !want)
		}
	})
}

// FuzzBody: a body is what was sent, or an error, and never longer than its bound.
func FuzzBody(f *testing.F) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(bytes.Repeat([]byte("a"), 1000))
	_ = z.Close()
	f.Add([]byte("{}"), "")
	f.Add(zipped.Bytes(), "gzip")
	f.Add(zipped.Bytes()[:20], "gzip")
	f.Add([]byte("x"), "deflate")
	f.Fuzz(func(t *testing.T, sent []byte, encoding string) {
		const limit = 500
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", io.NopCloser(bytes.NewReader(sent)))
		r.ContentLength = -1
		r.Header["Content-Encoding"] = []string{encoding}
		body, err := readBody(httptest.NewRecorder(), r, limit, time.Minute)
		if err != nil {
			status, text, _ := render(err)
			if status != 400 && status != 413 && status != 415 || text == "" {
				t.Errorf("%d %q", status, text)
			}
			return
		}
		if len(body) > limit {
			t.Errorf("the body has %d bytes", len(body))
		}
		if e := strings.ToLower(strings.TrimSpace(encoding)); (e == "" || e == "identity") && !bytes.Equal(body, sent) {
			t.Errorf("%q became %q", sent, body)
		}
	})
}
