package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// TestCompileErrors: every entry that can't be meant is refused, by its place.
func TestCompileErrors(t *testing.T) {
	tests := []struct{ section, list, entry, want string }{
		{"processes", "whitelist", `""`, "isn't a program"},
		{"processes", "whitelist", `"/usr/bin/"`, "isn't a program"},
		{"processes", "whitelist", `"bin/sh"`, "is a relative path"},
		{"processes", "blacklist", `"./sh"`, "is a relative path"},
		{"processes", "blacklist", `"python*"`, "has a wildcard"},
		{"processes", "blacklist", `"/usr/bin/*"`, "has a wildcard"},
		{"processes", "blacklist", `"s?"`, "has a wildcard"},
		{"network", "whitelistIPs", `"10.0.0.300"`, "isn't an IP address"},
		{"network", "whitelistIPs", `"10.0.0.0/33"`, "isn't an IP address"},
		{"network", "whitelistIPs", `"10.0.0.1-10.0.0.9"`, "isn't an IP address"},
		{"network", "whitelistIPs", `"example.com"`, "isn't an IP address"},
		{"network", "blacklistIPs", `""`, "isn't an IP address"},
		{"network", "blacklistIPs", `"::ffff:0:0/90"`, "isn't an IP address"},
		{"network", "whitelistOutboundPorts", `{"start": -1, "end": 5}`, "isn't a range of ports"},
		{"network", "blacklistOutboundPorts", `{"start": 1, "end": 65536}`, "isn't a range of ports"},
		{"network", "whitelistListeningPorts", `{"start": 9, "end": 8}`, "isn't a range of ports"},
		{"network", "blacklistListeningPorts", `{"start": 80}`, "isn't a range of ports"},
		{"dns", "whitelist", `""`, "isn't a domain name"},
		{"dns", "whitelist", `"."`, "isn't a domain name"},
		{"dns", "whitelist", `"https://example.com"`, "isn't a domain name"},
		{"dns", "whitelist", `"example.com:443"`, "isn't a domain name"},
		{"dns", "blacklist", `"example.com/x"`, "isn't a domain name"},
		{"dns", "blacklist", `"a b"`, "isn't a domain name"},
		{"dns", "blacklist", `"*evil*"`, "would match every name"},
		{"dns", "blacklist", `"**"`, "would match every name"},
		{"filesystem", "whitelist", `"tmp"`, "isn't an absolute path"},
		{"filesystem", "whitelist", `""`, "isn't an absolute path"},
		{"filesystem", "whitelist", `"~/x"`, "isn't an absolute path"},
		{"filesystem", "blacklist", `"*"`, "has a wildcard"},
		{"filesystem", "blacklist", `"/etc/*.conf"`, "has a wildcard"},
		{"filesystem", "blacklist", `"/etc*"`, "has a wildcard"},
		{"filesystem", "blacklist", `"/a?"`, "has a wildcard"},
		{"autodefend", "helpers", `"x/y"`, "is a relative path"},
		{"autodefend", "readOnly", `"x"`, "isn't an absolute path"},
		{"autodefend", "exceptions", `{"processes": ["x/y"]}`, "processes[0]: \"x/y\" is a relative path"},
		{"autodefend", "exceptions", `{"ips": ["x"]}`, "ips[0]: \"x\" isn't an IP address"},
		{"autodefend", "exceptions", `{"domains": ["*x*"]}`, "domains[0]: \"*x*\" would match"},
		{"autodefend", "exceptions", `{"paths": ["x"]}`, "paths[0]: \"x\" isn't an absolute path"},
	}
	for _, tt := range tests {
		t.Run(tt.section+" "+tt.list+" "+tt.entry, func(t *testing.T) {
			rule := mustRule(t, `{"name": "r", "`+tt.section+`": {"`+tt.list+`": [`+tt.entry+`]}}`)
			_, err := Compile(rule)
			if err == nil {
				t.Fatal("compiled")
			}
			path := "rule." + tt.section + "." + tt.list + "[0]"
			if !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q at %s", err, tt.want, path)
			}
			if hint := autodefend.ErrorHint(unjoined(err)[0]); hint == "" {
				t.Error("no hint")
			}
		})
	}
}

// TestCompileAccepts lists odd entries that are right.
func TestCompileAccepts(t *testing.T) {
	c := mustCompile(t, `{"name": "r",
		"processes": {"effect": "alert", "whitelist": ["memfd:jit", "[", "a b", "/x/y z"]},
		"network": {"effect": "alert", "whitelistIPs": [" 10.1.2.3/8 ", "fe80::1%eth0", "::ffff:1.2.3.4", "::/0"], "blacklistOutboundPorts": [{"start": 0, "end": 65535}]},
		"dns": {"effect": "alert", "whitelist": [" Example.COM. ", "_srv._tcp.example", "*"]},
		"filesystem": {"effect": "alert", "whitelist": ["/", "/a//b/../c/", "/tmp/**"]}}`)
	s := c.Sections()
	if want := []string{"10.0.0.0/8", "fe80::1/128", "1.2.3.4/32", "::/0"}; !slices.Equal(texts(s.Network.AllowNets), want) {
		t.Errorf("networks %v, want %v", s.Network.AllowNets, want)
	}
	if want := []string{"example.com", "_srv._tcp.example", "*"}; !slices.Equal(s.DNS.Allow, want) {
		t.Errorf("names %v, want %v", s.DNS.Allow, want)
	}
	if want := []string{"", "/a/c", "/tmp"}; !slices.Equal(s.Files.AllowRead[:3], want) {
		t.Errorf("paths %q, want %q", s.Files.AllowRead[:3], want)
	}
}

