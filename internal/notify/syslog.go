package notify

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// facilityLocal0 is the facility of security products that have none of their own.
	facilityLocal0 = 16
	// maxDatagram bounds a message over UDP, in bytes: what receivers take, and one datagram carries.
	maxDatagram = 8 << 10
	// structuredID names our structured data. 32473 is the number that IANA keeps for those without one.
	structuredID = "autodefend@32473"
)

// syslog sends each audit of an alert as a message of RFC 5424: a datagram each over UDP, counted (RFC 6587) over TCP and
// TLS. UDP and TCP can be read on the way, and need a network that the operator allows.
func (n *Notifier) syslog(ctx context.Context, to api.AlertSyslog, format api.AlertFormat, alert api.Alert) error {
	conn, err := n.syslogServer(ctx, to)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // what was written is on its way
	for _, audit := range alert.Audits {
		message, err := n.record(format, alert, audit)
		if err != nil {
			return err
		}
		if to.Protocol == "udp" {
			message = cutBytes(message, maxDatagram)
		} else {
			message = strconv.Itoa(len(message)) + " " + message
		}
		if _, err := conn.Write([]byte(message)); err != nil {
			return connectError(err)
		}
	}
	return nil
}

// syslogServer connects to a server.
func (n *Notifier) syslogServer(ctx context.Context, to api.AlertSyslog) (net.Conn, error) {
	network, t := "tcp", allowedOnly
	switch to.Protocol {
	case "udp":
		network = "udp"
	case "tcp":
	case "", "tls":
		t = public
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "there is no protocol %q", clean(to.Protocol, 20))
	}
	config, err := n.tlsConfig(to.CACert)
	if err != nil {
		return nil, err
	}
	conn, err := n.guard.dial(ctx, t, network, to.Address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if t == allowedOnly {
		return conn, nil
	}
	host, _, _ := net.SplitHostPort(to.Address)
	config.ServerName = host
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, connectError(err)
	}
	return secure, nil
}

// record writes one audit as a message of RFC 5424.
func (n *Notifier) record(format api.AlertFormat, alert api.Alert, a api.AlertAudit) (string, error) {
	text := clean(a.Msg, 4096)
	if format == api.AlertOCSF || format == api.AlertASFF {
		body, err := n.single(format, alert, a)
		if err != nil {
			return "", err
		}
		text = escapeControls(string(body))
	}
	pri := facilityLocal0*8 + syslogSeverity(a)
	return fmt.Sprintf("<%d>1 %s %s autodefend - %s %s \ufeff%s",
		pri, asffTime(a.Time), word(n.hostname, 255), recordName(alert.Kind), structured(alert, a), text), nil
}

// escapeControls escapes the control characters that JSON leaves as they are; they stand in strings only.
func escapeControls(body string) string {
	var b strings.Builder
	for _, r := range body {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// recordName is Prisma's name of the record.
func recordName(kind api.AlertKind) string {
	if kind == api.AlertServerlessAppFirewall {
		return "serverless_app_firewall_audit"
	}
	return "serverless_runtime_audit"
}

func syslogSeverity(a api.AlertAudit) int {
	switch severityOf(a) {
	case "high":
		return 3 // error
	case "low":
		return 5 // notice
	default:
		return 4 // warning
	}
}

// structured are the audit's members as structured data.
func structured(alert api.Alert, a api.AlertAudit) string {
	var b strings.Builder
	b.WriteString("[" + structuredID)
	for _, p := range []fact{
		{"id", a.ID},
		{"profile", alert.Profile},
		{"function", a.Function},
		{"functionID", a.FunctionID},
		{"accountID", a.Account},
		{"region", a.Region},
		{"runtime", a.Runtime},
		{"rule", a.Rule},
		{"type", a.Type},
		{"attackType", a.AttackType},
		{"effect", a.Effect},
		{"severity", severityOf(a)},
		{"requestID", a.RequestID},
		{"test", testMark(alert)},
	} {
		if p.value != "" {
			b.WriteString(" " + p.name + `="` + escapeParam(clean(p.value, 512)) + `"`)
		}
	}
	return b.String() + "]"
}

func testMark(alert api.Alert) string {
	if alert.Test {
		return "true"
	}
	return ""
}

// escapeParam escapes the three characters that end a parameter's value.
func escapeParam(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(s)
}

// word returns a text as a field of a header: visible ASCII without spaces, "-" for none.
func word(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// cutBytes bounds a message without cutting a character.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
