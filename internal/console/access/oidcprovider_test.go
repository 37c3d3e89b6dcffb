package access

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// withIssuer sets up logins at an issuer whose answers a handler gives.
func withIssuer(t *testing.T, handler http.HandlerFunc) (*world, *httptest.Server) {
	t.Helper()
	w := newWorld(t)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w.must(request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: api.OIDCSettings{
		Enabled: true, Issuer: server.URL, ClientID: clientID, RedirectURL: callbackURL,
	}})
	return w, server
}

func redirectURL() request {
	return request{method: "GET", path: "/authenticate/identity-redirect-url"}
}

func TestOIDCDiscoveryIsOneForAllAndHoldsNobody(t *testing.T) {
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	w, server := withIssuer(t, func(rw http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		_, _ = rw.Write([]byte(`{"issuer":"http://` + r.Host + `","authorization_endpoint":"http://` + r.Host + `/auth","token_endpoint":"x","jwks_uri":"x"}`))
	})
	release := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(release) // before the server closes
	ctx, giveUp := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := w.do(ctx, redirectURL())
		first <- err
	}()
	<-asked
	// Who began it gives up, and those who came later wait for the same answer or give up too.
	giveUp()
	if err := <-first; autodefend.ErrorCode(err) != autodefend.CodeUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if _, err := w.do(ctx, redirectURL()); !errors.Is(err, context.Canceled) {
		t.Errorf("one who came later: %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := w.do(t.Context(), redirectURL()); err != nil {
				t.Error(err)
			}
		})
	}
	release()
	wg.Wait()
	if more := len(asked); more != 0 {
		t.Errorf("%s was asked %d times more", server.URL, more)
	}
}

func TestOIDCFailureIsRememberedForAMoment(t *testing.T) {
	var asked atomic.Int64
	w, _ := withIssuer(t, func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		rw.WriteHeader(http.StatusInternalServerError)
	})
	for _, want := range []int64{1, 1, 2, 2} {
		w.refuses(redirectURL(), autodefend.CodeUnavailable, "doesn't answer")
		if got := asked.Load(); got != want {
			t.Errorf("asked %d times, want %d", got, want)
		}
		w.clock.add(discoveryPause/2 + 1)
	}
	// Other settings are tried at once.
	p := newProvider(t, w.clock.Now)
	w.must(request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: api.OIDCSettings{Enabled: true, Issuer: p.URL, ClientID: clientID, RedirectURL: callbackURL}})
	w.must(redirectURL())
}

func TestOIDCFollowsNoRedirects(t *testing.T) {
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(inside.Close)
	away := func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, inside.URL, http.StatusTemporaryRedirect)
	}
	w, _ := withIssuer(t, away)
	w.refuses(redirectURL(), autodefend.CodeUnavailable, "doesn't answer")

	given, err := New(Config{Documents: w.store, Logins: w.store, Keys: w.keys, HTTP: &http.Client{}, Log: w.log, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := given.do(t.Context(), redirectURL()); autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
		t.Errorf("with a client that was given: %v", err)
	}

	// The endpoint that takes codes and the client's secret.
	w, p := withProvider(t)
	address, cookie := w.beginOIDC()
	back := p.authorize(t, address, member("eve", "security team"))
	p.mu.Lock()
	p.away = inside.URL
	p.mu.Unlock()
	if answer, err := w.do(t.Context(), callback(back, cookie)); err == nil {
		t.Errorf("logged in: %+v", answer)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests were led inside", n)
	}
}
