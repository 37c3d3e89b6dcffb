package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

const (
	// extensionRetry is the pause before something that failed is tried again.
	extensionRetry = time.Second
	// maxExtensionAnswer bounds what is read of one answer of Lambda, in bytes.
	maxExtensionAnswer = 64 << 10
)

// Extension is an external extension that only wants to know of the sandbox's end.
type Extension struct {
	// Name is the file in /opt/extensions that Lambda has started; a directory before it is ignored.
	Name string
	// API is host:port of the Extensions API, which is also the Runtime API's.
	API string
	Log *slog.Logger
}

// RunExtension is the whole life of an extension: it registers, waits, calls onShutdown when Lambda shuts the sandbox
// down, and returns nil. The only error is that of ctx.
//
// What surprises in the protocol:
//   - A function without an extension gets SIGKILL and no time at all. With one, its runtime gets SIGTERM first. That is
//     why this one exists.
//   - The name must be that of the file, or Lambda takes the caller for another, internal extension, and waits for the
//     external one until the function's start times out.
//   - The start isn't complete before every extension polls for its first event. So nothing is done before the poll.
//   - The poll lasts as long as the sandbox, frozen for hours in between: it has no timeout.
//   - The end of an extension before the shutdown ends the function. So no error ends this one: after what may pass it
//     tries again each second, after anything else it waits for ctx.
//   - SHUTDOWN is the only event to ask for on every kind of compute, and INVOKE would make each invocation wait for us.
func RunExtension(ctx context.Context, extension Extension, onShutdown func()) error {
	transport := &http.Transport{DisableCompression: true} // and no proxy: those variables are the customer's
	defer transport.CloseIdleConnections()
	return runExtension(ctx, extension, onShutdown, transport)
}

func runExtension(ctx context.Context, extension Extension, onShutdown func(), transport http.RoundTripper) error {
	if extension.Log == nil {
		extension.Log = slog.New(slog.DiscardHandler)
	}
	l := &extensionLoop{Extension: extension, client: http.Client{Transport: transport}}
	for {
		event, err := l.step(ctx)
		if event == "SHUTDOWN" {
			onShutdown()
			return nil
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			l.Log.Warn("Extensions API", "error", err.Error())
		}
		var again <-chan time.Time
		if !errors.Is(err, errExtensionRefused) {
			again = time.After(extensionRetry)
		}
		select {
		case <-again:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errExtensionRefused = errors.New("refused")

// extensionLoop is an extension and, once registered, the identifier that Lambda has given it.
type extensionLoop struct {
	Extension
	client     http.Client
	identifier string
}

// step registers, or polls for one event and returns its type.
func (l *extensionLoop) step(ctx context.Context) (string, error) {
	if l.API == "" {
		return "", fmt.Errorf("no address: %w", errExtensionRefused)
	}
	if l.identifier == "" {
		header, _, err := l.call(ctx, http.MethodPost, "register", "Lambda-Extension-Name", filepath.Base(l.Name), `{"events":["SHUTDOWN"]}`)
		if err != nil {
			return "", err
		}
		if l.identifier = header.Get("Lambda-Extension-Identifier"); l.identifier == "" {
			return "", fmt.Errorf("register: no identifier: %w", errExtensionRefused)
		}
		return "", nil
	}
	_, body, err := l.call(ctx, http.MethodGet, "event/next", "Lambda-Extension-Identifier", l.identifier, "")
	if err != nil {
		return "", err
	}
	var event struct {
		Type string `json:"eventType"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return "", fmt.Errorf("event/next: %w", err)
	}
	return event.Type, nil
}

// call makes one request with one field and gives the answer to a 2xx.
func (l *extensionLoop) call(ctx context.Context, method, path, field, value, body string) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+l.API+"/2020-01-01/extension/"+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %w", path, errExtensionRefused, err)
	}
	request.Header.Set(field, value)
	response, err := l.client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxExtensionAnswer))
	switch {
	case response.StatusCode >= 400 && response.StatusCode < 500:
		return nil, nil, fmt.Errorf("%s: status %d: %w", path, response.StatusCode, errExtensionRefused)
	case response.StatusCode/100 != 2:
		return nil, nil, fmt.Errorf("%s: status %d", path, response.StatusCode)
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return response.Header, answer, nil
}
