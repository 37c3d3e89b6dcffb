//go:build linux

package endtoend

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim/runner"
)

// outcome is what a function's owner sees of an invocation.
type outcome struct {
	Payload, ContentType, FunctionError, ErrorType string
	Streamed                                       bool
	Log                                            string
}

// outcomeOf leaves out what differs from one invocation to the next, and the Defender's own lines.
func outcomeOf(r runner.Result) outcome {
	o := outcome{string(r.Payload), r.ContentType, r.FunctionError, r.ErrorType, r.Streamed, timeless(withoutOurs(r.Log))}
	const readable = 4 << 10
	if len(o.Payload) > readable {
		o.Payload = fmt.Sprintf("%d bytes, SHA-256 %x, from %q", len(o.Payload), sha256.Sum256(r.Payload), o.Payload[:100])
	}
	return o
}

var (
	moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`)
	amounts = regexp.MustCompile(`\b\d+(\.\d+)? (ms|MB)\b`)
)

// timeless takes times and amounts out of a log.
func timeless(log []byte) string {
	return string(amounts.ReplaceAll(moments.ReplaceAll(log, []byte("TIME")), []byte("N $2")))
}

// withoutOurs takes the Defender's lines out of a log.
func withoutOurs(log []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(log) {
		var ours struct {
			Time    string `json:"time"`
			Version string `json:"version"`
			Msg     string `json:"msg"`
		}
		if json.Unmarshal(line, &ours) != nil || ours.Time == "" || ours.Version == "" || ours.Msg == "" {
			kept = append(kept, line...)
		}
	}
	return kept
}

// paths are those for which the handlers have answers of their own; the last one ends the runtime.
func paths() []string {
	return []string{"/items", "/large", "/binary", "/unicode", "/error", "/log", "/none", "/file", "/exit"}
}

// ordinary are events that nobody minds.
func ordinary(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for _, from := range triggers() {
		all = append(all, bytesOf(t, from.carry("a book of 42 tales: “O'Reilly & sons”, 100 % čaj 🐎")))
	}
	for _, event := range []string{"42", "null", "[]", `"text"`, `{ "spaces" : [ 1.50, 1e3 ] }`} {
		all = append(all, []byte(event))
	}
	all = append(all, large(t, "/none", ""))
	for _, path := range paths() {
		all = append(all, bytesOf(t, urlRequest("POST", path, "application/json", `{"title":"a book"}`)))
	}
	return all
}

// large is an event of nearly 6 MB.
func large(t *testing.T, path, beginning string) []byte {
	t.Helper()
	body := beginning + strings.Repeat("All work and no play makes Jack a dull boy. ", 5_900_000/44)
	return bytesOf(t, urlRequest("POST", path, "text/plain", body))
}

// TestNothingChanges runs functions with and without the Defender on events that nobody minds.
func TestNothingChanges(t *testing.T) {
	eachLanguage(t, func(t *testing.T, l language, profile runner.Profile) {
		same(t, l, profile, ordinary(t))
	})
}

// TestStreamsAreTheSame does it with a handler that streams its answers, to the end, to an error, and to the end of the
// process.
func TestStreamsAreTheSame(t *testing.T) {
	var events [][]byte
	for _, path := range []string{"/parts", "/large", "/http", "/fail", "/items", "/cut"} {
		events = append(events, bytesOf(t, urlRequest("GET", path, "text/plain", "")))
	}
	l := language{"nodejs22.x", "index.stream", "index.js"}
	for _, profile := range runner.Profiles() {
		t.Run(string(profile), func(t *testing.T) {
			f := same(t, l, profile, events)
			r := f.invoke(bytesOf(t, httpAPI(attacks()[0].text)))
			if all := audits(r.Log); saw(r) || len(all) == 0 {
				t.Errorf("an attack is answered with %s", r.Payload)
			} else {
				forbidden(t, refused{r, all[0].EventID})
			}
		})
	}
}

// same compares the answers to events and returns the function that has a Defender.
func same(t *testing.T, l language, profile runner.Profile, events [][]byte) *function {
	t.Helper()
	bare, protected := start(t, l, profile, ""), start(t, l, profile, encoded(t, rule(autodefend.Prevent, onQueue)))
	for _, event := range events {
		want, got := bare.invoke(event), protected.invoke(event)
		if diff := cmp.Diff(outcomeOf(want), outcomeOf(got)); diff != "" {
			t.Errorf("the answer to %.80s (-without +with):\n%s", event, diff)
		}
		if !saw(got) && want.RequestID != "" && saw(want) {
			t.Errorf("the handler doesn't see %.80s", event)
		}
		for _, a := range audits(got.Log) {
			if a.Type != autodefend.ClassLimitExceeded {
				t.Errorf("an alarm about %.80s: %s", event, a.Msg)
			}
		}
	}
	return protected
}
