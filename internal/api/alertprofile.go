package api

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// AlertKind is a key of an alert profile's policy: which audits are meant.
type AlertKind string

// The kinds of alerts that concern functions. Profiles keep the keys of others.
const (
	AlertServerlessRuntime     AlertKind = "serverlessRuntime"
	AlertServerlessAppFirewall AlertKind = "serverlessAppFirewall"
)

// AlertKindOf returns the kind of the audits of a stream.
func AlertKindOf(stream Stream) AlertKind {
	if stream == StreamFirewall {
		return AlertServerlessAppFirewall
	}
	return AlertServerlessRuntime
}

// AlertProfile is Prisma's api.AlertProfile as far as alerts are sent by it: who is told of which audits. Settings of
// channels that aren't here are kept with the profile and not used.
type AlertProfile struct {
	ID           string                  `json:"_id,omitempty"`
	Disabled     bool                    `json:"disabled,omitempty"`
	Email        AlertEmail              `json:"email,omitzero"`
	LastError    string                  `json:"lastError,omitempty"`
	Modified     time.Time               `json:"modified"`
	Name         string                  `json:"name"`
	Notes        string                  `json:"notes,omitempty"`
	Owner        string                  `json:"owner,omitempty"`
	Policy       map[AlertKind]AlertRule `json:"policy,omitempty"`
	PreviousName string                  `json:"previousName,omitempty"`
	Slack        AlertSlack              `json:"slack,omitzero"`
	Webhook      AlertWebhook            `json:"webhook,omitzero"`

	Autodefend AlertExtension `json:"autodefend,omitzero"`
}

// AlertRule is Prisma's api.AlertRule: which rules' audits a profile tells.
type AlertRule struct {
	AllRules bool     `json:"allRules,omitempty"`
	Enabled  bool     `json:"enabled,omitempty"`
	Rules    []string `json:"rules,omitempty"`
}

