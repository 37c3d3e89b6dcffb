package notify

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// header is that of RFC 5424.
func header() *regexp.Regexp {
	return regexp.MustCompile(`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)
}

// parseSyslog reads a message as RFC 5424 says and returns its parameters and text.
func parseSyslog(t *testing.T, message string) (map[string]string, string) {
	t.Helper()
	m := header().FindString(message)
	rest := message[len(m):]
	if m == "" || !strings.HasPrefix(rest, "["+structuredID+" ") {
		t.Fatalf("message %q", message)
	}
	rest = rest[len(structuredID)+1:]
	params := make(map[string]string)
	for strings.HasPrefix(rest, " ") {
		name, value, ok := strings.Cut(rest[1:], `="`)
		if !ok || !regexp.MustCompile(`^[A-Za-z]{1,32}$`).MatchString(name) {
			t.Fatalf("parameter at %q", rest)
		}
		var b strings.Builder
		i := 0
		for ; i < len(value) && value[i] != '"'; i++ {
			if value[i] == ']' {
				t.Fatalf("an unescaped ] in %q", value)
			}
			if value[i] == '\\' {
				i++
			}
			b.WriteByte(value[i])
		}
		params[name], rest = b.String(), value[i+1:]
	}
	text, ok := strings.CutPrefix(rest, "] \ufeff")
	if !ok || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		t.Fatalf("text %q", rest)
	}
	return params, text
}

func TestSyslogRecord(t *testing.T) {
	n := newNotifier(t, Config{})
	message, err := n.record("", runtimeAlert("a1"), runtimeAudit("a1"))
	if err != nil {
		t.Fatal(err)
	}
	params, text := parseSyslog(t, message)
	if !strings.HasPrefix(message, "<131>1 2026-11-22T12:00:00.123Z console.test autodefend - serverless_runtime_audit [") {
		t.Errorf("message %s", message)
	}
	if text != "/usr/bin/curl launched and denied" || params["function"] != "orders" || params["rule"] != "strict" || params["id"] != "a1" {
		t.Errorf("%v %q", params, text)
	}
	message, err = n.record(api.AlertOCSF, firewallAlert(), firewallAudit("f1"))
	if err != nil {
		t.Fatal(err)
	}
	_, text = parseSyslog(t, message)
	var f ocsfFinding
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.ClassUID != 2004 || !strings.Contains(message, " serverless_app_firewall_audit ") {
		t.Errorf("%v: %s", err, message)
	}
}

// readCounted reads messages as RFC 6587 counts them, until the connection ends.
func readCounted(conn net.Conn) ([]string, error) {
	defer conn.Close()
	var all []string
	r := bufio.NewReader(conn)
	for {
		size, err := r.ReadString(' ')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		n, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return all, err
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(r, message); err != nil {
			return all, err
		}
		all = append(all, string(message))
	}
}

func TestSyslogOverTCPAndTLS(t *testing.T) {
	for _, protocol := range []string{"tcp", "tls", ""} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		config, n := certified(t)
		if protocol != "tcp" {
			listener = tls.NewListener(listener, config)
		}
		type result struct {
			messages []string
			err      error
		}
		got := make(chan result, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				got <- result{nil, err}
				return
			}
			messages, err := readCounted(conn)
			got <- result{messages, err}
		}()
		to := api.AlertTarget{Syslog: &api.AlertSyslog{Address: listener.Addr().String(), Protocol: protocol}}
		if err := n.Send(t.Context(), to, runtimeAlert("a1", "a2")); err != nil {
			t.Errorf("%s: %v", protocol, err)
		}
		r := <-got
		if r.err != nil || len(r.messages) != 2 {
			t.Fatalf("%s: %d messages, %v", protocol, len(r.messages), r.err)
		}
		if params, _ := parseSyslog(t, r.messages[1]); params["id"] != "a2" {
			t.Errorf("%s: %v", protocol, params)
		}
		listener.Close()
	}
}

func TestSyslogOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n := newNotifier(t, Config{})
	alert := runtimeAlert("a1", "a2")
	alert.Audits[1].Msg = strings.Repeat("é", 20000)
	to := api.AlertTarget{Syslog: &api.AlertSyslog{Address: conn.LocalAddr().String(), Protocol: "udp"}}
	if err := n.Send(t.Context(), to, alert); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		size, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if size > maxDatagram {
			t.Errorf("a datagram of %d bytes", size)
		}
		parseSyslog(t, string(buf[:size]))
	}
}

func TestSyslogNeedsPrivacy(t *testing.T) {
	n := New(Config{})
	for _, protocol := range []string{"udp", "tcp"} {
		err := n.Send(t.Context(), api.AlertTarget{Syslog: &api.AlertSyslog{Address: "8.8.8.8:514", Protocol: protocol}}, runtimeAlert("a"))
		if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), "without encryption") {
			t.Errorf("%s: %v", protocol, err)
		}
	}
	if err := n.Send(t.Context(), api.AlertTarget{Syslog: &api.AlertSyslog{Address: "8.8.8.8:514", Protocol: "http"}}, runtimeAlert("a")); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("unknown protocol: %v", err)
	}
}

func FuzzSyslog(f *testing.F) {
	for _, text := range hostileTexts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := newNotifier(t, Config{})
		n.hostname = text
		alert := hostileAlert(text)
		for _, format := range []api.AlertFormat{"", api.AlertOCSF, api.AlertASFF} {
			message, err := n.record(format, alert, alert.First())
			if err != nil {
				t.Fatal(err)
			}
			params, _ := parseSyslog(t, message)
			for name := range params {
				if !strings.Contains("id profile function functionID accountID region runtime rule type attackType effect severity requestID test", name) {
					t.Fatalf("parameter %q of %q", name, message)
				}
			}
			if cut := cutBytes(message, 200); len(cut) > 200 || !utf8.ValidString(cut) {
				t.Fatalf("cut to %d bytes", len(cut))
			}
		}
	})
}
