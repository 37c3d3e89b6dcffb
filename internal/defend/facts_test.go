package defend

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/autodefend/autodefend/internal/policy"
)

func TestMainProcess(t *testing.T) {
	python := Runtime{Path: "/var/lang/bin/python3", Args: []string{"python3", "/var/runtime/bootstrap.py"}}
	script := Runtime{Path: "/var/runtime/bootstrap", Args: []string{"/var/runtime/bootstrap"}, Script: true}
	chained := python
	chained.Chained = true
	type step struct {
		pid  int
		exec string // path and arguments
		want bool
	}
	tests := []struct {
		name    string
		runtime Runtime
		pid     int // 0: the start itself is judged, before the wrapper can tell the process
		execed  bool
		steps   []step
	}{
		{"judged start", python, 0, true, []step{
			{9, "/var/lang/bin/python3 /var/runtime/bootstrap.py", true},
			{9, "/bin/sh", false},
			{10, "/bin/sh", false},
			{11, "/var/lang/bin/python3 /var/runtime/bootstrap.py", true},
			{11, "/var/lang/bin/python3 -c evil", false},
		}},
		{"unjudged start", python, 9, false, []step{
			{9, "/bin/sh", false},
			{9, "/var/lang/bin/python3 /var/runtime/bootstrap.py", true},
		}},
		{"unjudged start that is told late", python, 0, false, []step{
			{9, "/bin/sh", false},
			{9, "/var/lang/bin/python3 /var/runtime/bootstrap.py", true},
		}},
		{"script", script, 0, true, []step{
			{9, "/var/runtime/bootstrap", true},
			{9, "/var/lang/bin/node index.mjs", true},
			{10, "/usr/bin/dirname x", false},
			{12, "/var/lang/bin/node index.mjs", true},
			{12, "/var/lang/bin/node other.mjs", false},
		}},
		{"owner's wrapper", chained, 9, false, []step{
			{9, "/opt/datadog_wrapper /var/lang/bin/python3 /var/runtime/bootstrap.py", true},
			{10, "/usr/bin/env", false},
			{9, "/var/lang/bin/python3 /var/runtime/bootstrap.py", true},
			{9, "/bin/sh", false},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMainProcess(tt.runtime)
			m.starting(tt.execed)
			if tt.pid != 0 {
				m.started(tt.pid)
			}
			for i, s := range tt.steps {
				args := strings.Fields(s.exec)
				e := policy.Event{Kind: policy.Exec, Process: policy.Process{PID: s.pid}, Program: policy.Program{Path: args[0], Args: args}}
				if got := m.starts(e, false); got != s.want {
					t.Errorf("step %d, %q by %d: %v", i, s.exec, s.pid, got)
				}
				if tt.pid == 0 && i == 0 {
					m.started(s.pid)
				}
			}
		})
	}
	m := newMainProcess(script)
	m.starting(true)
	m.started(9)
	e := policy.Event{Kind: policy.Exec, Process: policy.Process{PID: 9}, Program: policy.Program{Path: "/bin/sh", Args: []string{"sh"}}}
	if m.starts(e, true) {
		t.Error("after the first poll another program is taken for the runtime")
	}
}

func TestLearntIsBounded(t *testing.T) {
	l := newLearnt()
	for i := range learntMax + 10 {
		var raw [4]byte
		binary.BigEndian.PutUint32(raw[:], uint32(i))
		l.add([]netip.Addr{netip.AddrFrom4(raw)}, learntMin+time.Duration(i)*time.Second, start)
	}
	if len(l.until) != learntMax {
		t.Errorf("%d addresses, want %d", len(l.until), learntMax)
	}
	if l.has(netip.AddrFrom4([4]byte{}), start) {
		t.Error("the one that ends first wasn't the one to be forgotten")
	}
	addr := netip.MustParseAddr("2001:db8::1")
	l.add([]netip.Addr{addr}, 365*24*time.Hour, start)
	if !l.has(addr, start.Add(learntLongest-1)) || l.has(addr, start.Add(learntLongest)) {
		t.Error("an address isn't remembered for its time")
	}
}

func TestScrub(t *testing.T) {
	s := newScrubber([]string{"TOKEN=secret-value", "LONGER=secret-value-2", "SHORT=abc", "DIR=/var/task", "AWS_REGION=eu-west-1", "AWS_SESSION_TOKEN=IQoJb3JpZ2lu", "BARE", "EMPTY="})
	tests := []struct{ in, want string }{
		{"curl -H secret-value", "curl -H $TOKEN"},
		{"x=secret-value-2;", "x=$LONGER;"},
		{"abc /var/task eu-west-1", "abc /var/task eu-west-1"},
		{"IQoJb3JpZ2lu", "$AWS_SESSION_TOKEN"},
		{strings.Repeat("ä", 600), strings.Repeat("ä", 512)},
		{"x" + strings.Repeat("ä", 600), "x" + strings.Repeat("ä", 511)},
	}
	for _, tt := range tests {
		if got := s.command(tt.in); got != tt.want {
			t.Errorf("%.40q became %.40q, want %.40q", tt.in, got, tt.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("äöü", 3)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 0 {
			return
		}
		got := cut(text, limit)
		if len(got) > limit && len(text) > limit || !strings.HasPrefix(text, got) {
			t.Errorf("cut(%q, %d) = %q", text, limit, got)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("cut(%q, %d) = %q, which isn't text", text, limit, got)
		}
	})
}
