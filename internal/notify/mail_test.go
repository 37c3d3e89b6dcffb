package notify

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// mailServer is a mail server on this machine.
type mailServer struct {
	t        *testing.T
	listener net.Listener
	tls      *tls.Config       // for STARTTLS; nil doesn't offer it
	auth     string            // the ways it offers once the connection is private, such as "PLAIN LOGIN"
	answers  map[string]string // by verb, or by whole command
	endless  *string           // the verb whose answer it repeats for ever; "" is the greeting

	ended    chan struct{}
	commands []string
	login    string
	secure   bool // the message came over TLS
	data     []byte
	said     int // bytes of the endless answer
}

func startMail(t *testing.T, s *mailServer) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.listener, s.ended = t, listener, make(chan struct{})
	go func() {
		defer close(s.ended)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.serve(conn)
	}()
	t.Cleanup(func() {
		listener.Close()
		<-s.ended
	})
}

func (s *mailServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *mailServer) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	text := textproto.NewConn(conn)
	reply := func(format string, args ...any) { _ = text.PrintfLine(format, args...) }
	if s.endless != nil && *s.endless == "" {
		s.babble(text, "220-mail.test")
		return
	}
	reply("220 mail.test")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		s.commands = append(s.commands, line)
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		answer, ok := s.answers[line]
		if !ok {
			answer, ok = s.answers[verb]
		}
		if s.endless != nil && *s.endless == verb {
			s.babble(text, answer)
			return
		}
		if ok {
			reply("%s", answer)
			continue
		}
		switch verb {
		case "EHLO":
			s.greet(reply)
		case "STARTTLS":
			reply("220 go")
			conn = tls.Server(conn, s.tls)
			text, s.secure = textproto.NewConn(conn), true
		case "AUTH":
			s.readLogin(text, line, reply)
		case "DATA":
			reply("354 go")
			s.data, err = io.ReadAll(text.DotReader())
			if err != nil {
				s.t.Error(err)
			}
			reply("250 ok")
		case "QUIT":
			reply("221 bye")
			return
		default:
			reply("250 ok")
		}
	}
}

// babble repeats a line until nobody reads it, or there was more than anybody should have read.
func (s *mailServer) babble(text *textproto.Conn, line string) {
	for s.said < 64<<20 {
		if err := text.PrintfLine("%s%s", line, strings.Repeat("x", 1000)); err != nil {
			return
		}
		s.said += len(line) + 1000
	}
}

func (s *mailServer) greet(reply func(string, ...any)) {
	reply("250-mail.test")
	if s.tls != nil && !s.secure {
		reply("250-STARTTLS")
	}
	if s.auth != "" {
		reply("250-AUTH %s", s.auth)
	}
	reply("250 SIZE 1000000")
}

func (s *mailServer) readLogin(text *textproto.Conn, line string, reply func(string, ...any)) {
	parts := strings.Fields(line)
	s.login = parts[1]
	for _, asked := range []string{"Username:", "Password:"} {
		if parts[1] == "PLAIN" {
			decoded, _ := base64.StdEncoding.DecodeString(parts[2])
			s.login += " " + string(decoded)
			break
		}
		reply("334 %s", base64.StdEncoding.EncodeToString([]byte(asked)))
		answer, err := text.ReadLine()
		if err != nil {
			return
		}
		decoded, _ := base64.StdEncoding.DecodeString(answer)
		s.login += " " + string(decoded)
	}
	reply("235 ok")
}

// certified returns a certificate for 127.0.0.1 and a notifier that trusts it.
func certified(t *testing.T) (*tls.Config, *Notifier) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}, newNotifier(t, Config{Roots: roots(s)})
}

func mailTo(port int, login api.Login) api.AlertTarget {
	return api.AlertTarget{Email: &api.EmailTarget{Login: login, Settings: api.AlertEmail{
		SMTPAddress: "127.0.0.1", Port: port, From: "Autodefend <alerts@example.com>", Recipients: []string{"a@example.com", "Bé <b@example.com>"},
	}}}
}

