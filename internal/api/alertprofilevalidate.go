package api

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/autodefend/autodefend"
)

// Bounds of an alert profile.
const (
	maxProfileName  = 128
	maxRecipients   = 50
	maxBufferPeriod = 24 * 3600 // seconds
	maxPerMinute    = 600
	maxURL          = 2048 // bytes
)

// Validate finds what can be told without asking anybody. Errors have [autodefend.CodeInvalid] and name the member;
// whether addresses may be connected to is decided when they are.
func (p AlertProfile) Validate() error {
	if err := p.validateName(); err != nil {
		return err
	}
	checks := []func() error{p.Webhook.validate, p.Slack.validate, p.Email.validate, p.Autodefend.validate}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p AlertProfile) validateName() error {
	switch {
	case strings.TrimSpace(p.Name) == "":
		return profileError("name", "is missing").WithHint("give the profile a name")
	case len(p.Name) > maxProfileName:
		return profileError("name", "has %d bytes, more than %d", len(p.Name), maxProfileName)
	case !singleLine(p.Name):
		return profileError("name", "has control characters or isn't UTF-8")
	default:
		return nil
	}
}

func (w AlertWebhook) validate() error {
	if !w.Enabled {
		return nil
	}
	u, err := parseTarget("webhook.url", w.URL)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return profileError("webhook.url", "has the scheme %q", u.Scheme).WithHint("use https://; http:// works only to networks that the operator allows")
	}
	if w.JSON == "" {
		return nil
	}
	if _, err := ParseAlertTemplate(w.JSON); err != nil {
		return profileError("webhook.json", "%v", err).WithHint("%s", autodefend.ErrorHint(err))
	}
	return nil
}

func (s AlertSlack) validate() error {
	if !s.Enabled {
		return nil
	}
	if !s.WebhookURL.Set {
		return profileError("slack.webhookUrl", "is missing").WithHint("Slack shows it under Incoming Webhooks")
	}
	if len(s.Channels)+len(s.Users) > maxRecipients {
		return profileError("slack.channels", "channels and users are more than %d", maxRecipients)
	}
	for i, name := range append(append([]string{}, s.Channels...), s.Users...) {
		if name == "" || len(name) > 100 || !singleLine(name) {
			return profileError("slack.channels["+strconv.Itoa(i)+"]", "isn't a channel or user").WithHint("channels look like #security, users like @ann")
		}
	}
	if s.WebhookURL.Plain == "" || s.WebhookURL.Plain == SecretKept {
		return nil
	}
	u, err := parseTarget("slack.webhookUrl", s.WebhookURL.Plain)
	if err == nil && u.Scheme != "https" {
		return profileError("slack.webhookUrl", "isn't an https:// address")
	}
	return err
}

func (e AlertEmail) validate() error {
	switch {
	case !e.Enabled:
		return nil
	case !validAlertHost(e.SMTPAddress):
		return profileError("email.smtpAddress", "isn't the name or address of a host").WithHint("give the host alone; the port goes into email.port")
	case e.Port < 0 || e.Port > 65535:
		return profileError("email.port", "is %d", e.Port).WithHint("587 and 465 are usual")
	case len(e.Recipients) == 0:
		return profileError("email.recipients", "is empty").WithHint(`such as ["security@example.com"]`)
	case len(e.Recipients) > maxRecipients:
		return profileError("email.recipients", "has %d addresses, more than %d", len(e.Recipients), maxRecipients)
	}
	if err := validMailbox("email.from", e.From); err != nil {
		return err
	}
	for i, to := range e.Recipients {
		if err := validMailbox("email.recipients["+strconv.Itoa(i)+"]", to); err != nil {
			return err
		}
	}
	return nil
}

func (x AlertExtension) validate() error {
	switch {
	case x.Format != "" && x.Format != AlertJSON && x.Format != AlertOCSF && x.Format != AlertASFF:
		return profileError("autodefend.format", "is %q", shorten(string(x.Format))).WithHint("formats are json, ocsf and asff")
	case x.BufferPeriodSec < 0 || x.BufferPeriodSec > maxBufferPeriod:
		return profileError("autodefend.bufferPeriodSec", "is %d", x.BufferPeriodSec).WithHint("give 0 to %d seconds", maxBufferPeriod)
	case x.MaxPerMinute < 0 || x.MaxPerMinute > maxPerMinute:
		return profileError("autodefend.maxPerMinute", "is %d", x.MaxPerMinute).WithHint("give 1 to %d; 0 is 30", maxPerMinute)
	}
	for _, check := range []func() error{x.Syslog.validate, x.SNS.validate, x.EventBridge.validate} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s AlertSyslog) validate() error {
	if s.Address == "" {
		return nil
	}
	u, err := url.Parse("syslog://" + s.Address) // divides host and port as addresses do, also [::1]:514
	if err != nil || u.Host != s.Address || !validPort(u.Port()) || !validAlertHost(u.Hostname()) {
		return profileError("autodefend.syslog.address", "%q isn't host:port", shorten(s.Address)).WithHint("such as logs.example.com:6514")
	}
	switch s.Protocol {
	case "", "udp", "tcp", "tls":
		return nil
	default:
		return profileError("autodefend.syslog.protocol", "is %q", shorten(s.Protocol)).WithHint("protocols are udp, tcp and tls")
	}
}

