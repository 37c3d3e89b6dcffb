package apiclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/autodefend/autodefend"
)

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// console is a Console with a list of 120 numbers.
func console(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/authenticate", func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Username, Password string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Username != "admin" || request.Password != "right" {
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"err":"wrong user name or password"}`)
			return
		}
		_, _ = io.WriteString(w, `{"token":"t1"}`)
	})
	mux.HandleFunc("GET /api/v1/numbers", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t1" {
			w.WriteHeader(401)
			return
		}
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		var page []string
		for n := offset; n < min(offset+limit, 120); n++ {
			page = append(page, r.URL.Query().Get("q")+strconv.Itoa(n))
		}
		w.Header().Set("Total-Count", "120")
		_ = json.NewEncoder(w).Encode(page)
	})
	mux.HandleFunc("/api/v1/status/{status}", func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.PathValue("status"))
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"err":"it is %d"}`, status)
	})
	mux.HandleFunc("GET /api/v1/whole", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[1,2]`) })
	mux.HandleFunc("GET /api/v1/object", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	mux.HandleFunc("GET /api/v1/elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example/", http.StatusFound)
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	return server
}

func certificate(s *httptest.Server) (string, string) {
	raw := s.Certificate().Raw
	sum := sha256.Sum256(raw)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), hex.EncodeToString(sum[:])
}

func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestLoginAndPages(t *testing.T) {
	server := console(t)
	ca, fingerprint := certificate(server)
	for _, cfg := range []Config{{CA: ca}, {Fingerprint: fingerprint}, {Fingerprint: "SHA256:" + strings.ToUpper(fingerprint)}} {
		cfg.Address, cfg.User, cfg.Password = server.URL+"/", "admin", "right"
		c := client(t, cfg)
		if err := c.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all []string
		err := c.All(t.Context(), "/numbers", url.Values{"q": {"n"}}, func(entry json.RawMessage) error {
			all = append(all, string(entry))
			return nil
		})
		if err != nil || len(all) != 120 || all[0] != `"n0"` || all[119] != `"n119"` {
			t.Errorf("%d entries: %v", len(all), err)
		}
	}
}

func TestListsOfOnePage(t *testing.T) {
	server := console(t)
	ca, _ := certificate(server)
	c := client(t, Config{Address: server.URL, CA: ca, Token: "t1"})
	n := 0
	if err := c.All(t.Context(), "whole", nil, func(json.RawMessage) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d entries: %v", n, err)
	}
	if err := c.All(t.Context(), "object", nil, nil); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("an object: %v", err)
	}
}

func TestFailures(t *testing.T) {
	server := console(t)
	ca, _ := certificate(server)
	c := client(t, Config{Address: server.URL, CA: ca, Token: "t1"})
	for status, want := range map[int]autodefend.Code{
		400: autodefend.CodeInvalid, 401: autodefend.CodeDenied, 403: autodefend.CodeDenied, 404: autodefend.CodeNotFound, 405: autodefend.CodeInvalid,
		409: autodefend.CodeConflict, 413: autodefend.CodeInvalid, 429: autodefend.CodeThrottled, 500: autodefend.CodeInternal, 503: autodefend.CodeUnavailable,
	} {
		response, err := c.Do(t.Context(), "post", fmt.Sprintf("/api/v1/status/%d", status), nil, []byte("{}"))
		if err == nil {
			response.Body.Close()
		}
		if autodefend.ErrorCode(err) != want || !strings.Contains(err.Error(), fmt.Sprintf("it is %d", status)) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if _, err := c.Do(t.Context(), "GET", "elsewhere", nil, nil); err == nil { // there is none
		t.Error("a redirect was followed")
	}
	if err := client(t, Config{Address: server.URL, CA: ca, User: "admin", Password: "wrong"}).Login(t.Context()); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("a wrong password: %v", err)
	}
}

// TestStrangers: who has another certificate gets no credentials.
func TestStrangers(t *testing.T) {
	server := console(t)
	_, fingerprint := certificate(server)
	wrong := strings.Repeat("00", 32)
	for _, cfg := range []Config{{}, {Fingerprint: wrong}} {
		cfg.Address, cfg.User, cfg.Password = server.URL, "admin", "right"
		err := client(t, cfg).Login(t.Context())
		if autodefend.ErrorCode(err) != autodefend.CodeUnavailable || autodefend.ErrorHint(err) == "" {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	c := client(t, Config{Address: server.URL, Fingerprint: fingerprint, Token: "t1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, "GET", "whole", nil, nil); err == nil || autodefend.ErrorCode(err) == autodefend.CodeUnavailable { // there is none
		t.Errorf("interrupted: %v", err)
	}
}

func TestBadConfigurations(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no address":      {Token: "t"},
		"no scheme":       {Address: "console:8083", Token: "t"},
		"plain http":      {Address: "http://console.example.com", Token: "t"},
		"user in address": {Address: "https://u:p@console", Token: "t"},
		"nobody":          {Address: "https://console"},
		"no password":     {Address: "https://console", User: "admin"},
		"bad token":       {Address: "https://console", Token: "a\nb"},
		"bad CA":          {Address: "https://console", Token: "t", CA: "x"},
		"bad fingerprint": {Address: "https://console", Token: "t", Fingerprint: "abcd"},
	} {
		if _, err := New(cfg); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{Address: "http://127.0.0.1:8083", Token: "t"}); err != nil {
		t.Error(err)
	}
}
