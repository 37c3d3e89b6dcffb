package notify

import (
	"net"
	"net/http"
	"strings"

	"github.com/autodefend/autodefend"
)

// Destinations are the hosts that may be reached: names, addresses, and *.NAME for all names below one. None is any host.
type Destinations []string

// Check returns what is wrong with them, with [autodefend.CodeInvalid].
func (d Destinations) Check() error {
	for _, host := range d {
		name := strings.TrimPrefix(host, "*.")
		if name == "" || strings.ContainsAny(name, "*/@ ") || strings.Contains(name, ":") && net.ParseIP(name) == nil {
			return autodefend.Errorf(autodefend.CodeInvalid, "%.100q isn't a host", host).
				WithHint("a host looks like hooks.slack.com, *.example.com or 192.0.2.7, without a port")
		}
	}
	return nil
}

// Allow returns an error with [autodefend.CodeInvalid] for a host that isn't among them.
func (d Destinations) Allow(host string) error {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, one := range d {
		one = strings.ToLower(one)
		below, wild := strings.CutPrefix(one, "*.")
		if host == one || wild && strings.HasSuffix(host, "."+below) || sameAddress(host, one) {
			return nil
		}
	}
	if len(d) == 0 {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "the operator doesn't allow the host").
		WithHint("the Console's operator allows hosts with --allow-destination")
}

func sameAddress(a, b string) bool {
	x, y := net.ParseIP(a), net.ParseIP(b)
	return x != nil && x.Equal(y)
}

// Transport keeps requests to those hosts.
func (d Destinations) Transport(next http.RoundTripper) http.RoundTripper {
	return limited{d, next}
}

type limited struct {
	hosts Destinations
	next  http.RoundTripper
}

// RoundTrip sends a request to an allowed host.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := l.hosts.Allow(r.URL.Hostname()); err != nil {
		return nil, err
	}
	return l.next.RoundTrip(r)
}
