package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/event"
)

func TestEventReader(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"lines", "{\"a\":1}\n[2]\n\"x\"\n", "1:{\"a\":1} 2:[2] 3:\"x\" EOF"},
		{"no newline at the end", "{}\n{}", "1:{} 2:{} EOF"},
		{"blank lines", "\n\n{}\r\n\n  {}\n\n", "3:{} 5:{} EOF"},
		{"several on a line", "{} {}{}\n{}", "1:{} 1:{} 1:{} 2:{} EOF"},
		{"over several lines", "{\n\"a\":\n1}\n{}\n", "1:{\n\"a\":\n1} 4:{} EOF"},
		{"nothing", " \n\n", "EOF"},
		{"broken", "{}\n\n{\"a\":}\n{}", "1:{} line 3 isn't JSON: invalid character '}' looking for beginning of value"},
		{"broken, over several lines", "{}\n{\n\"a\" 1}", "1:{} line 3 isn't JSON: invalid character '1' after object key"},
		{"text", "GET / HTTP/1.1\n", "line 1 isn't JSON: invalid character 'G' looking for beginning of value"},
		{"text behind", "{}\n{}\nx", "1:{} 2:{} line 3 isn't JSON: invalid character 'x' looking for beginning of value"},
		{"cut", "{}\n{\"a\":\n", "1:{} line 2 isn't JSON: it ends in the middle of a value"},
		{"cut in a word", "{}\ntru", "1:{} line 2 isn't JSON: it ends in the middle of a value"},
	} {
		for _, reader := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text))} {
			if got := readAll(newEventReader(reader)); got != tt.want {
				t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
			}
		}
	}
	r := newEventReader(iotest.ErrReader(errors.New("the disk is gone")))
	if _, err := r.next(); err == nil || !strings.Contains(err.Error(), "the events can't be read: the disk is gone") {
		t.Errorf("error %v", err)
	}
}

// readAll reads all events and tells how it ended.
func readAll(r *eventReader) string {
	var all []string
	for {
		e, err := r.next()
		if errors.Is(err, io.EOF) {
			err = io.EOF
		}
		if err != nil {
			return strings.Join(append(all, err.Error()), " ")
		}
		all = append(all, fmt.Sprintf("%d:%s", e.Line, e.Data))
	}
}

// TestLongEvents: lines are counted over many buffers.
func TestLongEvents(t *testing.T) {
	const n = 500
	line := `{"text":"` + strings.Repeat("x", 900) + `"}` + "\n"
	r := newEventReader(strings.NewReader(strings.Repeat(line, n) + "?"))
	for i := range n {
		if e, err := r.next(); err != nil || e.Line != i+1 || len(e.Data) != len(line)-1 {
			t.Fatalf("event %d: line %d, %v", i+1, e.Line, err)
		}
	}
	if _, err := r.next(); err == nil || !strings.Contains(err.Error(), "line 501 isn't JSON") {
		t.Errorf("error %v", err)
	}
}

// TestPoliciesKnowTriggers: a policy has a switch for each trigger that events are told apart by, and what comes back
// isn't refused unless it says so.
func TestPoliciesKnowTriggers(t *testing.T) {
	names := policy.WAASTriggers()
	if len(names) != len(event.Triggers()) {
		t.Errorf("%d triggers in policies, %d of events", len(names), len(event.Triggers()))
	}
	for i, trigger := range event.Triggers() {
		if i < len(names) && names[i] != string(trigger) {
			t.Errorf("trigger %d is %s in policies, %s of events", i, names[i], trigger)
		}
		if effect := policy.DefaultTriggerEffect(string(trigger)); (effect == "prevent") == trigger.Queue() {
			t.Errorf("%s: at most %s", trigger, effect)
		}
	}
}