func TestMail(t *testing.T) {
	for _, way := range []string{"PLAIN LOGIN", "LOGIN"} {
		t.Run(way, func(t *testing.T) {
			config, n := certified(t)
			s := &mailServer{tls: config, auth: way}
			startMail(t, s)
			if err := n.Send(t.Context(), mailTo(s.port(), api.Login{User: "ann", Password: "pw"}), runtimeAlert("a1", "a2")); err != nil {
				t.Fatal(err)
			}
			<-s.ended
			want := []string{"EHLO console.test", "STARTTLS", "EHLO console.test", "AUTH", "MAIL FROM:<alerts@example.com>", "RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", "QUIT"}
			for i, c := range s.commands {
				if i >= len(want) || !strings.HasPrefix(c, want[i]) {
					t.Errorf("command %d is %q", i, c)
				}
			}
			if !s.secure || s.login != "PLAIN \x00ann\x00pw" && s.login != "LOGIN ann pw" {
				t.Errorf("login %q, over TLS: %t", s.login, s.secure)
			}
			m, err := mail.ReadMessage(bytes.NewReader(s.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != "Serverless Runtime stopped in orders (eu-west-1): explicitlyDeniedProcess" {
				t.Errorf("subject %q, %v", subject, err)
			}
			if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Name != "Bé" {
				t.Errorf("to %v, %v", to, err)
			}
			if !bytes.Contains(s.data, []byte("/usr/bin/curl launched and denied")) {
				t.Errorf("body %s", s.data)
			}
		})
	}
}

func TestMailWithoutTLS(t *testing.T) {
	// On this machine only: elsewhere the test's server would have to be elsewhere too, so the rule is asked directly.
	s := &mailServer{}
	startMail(t, s)
	if err := newNotifier(t, Config{}).Send(t.Context(), mailTo(s.port(), api.Login{}), runtimeAlert("a")); err != nil {
		t.Errorf("on loopback: %v", err)
	}
	for _, remote := range []string{"203.0.113.1:25", "10.0.0.1:25", "[2606:4700::1]:25"} {
		conn, other := net.Pipe()
		go func() {
			r := bufio.NewReader(other)
			fmt.Fprint(other, "220 x\r\n")
			for range 2 {
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
				fmt.Fprint(other, "250-x\r\n250 AUTH PLAIN\r\n")
			}
		}()
		client, err := newNotifier(t, Config{}).greet(conn, "mail.example.com")
		if err != nil {
			t.Fatal(err)
		}
		at, err := net.ResolveTCPAddr("tcp", remote)
		if err != nil {
			t.Fatal(err)
		}
		if err := startTLS(client, &tls.Config{}, at); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%s: %v", remote, err)
		}
		conn.Close()
		other.Close()
	}
}

func TestMailRefused(t *testing.T) {
	tests := []struct {
		verb, answer string
		code         autodefend.Code
	}{
		{"AUTH", "535 no, user ann with pw is unknown", autodefend.CodeDenied},
		{"RCPT", "550 secret internal detail", autodefend.CodeInvalid},
		{"MAIL", "451 later", autodefend.CodeUnavailable},
		{"DATA", "554 spam", autodefend.CodeInvalid},
		{"EHLO", "421 busy", autodefend.CodeUnavailable},
	}
	for _, tt := range tests {
		config, n := certified(t)
		s := &mailServer{tls: config, auth: "PLAIN", answers: map[string]string{tt.verb: tt.answer}}
		if tt.verb == "EHLO" {
			s.answers["HELO"] = tt.answer
		}
		startMail(t, s)
		err := n.Send(t.Context(), mailTo(s.port(), api.Login{User: "ann", Password: "pw"}), runtimeAlert("a"))
		if autodefend.ErrorCode(err) != tt.code || err == nil || !strings.Contains(err.Error(), tt.answer[:3]) {
			t.Errorf("%s: %v, want code %s", tt.verb, err, tt.code)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pw")) {
			t.Errorf("%s: the error tells too much: %v", tt.verb, err)
		}
	}
	s := &mailServer{auth: "CRAM-MD5"}
	startMail(t, s)
	if err := newNotifier(t, Config{}).Send(t.Context(), mailTo(s.port(), api.Login{User: "a"}), runtimeAlert("a")); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("no way to log in: %v", err)
	}
}

