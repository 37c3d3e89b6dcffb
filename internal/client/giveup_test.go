package client

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
)

// TestGivenUp: a request that is given up leaves no connection that is still being made. Whoever is asked to make one takes it
// and never answers.
func TestGivenUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, config := range map[string]Config{
		"TLS to the Console":      {Address: "https://" + silent.Addr().String()},
		"TLS to a proxy":          {Address: "https://console.test", Proxy: "https://" + silent.Addr().String()},
		"CONNECT through a proxy": {Address: "https://console.test", Proxy: "http://" + silent.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			config.Token = token
			c := newClient(t, config)
			c.http.Transport.(*http.Transport).TLSHandshakeTimeout = 0 // so that nothing else can end it
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() { result <- c.PostAudits(ctx, audits(1)) }()
			peer, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			_ = peer.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := peer.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := <-result; autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
				t.Errorf("got %v", err)
			}
			if _, err := io.Copy(io.Discard, peer); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays open")
			}
		})
	}
}

// TestGivenUpAlone: a request that is given up takes with it neither one that waits for its answer nor one that waits for its
// connection.
func TestGivenUpAlone(t *testing.T) {
	arrived, answered := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-answered
		w.WriteHeader(http.StatusNoContent)
	}))
	greeted, admitted := make(chan struct{}, 10), make(chan struct{})
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		greeted <- struct{}{}
		<-admitted
		return nil, nil //nolint:nilnil // the server's own configuration
	}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	admit, answer := sync.OnceFunc(func() { close(admitted) }), sync.OnceFunc(func() { close(answered) })
	defer admit()
	defer answer()
	c := newClient(t, Config{Address: server.URL, Token: token, CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))})
	post := func(ctx context.Context) <-chan error {
		result := make(chan error, 1)
		go func() { result <- c.PostAudits(ctx, audits(1)) }()
		<-greeted
		return result
	}
	giveUp := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		given := post(ctx)
		cancel()
		if err := <-given; autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
			t.Errorf("got %v", err)
		}
	}
	other := post(t.Context())
	giveUp()
	admit()
	select {
	case <-arrived:
	case err := <-other:
		t.Fatalf("the request that waits for its connection: %v", err)
	}
	giveUp()
	answer()
	if err := <-other; err != nil {
		t.Errorf("the request that waits for its answer: %v", err)
	}
}

// TestConnectTimeout: making a connection ends though nobody gives up the request. It runs in virtual time.
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Address: "https://console.test", Token: token})
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		defer far.Close()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		c.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return near, nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := c.PostAudits(ctx, audits(1)); autodefend.ErrorCode(err) != autodefend.CodeUnavailable || ctx.Err() != nil {
			t.Errorf("got %v, and the request's own time is over: %v", err, ctx.Err())
		}
	})
}
