package api

import (
	"net/url"
	"time"
)

// AuthenticationRequest is Prisma's api.AuthenticationRequest. Token is one of ours, see [APIToken].
type AuthenticationRequest struct {
	Password string `json:"password"`
	Token    string `json:"token,omitempty"`
	Username string `json:"username"`
}

// AuthenticationResponse is Prisma's api.AuthenticationResponse.
type AuthenticationResponse struct {
	Token string `json:"token"`
}

// ConsoleAuthResponse is Prisma's api.ConsoleAuthResponse.
type ConsoleAuthResponse struct {
	Role  string `json:"role"`
	Token string `json:"token"`
}

// InitStatus is Prisma's api.InitStatus.
type InitStatus struct {
	Initialized bool `json:"initialized"`
}

// UserProject is Prisma's types.UserProject.
type UserProject struct {
	ID           string    `json:"_id"`
	Address      string    `json:"address"`
	Connected    bool      `json:"connected"`
	CreationTime time.Time `json:"creationTime"`
}

// LogonSettings is Prisma's types.LogonSettings, with FirstPasswordHours besides.
type LogonSettings struct {
	// BasicAuthDisabled refuses user and password on each call; logging in with them is still possible.
	BasicAuthDisabled bool `json:"basicAuthDisabled"`
	// FirstPasswordHours is how long a password is good that somebody else set, in hours: within them its user has to
	// choose another. 0, as of Prisma's clients, is for ever.
	FirstPasswordHours int64 `json:"firstPasswordHours,omitempty"`
	// IncludeTLS has no meaning here.
	IncludeTLS bool `json:"includeTLS"`
	// SessionTimeoutSec is how long a login lives without being renewed, in seconds.
	SessionTimeoutSec int64 `json:"sessionTimeoutSec"`
	// StrongPassword asks of new passwords a lower and an upper case letter, a digit and another character.
	StrongPassword bool `json:"strongPassword"`
	// UseSupportCredentials has no meaning here.
	UseSupportCredentials bool `json:"useSupportCredentials"`
}

// Bounds of [LogonSettings].SessionTimeoutSec, in seconds.
const (
	DefaultSessionTimeout = 1800
	MinSessionTimeout     = 60
	MaxSessionTimeout     = 86400
)

// MaxFirstPassword bounds [LogonSettings].FirstPasswordHours: a year.
const MaxFirstPassword = 8760

// Check returns what is wrong with the settings, with [autodefend.CodeInvalid].
func (s LogonSettings) Check() error {
	if s.SessionTimeoutSec < MinSessionTimeout || s.SessionTimeoutSec > MaxSessionTimeout {
		return refused("sessionTimeoutSec: is %d, from %d to %d is possible", s.SessionTimeoutSec, MinSessionTimeout, MaxSessionTimeout)
	}
	if s.FirstPasswordHours < 0 || s.FirstPasswordHours > MaxFirstPassword {
		return refused("firstPasswordHours: is %d, from 0 to %d is possible", s.FirstPasswordHours, MaxFirstPassword)
	}
	return nil
}

// OIDCSettings are those of logins at an OpenID Connect provider.
type OIDCSettings struct {
	Enabled  bool   `json:"enabled"`
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientId"`
	// ClientSecret is write-only; an empty one keeps the stored one.
	ClientSecret string `json:"clientSecret,omitempty"`
	// ClientSecretSet tells that there is one.
	ClientSecretSet bool `json:"clientSecretSet"`
	// RedirectURL is the Console's callback as the provider knows it: https://HOST/api/v1/authenticate/callback/oidc.
	RedirectURL string `json:"redirectURL"`
	// Scopes are asked for besides openid.
	Scopes Names `json:"scopes"`
	// UsernameClaim and GroupsClaim name claims of the ID token; "" means preferred_username (or else email, if it is
	// verified, or else sub) and groups.
	UsernameClaim string `json:"usernameClaim,omitempty"`
	GroupsClaim   string `json:"groupsClaim,omitempty"`
}

// Check returns what is wrong with the settings, with [autodefend.CodeInvalid].
func (s OIDCSettings) Check() error {
	if !s.Enabled {
		return nil
	}
	if err := checkSecureURL("issuer", s.Issuer); err != nil {
		return err
	}
	if s.ClientID == "" {
		return refused("clientId: is missing")
	}
	if err := checkSecureURL("redirectURL", s.RedirectURL); err != nil {
		return err
	}
	if len(s.Scopes) > maxScopes {
		return refused("scopes: has %d elements, at most %d fit", len(s.Scopes), maxScopes)
	}
	return nil
}

const maxScopes = 32

// checkSecureURL holds for addresses that passwords and codes go to.
func checkSecureURL(field, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return refused("%s: isn't a URL such as https://login.example.com", field)
	}
	loopback := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return refused("%s: must begin with https://", field)
	}
	return nil
}

// RedirectURL tells where the browser logs in.
type RedirectURL struct {
	URL string `json:"url"`
}

// Documents of kinds that only logins use.
const (
	// KindLoginFailures counts failed logins of a user or an address.
	KindLoginFailures Kind = "loginFailures"
)

// Names of documents of [KindSettings].
const (
	SettingsLogon = "logon"
	SettingsOIDC  = "oidc"
)
