package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	submissionPort = 587
	implicitTLS    = 465 // the port on which TLS comes first
	// maxReplies bounds all that a mail server says to one message, in bytes. A reply may have any number of lines, and is
	// kept until its last one.
	maxReplies = 256 << 10
)

// briefConn is a connection whose other side may say so much and no more. Only one goroutine may read it.
type briefConn struct {
	net.Conn
	left int // bytes
}

// Read reads what there is, as long as there's some left of what may be said.
func (c *briefConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, autodefend.Errorf(autodefend.CodeUnavailable, "the mail server says too much").WithHint("check the address and the port")
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// mail sends an alert by a mail server.
func (n *Notifier) mail(ctx context.Context, to api.EmailTarget, alert api.Alert) error {
	message, err := n.message(to.Settings, alert)
	if err != nil {
		return err
	}
	client, stop, err := n.mailServer(ctx, to.Settings)
	if err != nil {
		return err
	}
	defer stop()
	return submit(client, to, message)
}

// mailServer connects to a mail server and makes the connection private. The function ends the connection.
func (n *Notifier) mailServer(ctx context.Context, settings api.AlertEmail) (*smtp.Client, func(), error) {
	port := settings.Port
	if port == 0 {
		port = submissionPort
	}
	conn, err := n.guard.dial(ctx, public, "tcp", net.JoinHostPort(settings.SMTPAddress, strconv.Itoa(port)))
	if err != nil {
		return nil, nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	stop := func() {
		release()
		_ = conn.Close()
	}
	config := &tls.Config{ServerName: settings.SMTPAddress, MinVersion: tls.VersionTLS12, RootCAs: n.roots}
	var talk net.Conn = &briefConn{Conn: conn, left: maxReplies}
	if port == implicitTLS {
		talk = tls.Client(talk, config)
	}
	client, err := n.greet(talk, settings.SMTPAddress)
	if err == nil && port != implicitTLS {
		err = startTLS(client, config, conn.RemoteAddr())
	}
	if err != nil {
		stop()
		return nil, nil, mailError(err)
	}
	return client, stop, nil
}

func (n *Notifier) greet(conn net.Conn, host string) (*smtp.Client, error) {
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, err
	}
	return client, client.Hello(clean(n.hostname, 200))
}

// startTLS makes the connection private. A server that doesn't offer it is used on this machine only: otherwise anybody
// on the way could take the offer out, and read the password and the alerts.
func startTLS(client *smtp.Client, config *tls.Config, remote net.Addr) error {
	if offered, _ := client.Extension("STARTTLS"); offered {
		return client.StartTLS(config)
	}
	if at, err := netip.ParseAddrPort(remote.String()); err == nil && at.Addr().Unmap().IsLoopback() {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "the mail server doesn't offer STARTTLS").
		WithHint("use a port with TLS, such as 587 or 465; mail isn't sent unencrypted")
}

// submit logs in and hands the message over. Where only some recipients are refused, the others get it, and the error is a
// [Partly].
func submit(client *smtp.Client, to api.EmailTarget, message []byte) error {
	if to.Login.User != "" {
		auth, err := loginOf(client, to.Login)
		if err != nil {
			return err
		}
		if err := client.Auth(auth); err != nil {
			return mailError(err)
		}
	}
	from, err := mailbox(to.Settings.From)
	if err != nil {
		return err
	}
	if err := client.Mail(from.Address); err != nil {
		return mailError(err)
	}
	refused, err := address(client, to.Settings.Recipients)
	if err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return mailError(err)
	}
	if _, err := w.Write(message); err != nil {
		return mailError(err)
	}
	if err := w.Close(); err != nil {
		return mailError(err)
	}
	_ = client.Quit() // the message is the server's already
	if len(refused) > 0 {
		return &Partly{autodefend.Errorf(autodefend.CodeInvalid, "the mail server refuses %d of %d recipients: %s",
			len(refused), len(to.Settings.Recipients), clean(strings.Join(refused, ", "), 400)).WithHint("the others get the alerts")}
	}
	return nil
}

// address names the recipients to the server and returns those that it refuses for good. When it takes none, that's an error.
func address(client *smtp.Client, recipients []string) ([]string, error) {
	var refused []string
	var first error
	for _, recipient := range recipients {
		box, err := mailbox(recipient)
		if err != nil {
			return nil, err
		}
		err = client.Rcpt(box.Address)
		if err == nil {
			continue
		}
		answer, ok := errors.AsType[*textproto.Error](err)
		if !ok || answer.Code < 500 {
			return nil, mailError(err)
		}
		first = cmp.Or(first, err)
		refused = append(refused, fmt.Sprintf("%s (%d)", box.Address, answer.Code))
	}
	if len(refused) == len(recipients) && first != nil {
		return nil, mailError(first)
	}
	return refused, nil
}

