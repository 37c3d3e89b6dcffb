package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/notify"
	"github.com/autodefend/autodefend/internal/store"
)

// TestProviderMustBeAnAllowedDestination: a Console that may reach some hosts only asks no other who its users are.
func TestProviderMustBeAnAllowedDestination(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	database, err := store.Open(t.Context(), store.Config{Address: filepath.Join(t.TempDir(), databaseFile), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	ring, err := keys.New(make([]byte, keys.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	services, err := consoleParts{
		log: log, database: database, keys: ring, address: "https://console.example.com:8083", destinations: notify.Destinations{"login.example.com"},
		layers: &layerZips{app: &app{stderr: io.Discard, quiet: true}, programs: t.TempDir()}, auditAge: time.Hour, auditBytes: 1 << 30,
	}.services()
	if err != nil {
		t.Fatal(err)
	}
	server, err := newTestServer(services, services.routes())
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, path, body string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer x")
		server.ServeHTTP(answer, r)
		return answer
	}
	asked := false
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer provider.Close()
	set := send("POST", "/settings/oidc", `{"enabled":true,"issuer":"`+provider.URL+`","clientId":"c","redirectURL":"https://console.example.com/api/v1/authenticate/callback/oidc"}`)
	if set.Code != http.StatusOK {
		t.Fatalf("%d %s", set.Code, set.Body)
	}
	got := send("GET", "/authenticate/identity-redirect-url", "")
	if got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "--allow-destination") || asked {
		t.Errorf("%d %s; the provider was asked: %v", got.Code, got.Body, asked)
	}
}
