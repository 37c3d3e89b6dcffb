package client

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/autodefend/autodefend"
)

// proxyTo returns the proxy by which the Console at an address is reached; nil for none.
func proxyTo(address *url.URL, config Config) (func(*http.Request) (*url.URL, error), error) {
	if config.Proxy == "" || isDirect(address, config.NoProxy) {
		return nil, nil //nolint:nilnil // without a proxy is no error
	}
	proxy, err := url.Parse(config.Proxy)
	if err != nil || proxy.Host == "" {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the proxy to the Console is no URL")
	}
	return http.ProxyURL(proxy), nil
}

// isDirect reports whether an address is in a list of those that are reached without a proxy, divided by commas: names, which
// stand for what is below them too, addresses, networks, each perhaps with a port, or a star for everything.
func isDirect(address *url.URL, list string) bool {
	host, port := strings.ToLower(strings.TrimSuffix(address.Hostname(), ".")), address.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[address.Scheme]
	}
	ip, _ := netip.ParseAddr(host)
	for entry := range strings.SplitSeq(strings.ToLower(list), ",") {
		entry = strings.TrimSpace(entry)
		if network, err := netip.ParsePrefix(entry); err == nil && ip.IsValid() && network.Contains(ip.Unmap()) {
			return true
		}
		name, ofPort := entry, ""
		if u, err := url.Parse("//" + entry); err == nil && u.Port() != "" {
			name, ofPort = u.Hostname(), u.Port()
		}
		if ofPort != "" && ofPort != port {
			continue
		}
		name = strings.Trim(strings.TrimPrefix(name, "*."), "[].")
		if name == "*" || name != "" && (host == name || !ip.IsValid() && strings.HasSuffix(host, "."+name)) {
			return true
		}
	}
	return false
}
