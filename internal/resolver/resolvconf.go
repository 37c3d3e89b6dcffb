package resolver

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	dnsPort = 53
	// The limits and defaults of the C library.
	maxServers      = 3
	defaultTimeout  = 5 * time.Second
	maxTimeout      = 30 * time.Second
	defaultAttempts = 2
	maxAttempts     = 5
	// maxResolvConf bounds the file's size, in bytes.
	maxResolvConf = 64 << 10
)

// settings are what resolv.conf says to whoever forwards. Search domains and the number of dots concern the programs.
type settings struct {
	servers  []netip.AddrPort
	timeout  time.Duration
	attempts int
}

// parseResolvConf reads resolv.conf as the C library does: what it doesn't understand has no effect, and without a
// server there is one on this machine.
func parseResolvConf(text string) settings {
	s := settings{timeout: defaultTimeout, attempts: defaultAttempts}
	for row := range strings.Lines(text) {
		words := strings.Fields(row)
		if len(words) < 2 || strings.ContainsAny(words[0][:1], "#;") {
			continue
		}
		switch words[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(words[1]); err == nil && len(s.servers) < maxServers {
				s.servers = append(s.servers, netip.AddrPortFrom(addr, dnsPort))
			}
		case "options":
			for _, option := range words[1:] {
				s.setOption(option)
			}
		}
	}
	if len(s.servers) == 0 {
		s.servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)}
	}
	return s
}

func (s *settings) setOption(option string) {
	name, value, _ := strings.Cut(option, ":")
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return
	}
	switch name {
	case "timeout":
		s.timeout = min(time.Duration(max(min(n, int(maxTimeout/time.Second)), 1))*time.Second, maxTimeout)
	case "attempts":
		s.attempts = max(min(n, maxAttempts), 1)
	}
}

// resolvConf is the file and what it said when it was last read.
type resolvConf struct {
	path string

	mu      sync.Mutex
	info    os.FileInfo
	current settings
}

// settings returns what the file says now. It is read again when it changed; when it can't be read, it has no effect.
func (r *resolvConf) settings() settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.path)
	if err != nil {
		return parseResolvConf("")
	}
	if r.info != nil && os.SameFile(info, r.info) && info.ModTime().Equal(r.info.ModTime()) && info.Size() == r.info.Size() {
		return r.current
	}
	text, err := os.ReadFile(r.path)
	if err != nil || len(text) > maxResolvConf {
		return parseResolvConf("")
	}
	r.info, r.current = info, parseResolvConf(string(text))
	return r.current
}
