package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/access"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/rest"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/store"
)

// consoleWorld is a Console with a database of its own, without its loops.
type consoleWorld struct {
	*testing.T
	services *consoleServices
	table    []route.Route
	url      string
	client   *http.Client
}

const adminPassword = "correct horse battery staple"

// newConsoleWorld starts one. change may replace handlers of the table.
func newConsoleWorld(t testing.TB, change func([]route.Route)) *consoleWorld {
	t.Helper()
	services := testServices(t)
	table := services.routes()
	if change != nil {
		change(table)
	}
	server, err := rest.New(rest.Config{
		Routes: table, Access: authenticator{services.access}, Logger: slog.New(slog.DiscardHandler), Version: "test",
		Limits: rest.Limits{Handle: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := services.access.Bootstrap(t.Context(), firstAdministrator, adminPassword); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		server.Drain()
		listener.Close()
	})
	w := &consoleWorld{services: services, table: table, url: listener.URL, client: listener.Client()}
	w.T, _ = t.(*testing.T)
	return w
}

// testServices are the services on a database of their own.
func testServices(t testing.TB) *consoleServices {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	database, err := store.Open(t.Context(), store.Config{Address: filepath.Join(t.TempDir(), databaseFile), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	secrets, err := keys.New(bytes.Repeat([]byte{7}, keys.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if err := writePrograms(programs); err != nil {
		t.Fatal(err)
	}
	parts := consoleParts{
		log: log, database: database, keys: secrets, address: "https://console.example.com:8083",
		layers: &layerZips{app: &app{stderr: io.Discard, quiet: true}, programs: programs}, auditAge: time.Hour, auditBytes: 1 << 30,
	}
	services, err := parts.services()
	if err != nil {
		t.Fatal(err)
	}
	return services
}

// consoleReply is what came back.
type consoleReply struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request.
func (w *consoleWorld) call(t testing.TB, method, path, token, body string) consoleReply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return consoleReply{response.StatusCode, response.Header, content}
}

// login returns a token.
func (w *consoleWorld) login(t testing.TB, user, password string) string {
	t.Helper()
	credentials, _ := json.Marshal(map[string]string{"username": user, "password": password})
	got := w.call(t, "POST", "/authenticate", "", string(credentials))
	var answer struct{ Token string }
	if err := json.Unmarshal(got.body, &answer); err != nil || answer.Token == "" {
		t.Fatalf("login of %s: %d %s", user, got.status, got.body)
	}
	return answer.Token
}

// everybody may do everything, as a user and as a Defender.
type everybody struct{ *access.Service }

// Authenticate lets everybody in.
func (everybody) Authenticate(context.Context, rest.Credentials) (route.Principal, error) {
	p := route.Principal{Username: firstAdministrator, Role: api.RoleAdministrator, Permissions: map[api.PermName]bool{}}
	for _, name := range api.PermNames() {
		p.Permissions[name] = true
	}
	return p, nil
}

// newTestServer serves a table to everybody; the routes of Defenders are refused.
func newTestServer(services *consoleServices, table []route.Route) (*rest.Server, error) {
	return rest.New(rest.Config{Routes: table, Access: everybody{services.access}, Logger: slog.New(slog.DiscardHandler), Version: "test"})
}
