package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// source finds out where a request came from, and whether by TLS.
type source struct {
	// trusted are the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
	trusted []netip.Prefix
}

// address returns the caller's address: the last one that no trusted proxy has.
func (s source) address(r *http.Request) string {
	address := peer(r)
	if !s.trusts(address) {
		return address
	}
	var hops []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(line, ",")...)
	}
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return address // nobody can say what is before it
		}
		address = ip.Unmap().String()
		if !s.trusts(address) {
			return address
		}
	}
	return address
}

// secure reports whether the caller used TLS.
func (s source) secure(r *http.Request) bool {
	return r.TLS != nil || s.trusts(peer(r)) && r.Header.Get("X-Forwarded-Proto") == "https"
}

func (s source) trusts(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(s.trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	return host
}
