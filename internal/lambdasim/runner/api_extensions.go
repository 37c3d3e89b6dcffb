//go:build linux

package runner

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Headers of the Extensions API.
const (
	headerExtensionName     = "Lambda-Extension-Name"
	headerExtensionID       = "Lambda-Extension-Identifier"
	headerExtensionEvent    = "Lambda-Extension-Event-Identifier"
	headerExtensionFeatures = "Lambda-Extension-Accept-Feature"
	headerExtensionError    = "Lambda-Extension-Function-Error-Type"
)

// extensionEvent is what an extension is told.
type extensionEvent struct {
	EventType          string   `json:"eventType"`
	DeadlineMs         int64    `json:"deadlineMs"`
	RequestID          string   `json:"requestId,omitempty"`
	InvokedFunctionArn string   `json:"invokedFunctionArn,omitempty"`
	Tracing            *tracing `json:"tracing,omitempty"`
	ShutdownReason     string   `json:"shutdownReason,omitempty"`
}

// tracing names an invocation's trace.
type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// registration is the answer to an extension that registers.
type registration struct {
	FunctionName    string `json:"functionName"`
	FunctionVersion string `json:"functionVersion"`
	Handler         string `json:"handler"`
	AccountID       string `json:"accountId,omitempty"`
}

// serveRegister registers an extension: one from /opt/extensions under its
// file's name, or an internal one of the runtime's process.
func (l *life) serveRegister(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Events []string `json:"events"`
	}
	name := r.Header.Get(headerExtensionName)
	body, _, err := readLimited(r.Body, 64<<10)
	switch {
	case name == "":
		refuse(w, http.StatusBadRequest, "Extension.InvalidExtensionName", "Empty extension name")
		return
	case err != nil || len(body) > 0 && json.Unmarshal(body, &in) != nil:
		refuse(w, http.StatusBadRequest, "InvalidRequestFormat", "Invalid registration request")
		return
	}
	external := slices.Contains(l.external, name)
	for _, event := range in.Events {
		if event != eventInvoke && (event != eventShutdown || !external) {
			refuse(w, http.StatusBadRequest, "Extension.InvalidEventType", event+": invalid event type")
			return
		}
	}
	id := newUUID()
	taken := false
	l.change(func() {
		old := l.extensions[name]
		if taken = old != nil && old.id != ""; !taken {
			l.extensions[name] = &extension{id: id, name: name, events: in.Events, external: external}
		}
	})
	if taken {
		refuse(w, http.StatusForbidden, "Extension.AlreadyRegistered", "Extension with this name already registered")
		return
	}
	w.Header().Set(headerExtensionID, id)
	out := registration{FunctionName: l.fn.Name, FunctionVersion: l.fn.Version, Handler: l.fn.Handler}
	if strings.Contains(r.Header.Get(headerExtensionFeatures), "accountId") {
		out.AccountID = l.fn.AccountID
	}
	answer(w, http.StatusOK, out)
}

// identified returns the extension that makes a request, or nil after
// answering that there is none.
func (l *life) identified(w http.ResponseWriter, r *http.Request) *extension {
	id := r.Header.Get(headerExtensionID)
	if id == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.extensions {
		if e.id == id {
			return e
		}
	}
	refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	return nil
}

// serveExtensionNext hands an extension its next event.
func (l *life) serveExtensionNext(w http.ResponseWriter, r *http.Request) {
	e := l.identified(w, r)
	if e == nil {
		return
	}
	l.change(func() { e.polling = true })
	var event extensionEvent
	err := l.wait(r.Context(), func() (bool, error) {
		if len(e.queue) == 0 {
			return false, nil
		}
		event, e.queue, e.polling = e.queue[0], e.queue[1:], false
		return true, nil
	})
	if err != nil {
		l.change(func() { e.polling = false })
		hangUp()
	}
	w.Header().Set(headerExtensionEvent, newUUID())
	answer(w, http.StatusOK, event)
}

// serveExtensionError takes in why an extension can't go on.
func (l *life) serveExtensionError(w http.ResponseWriter, r *http.Request) {
	if l.identified(w, r) == nil {
		return
	}
	body, _, err := readLimited(r.Body, 256<<10)
	if err != nil {
		hangUp()
	}
	kind := r.Header.Get(headerExtensionError)
	if kind == "" {
		refuse(w, http.StatusBadRequest, "Extension.MissingHeader", "Missing "+headerExtensionError+" header")
		return
	}
	l.change(func() {
		if l.initFailure == nil {
			l.initFailure = &failure{kind: kind, payload: body, reason: "FAILURE"}
		}
	})
	accepted(w)
}