// AlertEmail is Prisma's api.AlertProfileEmailSettings.
type AlertEmail struct {
	// CredentialID names a credential of type basic; "" means that the server asks for none.
	CredentialID string   `json:"credentialId,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	From         string   `json:"from,omitempty"`
	Port         int      `json:"port,omitempty"` // 0 is 587
	Recipients   []string `json:"recipients,omitempty"`
	SMTPAddress  string   `json:"smtpAddress,omitempty"`
	// SSL is kept and changes nothing: port 465 has TLS from the first byte, and on every other the server must offer
	// STARTTLS.
	SSL bool `json:"ssl,omitempty"`
}

// AlertSlack is Prisma's api.AlertProfileSlackSettings.
type AlertSlack struct {
	// Channels and Users get a message each; none means the incoming webhook's own channel.
	Channels   []string `json:"channels,omitempty"`
	Enabled    bool     `json:"enabled,omitempty"`
	Users      []string `json:"users,omitempty"`
	WebhookURL Secret   `json:"webhookUrl,omitzero"`
}

// AlertWebhook is Prisma's api.AlertProfileWebhookSettings.
type AlertWebhook struct {
	// CACert is PEM and replaces the system's authorities; "" keeps them.
	CACert string `json:"caCert,omitempty"`
	// CredentialID names a credential of type basic or apiToken, sent in the header Authorization.
	CredentialID string `json:"credentialId,omitempty"`
	Enabled      bool   `json:"enabled,omitempty"`
	// JSON is the body with macros such as #function; "" means the format of [AlertExtension].
	JSON string `json:"json,omitempty"`
	URL  string `json:"url,omitempty"`
}

// AlertExtension is ours on a profile: channels and choices that Prisma doesn't have.
type AlertExtension struct {
	// WebhookSecret is the key of the webhook's signature; "" means no signature.
	WebhookSecret Secret `json:"webhookSecret,omitzero"`
	// Format is that of webhooks without JSON of their own, SNS, EventBridge and syslog; "" means json.
	Format AlertFormat `json:"format,omitempty"`
	// BufferPeriodSec is how long audits are collected into one alert, in seconds; 0 means one alert for each audit.
	BufferPeriodSec int `json:"bufferPeriodSec,omitempty"`
	// MaxPerMinute bounds the messages of each channel; 0 means 30. What comes beyond is put together.
	MaxPerMinute int              `json:"maxPerMinute,omitempty"`
	Syslog       AlertSyslog      `json:"syslog,omitzero"`
	SNS          AlertSNS         `json:"sns,omitzero"`
	EventBridge  AlertEventBridge `json:"eventBridge,omitzero"`
}

// AlertFormat is how an alert is written.
type AlertFormat string

// The formats.
const (
	AlertJSON AlertFormat = "json"
	AlertOCSF AlertFormat = "ocsf"
	AlertASFF AlertFormat = "asff"
)

// AlertSyslog is a syslog server; used when Address isn't "".
type AlertSyslog struct {
	// Address is host:port.
	Address string `json:"address,omitempty"`
	// Protocol is udp, tcp or tls; "" means tls.
	Protocol string `json:"protocol,omitempty"`
	// CACert is PEM and replaces the system's authorities; "" keeps them.
	CACert string `json:"caCert,omitempty"`
}

// AlertSNS is a topic of Amazon SNS; used when TopicARN isn't "".
type AlertSNS struct {
	TopicARN string `json:"topicArn,omitempty"`
	// CredentialID names a credential of type aws; "" means the Console's own.
	CredentialID string `json:"credentialID,omitempty"`
	// Region is the topic's; "" takes it from the ARN.
	Region string `json:"region,omitempty"`
}

// AlertEventBridge is an event bus of Amazon EventBridge; used when Bus isn't "".
type AlertEventBridge struct {
	// Bus is a name or an ARN.
	Bus string `json:"bus,omitempty"`
	// CredentialID names a credential of type aws; "" means the Console's own.
	CredentialID string `json:"credentialID,omitempty"`
	// Region is the bus's; it may be "" when Bus is an ARN.
	Region string `json:"region,omitempty"`
}

// Secret is a value that is written and never read: Prisma's common.Secret, or a plain string where clients send one.
type Secret struct {
	Plain string
	// Set tells that there is a value, although Plain may be kept from the reader.
	Set bool
}

// UnmarshalJSON takes {"plain": "..."}, {"encrypted": "..."} and "...".
func (s *Secret) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s.Plain); err != nil {
			return err
		}
		s.Set = s.Plain != ""
		return nil
	}
	var object struct{ Encrypted, Plain string }
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	s.Plain, s.Set = object.Plain, object.Plain != "" || object.Encrypted != ""
	return nil
}

// MarshalJSON never writes the value.
func (s Secret) MarshalJSON() ([]byte, error) {
	if !s.Set {
		return []byte(`{}`), nil
	}
	return []byte(`{"encrypted":"` + SecretKept + `"}`), nil
}

// SecretKept stands for a secret in what is read. Written back, it keeps the secret that is stored.
const SecretKept = "********"

// Tells reports whether the profile's policy asks for the audits of a kind that a rule raised.
func (p AlertProfile) Tells(kind AlertKind, rule string) bool {
	r, has := p.Policy[kind]
	if p.Disabled || !has || !r.Enabled {
		return false
	}
	if r.AllRules {
		return true
	}
	for _, name := range r.Rules {
		if name == rule {
			return true
		}
	}
	return false
}

// DecodeAlertProfile reads a profile as clients send it. Members that it doesn't know are left to the caller. Errors
// name the member.
func DecodeAlertProfile(body []byte) (AlertProfile, error) {
	var p AlertProfile
	err := json.Unmarshal(body, &p)
	if err == nil {
		return p, nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			field = "alert profile"
		}
		return AlertProfile{}, autodefend.Errorf(autodefend.CodeInvalid, "%s: is a JSON %s", field, wrong.Value).
			WithHint("the schema wants %s", strings.TrimPrefix(wrong.Type.String(), "api."))
	}
	return AlertProfile{}, autodefend.Errorf(autodefend.CodeInvalid, "alert profile: %v", err).WithHint("send one JSON object")
}