// TestOneDeadMailbox: the other recipients get their mail, and the error tells of the one that doesn't.
func TestOneDeadMailbox(t *testing.T) {
	const first, second = "RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>"
	for name, tt := range map[string]struct {
		answers map[string]string
		sent    bool
		want    string
	}{
		"the first":       {map[string]string{first: "550 no such secret"}, true, "the mail server refuses 1 of 2 recipients: a@example.com (550)"},
		"the second":      {map[string]string{second: "551 gone"}, true, "the mail server refuses 1 of 2 recipients: b@example.com (551)"},
		"both":            {map[string]string{first: "550 gone", second: "551 gone"}, false, "the mail server answered 550"},
		"busy, not dead":  {map[string]string{first: "550 gone", second: "451 later"}, false, "the mail server answered 451"},
		"not the message": {map[string]string{first: "550 gone", "DATA": "554 spam"}, false, "the mail server answered 554"},
	} {
		t.Run(name, func(t *testing.T) {
			config, n := certified(t)
			s := &mailServer{tls: config, answers: tt.answers}
			startMail(t, s)
			err := n.Send(t.Context(), mailTo(s.port(), api.Login{}), runtimeAlert("a"))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			var delivered interface{ Delivered() }
			if errors.As(err, &delivered) != tt.sent {
				t.Errorf("delivered: %t, want %t: %v", !tt.sent, tt.sent, err)
			}
			<-s.ended
			if (len(s.data) > 0) != tt.sent {
				t.Errorf("the server has %d bytes of the message", len(s.data))
			}
		})
	}
}

// TestAMailServerThatNeverEnds: what a server says is bounded, before and after the connection is private.
func TestAMailServerThatNeverEnds(t *testing.T) {
	for _, verb := range []string{"", "EHLO", "MAIL", "RCPT", "DATA"} {
		t.Run("after "+verb, func(t *testing.T) {
			config, n := certified(t)
			s := &mailServer{tls: config, endless: &verb, answers: map[string]string{}}
			if verb != "" {
				s.answers[verb] = "250-more"
			}
			startMail(t, s)
			err := n.Send(t.Context(), mailTo(s.port(), api.Login{}), runtimeAlert("a"))
			if autodefend.ErrorCode(err) != autodefend.CodeUnavailable || !strings.Contains(err.Error(), "too much") {
				t.Errorf("error %v", err)
			}
			<-s.ended
			if s.said > 16<<20 {
				t.Errorf("it could say %d bytes", s.said)
			}
		})
	}
}

// checkMail reads a message as a mail reader does and finds no header that wasn't meant.
func checkMail(t *testing.T, alert api.Alert) {
	t.Helper()
	n := newNotifier(t, Config{})
	message, err := n.message(mailTo(25, api.Login{}).Email.Settings, alert)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.SplitAfter(message, []byte("\n")) {
		if len(line) > 0 && !bytes.HasSuffix(line, []byte("\r\n")) {
			t.Fatalf("a line ends in %q", line)
		}
	}
	if i := bytes.IndexFunc(message, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' || r > 0x7e }); i >= 0 {
		t.Fatalf("byte %q in %q", message[i], message)
	}
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, values := range m.Header {
		names = append(names, name+strconv.Itoa(len(values)))
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "Auto-Submitted1 Content-Transfer-Encoding1 Content-Type1 Date1 From1 Message-Id1 Mime-Version1 Subject1 To1" {
		t.Fatalf("headers %s", got)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || strings.ContainsAny(subject, "\r\n\x00") {
		t.Fatalf("subject %q, %v", subject, err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 {
		t.Fatalf("to %v, %v", to, err)
	}
}

func TestMailOfHostileTexts(t *testing.T) {
	for _, text := range hostileTexts() {
		checkMail(t, hostileAlert(text))
	}
}

func FuzzMail(f *testing.F) {
	for _, text := range hostileTexts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkMail(t, hostileAlert(text)) })
}