func (s AlertSNS) validate() error {
	if s.TopicARN == "" {
		return nil
	}
	region, ok := regionOf(s.TopicARN, "sns")
	if !ok {
		return profileError("autodefend.sns.topicArn", "%q isn't the ARN of a topic", shorten(s.TopicARN)).
			WithHint("such as arn:aws:sns:eu-west-1:123456789012:alerts")
	}
	if s.Region != "" && s.Region != region {
		return profileError("autodefend.sns.region", "is %q, but the topic is in %s", shorten(s.Region), region).WithHint("leave it out")
	}
	return nil
}

func (e AlertEventBridge) validate() error {
	if e.Bus == "" {
		return nil
	}
	region, isARN := regionOf(e.Bus, "events")
	switch {
	case !isARN && (len(e.Bus) > 256 || strings.ContainsFunc(e.Bus, notInBusName)):
		return profileError("autodefend.eventBridge.bus", "%q is neither a bus's name nor its ARN", shorten(e.Bus))
	case isARN && e.Region != "" && e.Region != region:
		return profileError("autodefend.eventBridge.region", "is %q, but the bus is in %s", shorten(e.Region), region).WithHint("leave it out")
	case !isARN && !autodefend.ValidRegion(e.Region):
		return profileError("autodefend.eventBridge.region", "%q isn't the name of a region", shorten(e.Region)).WithHint("such as eu-west-1")
	default:
		return nil
	}
}

// regionOf returns the region of an ARN of a service.
func regionOf(arn, service string) (string, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != service || len(arn) > 512 || !singleLine(arn) {
		return "", false
	}
	ok := autodefend.ValidRegion(parts[3]) && autodefend.ValidAccount(parts[4]) && parts[5] != ""
	return parts[3], ok
}

func notInBusName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("./-_", r)
}

// parseTarget reads an address that something is sent to.
func parseTarget(field, raw string) (*url.URL, error) {
	if raw == "" {
		return nil, profileError(field, "is missing")
	}
	if len(raw) > maxURL || !singleLine(raw) {
		return nil, profileError(field, "is longer than %d bytes or has control characters", maxURL)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || !validAlertHost(u.Hostname()):
		return nil, profileError(field, "isn't an address").WithHint("such as https://hooks.example.com/autodefend")
	case u.User != nil:
		return nil, profileError(field, "has a user or password in it").WithHint("put them into a credential and name it by credentialId")
	default:
		return u, nil
	}
}

// validAlertHost reports whether a text can be a host's name or address.
func validAlertHost(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	return !strings.ContainsFunc(host, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune(".-_:", r)
	})
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n >= 1 && n <= 65535
}

// validMailbox takes an address alone or behind a name, as in "Security <security@example.com>".
func validMailbox(field, mailbox string) error {
	address := mailbox
	if _, behind, named := strings.Cut(mailbox, "<"); named {
		address = strings.TrimSuffix(behind, ">")
		if address == behind {
			address = "" // the bracket isn't closed
		}
	}
	local, host, _ := strings.Cut(address, "@")
	odd := strings.ContainsAny(local, " \t<>()[]\\,;:\"") || local == "" || !validAlertHost(host) || strings.Contains(host, ":")
	if odd || !singleLine(mailbox) || len(mailbox) > 320 {
		return profileError(field, "%q isn't a mail address", shorten(mailbox)).WithHint("such as security@example.com")
	}
	return nil
}

// singleLine reports whether a text is UTF-8 without control characters.
func singleLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// shorten bounds a text that a message quotes.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// profileError is an error of one member.
func profileError(field, format string, args ...any) *autodefend.Error {
	return autodefend.Errorf(autodefend.CodeInvalid, field+": "+format, args...)
}
