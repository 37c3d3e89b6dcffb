package api

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/autodefend/autodefend"
)

// ProxyPassword returns the password of the rule's proxy: as it is written and as it is kept. The error has the member's
// path within the rule.
func (r AutoDeployRule) ProxyPassword() (string, string, error) {
	var proxy struct {
		Password *struct {
			Plain     string `json:"plain"`
			Encrypted string `json:"encrypted"`
		} `json:"password"`
	}
	if len(r.Proxy) == 0 {
		return "", "", nil
	}
	if name := misspelt(r.Proxy, "password"); name != "" {
		return "", "", autodefend.Errorf(autodefend.CodeInvalid, "proxy.%s: write it as password", clipped(name))
	}
	if err := json.Unmarshal(r.Proxy, &proxy); err != nil {
		return "", "", autodefend.Errorf(autodefend.CodeInvalid, "proxy: it can't be read").
			WithHint(`want {"httpProxy":"","noProxy":"","ca":"","user":"","password":{"plain":"","encrypted":""}}`)
	}
	if proxy.Password == nil {
		return "", "", nil
	}
	var raw struct {
		Password json.RawMessage `json:"password"`
	}
	if err := json.Unmarshal(r.Proxy, &raw); err != nil {
		return "", "", err
	}
	if name := misspelt(raw.Password, "plain", "encrypted"); name != "" {
		return "", "", autodefend.Errorf(autodefend.CodeInvalid, "proxy.password.%s: write it in small letters", clipped(name))
	}
	return proxy.Password.Plain, proxy.Password.Encrypted, nil
}

// WithProxyPassword returns the rule with another password of its proxy and all else as it was.
func (r AutoDeployRule) WithProxyPassword(plain, encrypted string) (AutoDeployRule, error) {
	var proxy map[string]json.RawMessage
	if err := json.Unmarshal(r.Proxy, &proxy); err != nil {
		return r, err
	}
	var password map[string]json.RawMessage
	if err := json.Unmarshal(proxy["password"], &password); err != nil {
		return r, err
	}
	for name, value := range map[string]string{"plain": plain, "encrypted": encrypted} {
		text, err := json.Marshal(value)
		if err != nil {
			return r, err
		}
		password[name] = text
	}
	text, err := json.Marshal(password)
	if err != nil {
		return r, err
	}
	proxy["password"] = text
	if r.Proxy, err = json.Marshal(proxy); err != nil {
		return r, err
	}
	if r.given != nil {
		r.given = maps.Clone(r.given)
		r.given["proxy"] = r.Proxy
	}
	return r, nil
}

// misspelt returns a member of an object that differs from one of the names by case only: Go reads it, and who replaces the
// member of the right name would leave it.
func misspelt(object json.RawMessage, names ...string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return ""
	}
	for have := range members {
		for _, name := range names {
			if have != name && strings.EqualFold(have, name) {
				return have
			}
		}
	}
	return ""
}