// mailbox reads an address; it has been read before, when the profile was written.
func mailbox(address string) (*mail.Address, error) {
	parsed, err := mail.ParseAddress(address)
	if err != nil || strings.ContainsAny(parsed.Address, "\r\n <>") {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%q isn't a mail address", clean(address, 80))
	}
	return parsed, nil
}

// loginOf chooses how to log in. Both ways send the password, which is why the connection is private by now.
func loginOf(client *smtp.Client, login api.Login) (smtp.Auth, error) {
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	switch {
	case slices.Contains(ways, "PLAIN"):
		return passwordAuth{"PLAIN", login}, nil
	case slices.Contains(ways, "LOGIN"):
		return passwordAuth{"LOGIN", login}, nil
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the mail server takes neither AUTH PLAIN nor LOGIN").
			WithHint("leave the credential out, or use another server")
	}
}

// passwordAuth is AUTH PLAIN or LOGIN.
type passwordAuth struct {
	way   string
	login api.Login
}

// Start begins the login.
func (a passwordAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	if a.way == "PLAIN" {
		return a.way, []byte("\x00" + a.login.User + "\x00" + a.login.Password), nil
	}
	return a.way, nil, nil
}

// Next answers the server: LOGIN asks for the name, then for the password.
func (a passwordAuth) Next(asked []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimSuffix(strings.TrimSpace(string(asked)), ":")) {
	case "username", "user name":
		return []byte(a.login.User), nil
	case "password":
		return []byte(a.login.Password), nil
	default:
		return nil, autodefend.Errorf(autodefend.CodeUnavailable, "the mail server asks for something else than name and password")
	}
}

// mailError words what a mail server answered, by its number: its text may quote anything.
func mailError(err error) error {
	if e, ok := errors.AsType[*autodefend.Error](err); ok {
		return e
	}
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return connectError(err)
	}
	switch {
	case answer.Code == 535 || answer.Code == 530 || answer.Code == 534:
		return autodefend.Errorf(autodefend.CodeDenied, "the mail server answered %d: it refuses the login", answer.Code).WithHint("check the credential")
	case answer.Code >= 500:
		return autodefend.Errorf(autodefend.CodeInvalid, "the mail server answered %d: it refuses the sender, a recipient or the message", answer.Code)
	default:
		return autodefend.Errorf(autodefend.CodeUnavailable, "the mail server answered %d", answer.Code)
	}
}

// message writes an alert as a mail.
func (n *Notifier) message(settings api.AlertEmail, alert api.Alert) ([]byte, error) {
	from, err := mailbox(settings.From)
	if err != nil {
		return nil, err
	}
	var to []string
	for _, recipient := range settings.Recipients {
		address, err := mailbox(recipient)
		if err != nil {
			return nil, err
		}
		to = append(to, address.String())
	}
	id := sha256.Sum256([]byte(alert.ID))
	var b bytes.Buffer
	for _, h := range []fact{
		{"From", from.String()},
		{"To", strings.Join(to, ",\r\n ")},
		{"Subject", mailSubject(alert)},
		{"Date", n.now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + hex.EncodeToString(id[:16]) + "@autodefend>"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(mailText(alert))); err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInternal, "write mail: %v", err)
	}
	if err := w.Close(); err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInternal, "write mail: %v", err)
	}
	return b.Bytes(), nil
}

// mailSubject is the subject in ASCII. Text that looks as if it were encoded already would be decoded by who reads it, and
// so hide what it says until then.
func mailSubject(alert api.Alert) string {
	return mime.QEncoding.Encode("utf-8", strings.ReplaceAll(subject(alert), "=?", "= ?"))
}

// mailText is the body: each audit with what is known of it.
func mailText(alert api.Alert) string {
	var b strings.Builder
	for i, a := range alert.Audits {
		if i > 0 {
			b.WriteString("\r\n--\r\n\r\n")
		}
		b.WriteString(clean(a.Msg, 4096) + "\r\n\r\n")
		for _, f := range append(facts(a), fact{"Time", asffTime(a.Time)}) {
			fmt.Fprintf(&b, "%-10s %s\r\n", f.name+":", f.value)
		}
	}
	fmt.Fprintf(&b, "\r\nSent by Autodefend for the alert profile %q.\r\n", clean(alert.Profile, 128))
	return b.String()
}
