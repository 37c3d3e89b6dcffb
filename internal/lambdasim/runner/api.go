//go:build linux

package runner

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// api serves Lambda's Runtime API and Extensions API to one sandbox.
type api struct {
	life   atomic.Pointer[life]
	server *http.Server
	served chan struct{}
}

// serveAPI serves on a listener until it is closed.
func serveAPI(listener net.Listener, log *slog.Logger) *api {
	a := &api{served: make(chan struct{})}
	mux := http.NewServeMux()
	for pattern, handle := range a.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			l := a.life.Load()
			if l == nil {
				refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "There is no function yet")
				return
			}
			handle(l, w, r)
		})
	}
	a.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(a.served)
		if err := a.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("serve Runtime API", "error", err.Error())
		}
	}()
	return a
}

// routes are the requests that are answered.
func (a *api) routes() map[string]func(*life, http.ResponseWriter, *http.Request) {
	const (
		runtime   = "/2018-06-01/runtime/"
		extension = "/2020-01-01/extension/"
	)
	return map[string]func(*life, http.ResponseWriter, *http.Request){
		"GET " + runtime + "invocation/next":           (*life).serveNext,
		"POST " + runtime + "invocation/{id}/response": (*life).serveResponse,
		"POST " + runtime + "invocation/{id}/error":    (*life).serveError,
		"POST " + runtime + "init/error":               (*life).serveInitError,
		"GET " + runtime + "restore/next":              (*life).serveRestoreNext,
		"POST " + runtime + "restore/error":            (*life).serveInitError,
		"POST " + extension + "register":               (*life).serveRegister,
		"GET " + extension + "event/next":              (*life).serveExtensionNext,
		"POST " + extension + "init/error":             (*life).serveExtensionError,
		"POST " + extension + "exit/error":             (*life).serveExtensionError,
		"PUT /2020-08-15/logs":                         unsupported("Logs"),
		"PUT /2022-07-01/telemetry":                    unsupported("Telemetry"),
	}
}

// unsupported answers a subscription as Lambda does where there is nothing to
// subscribe to: accepted, with an error inside.
func unsupported(name string) func(*life, http.ResponseWriter, *http.Request) {
	return func(_ *life, w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusAccepted, apiFailure{name + ".NotSupported", name + " API is not supported"})
	}
}

// close ends the server and everybody's requests.
func (a *api) close() {
	if l := a.life.Load(); l != nil {
		l.finish()
	}
	_ = a.server.Close()
	<-a.served
}

// apiFailure is the body of an error.
type apiFailure struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, status int, kind, message string) {
	answer(w, status, apiFailure{kind, message})
}

// answer answers with JSON.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the peer may be gone
}

// accepted answers that something was taken in.
func accepted(w http.ResponseWriter) {
	answer(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

// hangUp ends a request without an answer, as a dying sandbox does.
func hangUp() { panic(http.ErrAbortHandler) }

// readLimited reads a body of at most limit bytes and reports whether it had
// more.
func readLimited(r io.Reader, limit int64) ([]byte, bool, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(body)) > limit {
		return nil, true, err
	}
	return body, false, err
}
