package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/client"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/policy"
)

// console connects to the Console that a policy names.
func (s *supervisor) console(c policy.Console) (defend.Console, error) {
	connection, err := client.New(client.Config{
		Address:   consoleURL(c.Address),
		Token:     c.Token,
		CA:        c.CA,
		Proxy:     proxyURL(c.Proxy),
		NoProxy:   c.Proxy.NoProxy,
		ProxyCA:   c.Proxy.CA,
		UserAgent: "autodefend-defender/" + version(),
	})
	if err != nil {
		return nil, err
	}
	return remote{connection}, nil
}

// consoleURL completes an address that is only a host, or a host and a port.
func consoleURL(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "https://" + address
}

// proxyURL puts user and password into the proxy's address.
func proxyURL(p policy.Proxy) string {
	if p.HTTPProxy == "" || p.User == "" {
		return p.HTTPProxy
	}
	address, err := url.Parse(p.HTTPProxy)
	if err != nil {
		return p.HTTPProxy
	}
	address.User = url.UserPassword(p.User, p.Password)
	return address.String()
}

// remote is a Console in the Defender's words.
type remote struct{ client *client.Client }

// PostAudits sends audits.
func (r remote) PostAudits(ctx context.Context, audits []autodefend.Audit) error {
	return r.client.PostAudits(ctx, audits)
}

// PostFirewallAudits does the same for audits of the firewall.
func (r remote) PostFirewallAudits(ctx context.Context, audits []autodefend.FirewallAudit) error {
	return r.client.PostFirewallAudits(ctx, audits)
}

// Policy returns a newer policy and its tag, or "" when there is none.
func (r remote) Policy(ctx context.Context, tag string) (string, string, error) {
	answer, err := r.client.FetchPolicy(ctx, tag)
	if err != nil || !answer.Changed {
		return "", tag, err
	}
	return answer.Envelope, answer.ETag, nil
}
