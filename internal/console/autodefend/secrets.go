package autodefend

import (
	"encoding/base64"
	"encoding/json"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// proxyPassword is what the passwords of proxies are sealed for.
const proxyPassword = "autodefend/proxy/password"

// placeOf binds the password of a rule's proxy to the proxy's address and user: who reads what is sealed can't have it sent
// to a proxy of his own.
func placeOf(rule api.AutoDeployRule) ([]byte, error) {
	// The members are written in their order, as they are for who reads the proxy in the end: of several that differ by
	// case, both see the same.
	ordered, err := rule.WithProxyPassword("", "")
	if err != nil {
		return nil, err
	}
	var proxy api.ProxySettings
	if err := json.Unmarshal(ordered.Proxy, &proxy); err != nil {
		return nil, err
	}
	return json.Marshal([]string{proxyPassword, proxy.HTTPProxy, proxy.User})
}

// seal encrypts the passwords of the rules' proxies. One that comes back as it was read stays.
func (s *Service) seal(rules []api.AutoDeployRule) error {
	for i := range rules {
		plain, encrypted, err := rules[i].ProxyPassword()
		if err != nil || plain == "" && encrypted == "" {
			continue // unreadable ones were refused before
		}
		bad := func(member, hint, message string) error {
			return autodefend.Errorf(autodefend.CodeInvalid, "rules[%d].proxy.password.%s: %s", i, member, message).WithHint("%s", hint)
		}
		if s.cfg.Keys == nil {
			return bad("plain", "leave it out", "this Console has no keys to keep it with")
		}
		place, err := placeOf(rules[i])
		if err != nil {
			return bad("plain", "write the proxy as GET gives it", "it can't be kept")
		}
		if plain == "" {
			if _, err := s.open(encrypted, place); err != nil {
				return bad("encrypted", "write the password into plain", "it isn't one that this Console gave for this httpProxy and user")
			}
			continue
		}
		sealed := base64.StdEncoding.EncodeToString(s.cfg.Keys.Seal([]byte(plain), place))
		if rules[i], err = rules[i].WithProxyPassword("", sealed); err != nil {
			return bad("plain", "", "it can't be kept")
		}
	}
	return nil
}

// open decrypts a password of a place.
func (s *Service) open(encrypted string, place []byte) (string, error) {
	sealed, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return "", err
	}
	plain, err := s.cfg.Keys.Open(sealed, place)
	return string(plain), err
}

// proxyOf returns the rule's proxy with its password opened.
func (s *Service) proxyOf(rule api.AutoDeployRule) (json.RawMessage, error) {
	_, encrypted, err := rule.ProxyPassword()
	if err != nil || encrypted == "" {
		return rule.Proxy, err
	}
	if s.cfg.Keys == nil {
		return nil, autodefend.Errorf(autodefend.CodeInternal, "rule %q: there are no keys to open the proxy's password with", rule.Name)
	}
	place, err := placeOf(rule)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "rule %q: the proxy can't be read", rule.Name).WithHint("write it again")
	}
	plain, err := s.open(encrypted, place)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "rule %q: the proxy's password can't be opened", rule.Name).
			WithHint("write the password again: the Console's master key may be another one")
	}
	opened, err := rule.WithProxyPassword(plain, "")
	return opened.Proxy, err
}