func texts(all []netip.Prefix) []string {
	s := make([]string, len(all))
	for i, p := range all {
		s[i] = p.String()
	}
	return s
}

func TestSections(t *testing.T) {
	c := mustCompile(t, `{"name": "r", "advancedProtection": true,
		"processes": {"effect": "alert", "blockAllBinaries": true, "whitelist": ["git", "/a"], "blacklist": ["wget"]},
		"network": {"effect": "prevent", "whitelistIPs": ["10.0.0.0/8"], "blacklistOutboundPorts": [{"start": 25, "end": 26}],
			"whitelistOutboundPorts": [{"start": 443, "end": 443}, {"start": 5, "end": 6, "deny": true}],
			"whitelistListeningPorts": [{"start": 8080, "end": 8080}], "blacklistListeningPorts": [{"start": 22, "end": 22}]},
		"dns": {"effect": "alert", "blacklist": ["*.ru"]},
		"filesystem": {"effect": "block", "blacklist": ["/etc/shadow"], "whitelist": ["/tmp"]},
		"autodefend": {"helpers": ["uname"], "readOnly": ["/tmp/ro"], "strictEgress": true, "tmpExecutables": "block", "failMode": "closed"}}`)
	s := c.Sections()
	p := s.Processes
	if p.Effect != autodefend.Block || !p.MainOnly || p.Miners || !slices.Equal(p.Allow, []string{"/a", "git", "uname"}) || !slices.Equal(p.Deny, []string{"wget"}) {
		t.Errorf("processes %+v", p)
	}
	if p.Fileless != autodefend.Alert || p.TmpExecutables != autodefend.Block || p.Opaque != autodefend.Prevent || s.Tamper != autodefend.Prevent {
		t.Errorf("own effects %+v, tamper %s", p, s.Tamper)
	}
	n := s.Network
	if n.Effect != autodefend.Prevent || !n.Strict || !slices.Equal(n.DenyPorts, []Ports{{25, 26}, {5, 6}}) || !slices.Equal(n.AllowPorts, []Ports{{443, 443}}) ||
		!slices.Equal(n.AllowListen, []Ports{{8080, 8080}}) || !slices.Equal(n.DenyListen, []Ports{{22, 22}}) {
		t.Errorf("network %+v", n)
	}
	if got := texts(n.AllowNets); len(got) != 1+len(BuiltinAllowed().Networks) || got[0] != "10.0.0.0/8" {
		t.Errorf("allowed networks %v", got)
	}
	if s.DNS.Effect != autodefend.Alert || len(s.DNS.Allow) != 0 || !slices.Equal(s.DNS.Deny, []string{"*.ru"}) {
		t.Errorf("dns %+v", s.DNS)
	}
	f := s.Files
	if f.Effect != autodefend.Block || !slices.Equal(f.DenyRead, []string{"/etc/shadow"}) || !slices.Equal(f.DenyWrite, []string{"/etc/shadow", "/tmp/ro"}) ||
		!slices.Contains(f.AllowRead, "/usr") || slices.Contains(f.AllowWrite, "/usr") || !slices.Contains(f.AllowWrite, "/tmp") {
		t.Errorf("files %+v", f)
	}
	if c.FailMode() != autodefend.FailClosed || s.Off() {
		t.Errorf("fail mode %s", c.FailMode())
	}
}

// TestMinersOpenSections: a tier must ask about pools although the sections are off.
func TestMinersOpenSections(t *testing.T) {
	s := mustCompile(t, `{"name": "r", "processes": {"effect": "prevent", "checkCryptoMiners": true}}`).Sections()
	if s.Network.Effect != autodefend.Prevent || len(s.Network.DenyPorts) == 0 || len(s.Network.AllowNets) != 0 {
		t.Errorf("network %+v", s.Network)
	}
	if s.DNS.Effect != autodefend.Prevent || !slices.Contains(s.DNS.Deny, "*.supportxmr.com") || len(s.DNS.Allow) != 0 {
		t.Errorf("dns %+v", s.DNS)
	}
}

func TestNotices(t *testing.T) {
	c := mustCompile(t, `{"name": "r", "customRules": [{"_id": 1}, {"_id": 2}]}`)
	if n := c.Notices(); len(n) != 1 || !strings.Contains(n[0], "custom rules aren't enforced") || !strings.Contains(n[0], "refers to 2") {
		t.Errorf("notices %q", n)
	}
	if c.RuleName() != "r" {
		t.Errorf("name %q", c.RuleName())
	}
}

// TestBuiltinNames: no name that advanced protection allows can be a customer's, such as a bucket's.
func TestBuiltinNames(t *testing.T) {
	for _, name := range BuiltinAllowed().Domains {
		prefix, _, _ := strings.Cut(name, "*")
		if prefix == "" || !strings.HasSuffix(name, ".amazonaws.com") {
			t.Errorf("%s can be anybody's", name)
		}
	}
	for _, p := range BuiltinAllowed().Networks {
		if !p.Addr().IsLinkLocalUnicast() || p.Contains(netip.MustParseAddr("169.254.169.254")) {
			t.Errorf("%s leads out, or to credentials", p)
		}
	}
}

func TestLevels(t *testing.T) {
	for i, e := range []autodefend.Effect{autodefend.Disable, autodefend.Alert, autodefend.Prevent, autodefend.Block} {
		if l := levelOf(e); int(l) != i || l.effect() != e || e.Stops() != (l >= prevent) {
			t.Errorf("%s is level %d, effect %s", e, l, l.effect())
		}
	}
	if levelOf("") != off || prevent.or("") != prevent || prevent.or(autodefend.Disable) != off {
		t.Error("no effect isn't off, or doesn't leave the level alone")
	}
}
