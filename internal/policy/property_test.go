package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/autodefend/autodefend"
)

// The generators draw from small sets, so that entries and events meet.

func drawEffect(t *rapid.T, name string) autodefend.Effect {
	return rapid.SampledFrom([]autodefend.Effect{"", autodefend.Disable, autodefend.Alert, autodefend.Prevent, autodefend.Block}).Draw(t, name)
}

func drawSome(t *rapid.T, name string, from ...string) []string {
	return rapid.SliceOfN(rapid.SampledFrom(from), 0, 6).Draw(t, name)
}

func someProgram() []string {
	return []string{"wget", "curl", "xmrig", "sh", "ld-linux.so.2", "/usr/bin/wget", "/tmp/tool", "/opt/bin/helper", "memfd:x"}
}

func someName() []string {
	return []string{"*", "yahoo.com", "*.yahoo.com", "api.yahoo.com", "*.com", "logs.*.amazonaws.com", "pool.supportxmr.com", "localhost"}
}

func someIP() []string {
	return []string{"127.0.0.1", "10.0.0.0/8", "203.0.113.9", "0.0.0.0/0", "::/0", "2001:db8::/32", "169.254.79.129"}
}

func somePath() []string {
	return []string{"/", "/etc", "/etc/passwd", "/tmp", "/tmp/a", "/var/task", "/media/u", "/proc/self"}
}

func drawPorts(t *rapid.T, name string) []PortRange {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) PortRange {
		start := rapid.SampledFrom([]int{0, 25, 53, 443, 853, 3333}).Draw(t, "start")
		return PortRange{Start: start, End: start + rapid.IntRange(0, 500).Draw(t, "more"), Deny: rapid.Bool().Draw(t, "deny")}
	}), 0, 5).Draw(t, name)
}

func drawRule(t *rapid.T) *Rule {
	return &Rule{
		Name:               "r",
		AdvancedProtection: rapid.Bool().Draw(t, "advanced"),
		Processes: Processes{
			Effect: drawEffect(t, "processes"), Allow: drawSome(t, "allow programs", someProgram()...), Deny: drawSome(t, "deny programs", someProgram()...),
			MainOnly: rapid.Bool().Draw(t, "main only"), Miners: rapid.Bool().Draw(t, "miners"),
		},
		Network: Network{
			Effect: drawEffect(t, "network"), AllowIPs: drawSome(t, "allow IPs", someIP()...), DenyIPs: drawSome(t, "deny IPs", someIP()...),
			AllowPorts: drawPorts(t, "allow ports"), DenyPorts: drawPorts(t, "deny ports"),
			AllowListen: drawPorts(t, "allow listen"), DenyListen: drawPorts(t, "deny listen"),
		},
		DNS:        DNS{Effect: drawEffect(t, "dns"), Allow: drawSome(t, "allow names", someName()...), Deny: drawSome(t, "deny names", someName()...)},
		Filesystem: Filesystem{Effect: drawEffect(t, "files"), Allow: drawSome(t, "allow paths", somePath()...), Deny: drawSome(t, "deny paths", somePath()...)},
		Own: Extension{
			Fileless: drawEffect(t, "fileless"), TmpExecutables: drawEffect(t, "tmp"), Opaque: drawEffect(t, "opaque"), Tamper: drawEffect(t, "tamper"),
			StrictEgress: rapid.Bool().Draw(t, "strict"), Helpers: drawSome(t, "helpers", someProgram()...), ReadOnly: drawSome(t, "read-only", somePath()...),
			Exceptions: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Exception {
				return Exception{
					Processes: drawSome(t, "whose", someProgram()...), Domains: drawSome(t, "domains", someName()...),
					IPs: drawSome(t, "ips", someIP()...), Paths: drawSome(t, "paths", somePath()...),
				}
			}), 0, 2).Draw(t, "exceptions"),
		},
	}
}

func drawEvent(t *rapid.T) Event {
	program := rapid.SampledFrom([]string{"/usr/bin/wget", "/bin/busybox", "/tmp/tool", "/tmp/wget", "/lib64/ld-linux.so.2", "/opt/bin/helper", "memfd:x", "/usr/bin/dash"})
	given := rapid.SampledFrom([]string{"", "/bin/sh", "/usr/bin/wget", "/tmp/sh", "/opt/../tmp/sh"})
	return Event{
		Kind:    rapid.SampledFrom([]Kind{Exec, Connect, Listen, Resolve, Open, Tamper}).Draw(t, "kind"),
		Tier:    rapid.SampledFrom([]autodefend.Tier{autodefend.TierKernel, autodefend.TierPreload, autodefend.TierWatch}).Draw(t, "tier"),
		Process: Process{PID: 7, Path: program.Draw(t, "who")},
		Program: Program{
			Path: program.Draw(t, "program"), Given: given.Draw(t, "given"), Args: drawSome(t, "args", "wget", "-o", "stratum+tcp://p:1", "/usr/bin/id"),
			Interpreter: rapid.SampledFrom([]string{"", "/usr/bin/wget"}).Draw(t, "interpreter"),
			Main:        rapid.Bool().Draw(t, "main"), Fileless: rapid.Bool().Draw(t, "fileless"), Writable: rapid.Bool().Draw(t, "writable"), Opaque: rapid.Bool().Draw(t, "is opaque"),
		},
		Address: netip.AddrPortFrom(
			netip.MustParseAddr(rapid.SampledFrom([]string{"127.0.0.1", "0.0.0.0", "10.1.2.3", "203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1", "::1", "169.254.79.129"}).Draw(t, "ip")),
			uint16(rapid.SampledFrom([]int{0, 25, 53, 443, 853, 3333, 40000}).Draw(t, "port")),
		),
		Protocol: rapid.SampledFrom([]string{"tcp", "udp"}).Draw(t, "protocol"),
		Learnt:   rapid.Bool().Draw(t, "learnt"),
		Domain:   rapid.SampledFrom([]string{"yahoo.com", "api.yahoo.com", "a.b.yahoo.com", "example.org", "logs.eu-west-1.amazonaws.com", "pool.supportxmr.com", "localhost"}).Draw(t, "domain"),
		File:     rapid.SampledFrom([]string{"/etc/passwd", "/etc/passwd2", "/tmp/a/b", "/var/task/app.py", "/media/u/.ssh", "/proc/7/maps", "/proc/8/root/etc/passwd", "/dev/null", "pipe:[1]"}).Draw(t, "file"),
		Access:   rapid.SampledFrom([]Access{Read, Write, Read | Write}).Draw(t, "access"),
	}
}

func mustCompileRule(t *rapid.T, r *Rule) *Compiled {
	c, err := Compile(r)
	if err != nil {
		t.Fatalf("the generator made a bad rule: %v", err)
	}
	return c
}

// TestSummariesAreStricter: whatever replaces a rule that doesn't fit forbids all that the rule forbids.
func TestSummariesAreStricter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		c := mustCompileRule(t, rule)
		var summaries []*Compiled
		for r := range candidates(rule, nil) {
			summaries = append(summaries, mustCompileRule(t, r))
		}
		for range 20 {
			e := drawEvent(t)
			want := levelOf(c.Decide(e).Effect)
			for i, s := range summaries {
				if got := s.Decide(e); levelOf(got.Effect) < want {
					t.Fatalf("summary %d: %s (%s), the rule %s (%s)", i, got.Effect, got.Why, want.effect(), c.Decide(e).Why)
				}
			}
		}
	})
}

// TestEnvelopesDecideAlike: a rule that was carried decides as it did before.
func TestEnvelopesDecideAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		value, err := Encode(Envelope{Rule: rule, Target: Target{Function: "f"}}, testKey(1), 0)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Decode(value, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, b := mustCompileRule(t, rule), mustCompileRule(t, e.Rule)
		for range 20 {
			ev := drawEvent(t)
			if x, y := fmt.Sprint(a.Decide(ev)), fmt.Sprint(b.Decide(ev)); x != y {
				t.Fatalf("before: %s\nafter: %s", x, y)
			}
		}
	})
}

// TestListAlgebra holds for every section: what one list does to a decision.
func TestListAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		rule.Own.Exceptions = nil
		e := drawEvent(t)
		before := mustCompileRule(t, rule).Decide(e)
		stronger := func(what string, changed *Rule) {
			after := mustCompileRule(t, changed).Decide(e)
			if levelOf(after.Effect) < levelOf(before.Effect) {
				t.Fatalf("%s allowed more: %s (%s), before %s (%s)", what, after.Effect, after.Why, before.Effect, before.Why)
			}
		}
		more := *rule
		more.Processes.Deny = append(slices.Clone(rule.Processes.Deny), drawSome(t, "deny too", someProgram()...)...)
		more.Network.DenyIPs = append(slices.Clone(rule.Network.DenyIPs), drawSome(t, "deny IPs too", someIP()...)...)
		more.Network.DenyPorts = append(slices.Clone(rule.Network.DenyPorts), drawPorts(t, "deny ports too")...)
		more.DNS.Deny = append(slices.Clone(rule.DNS.Deny), drawSome(t, "deny names too", someName()...)...)
		more.Filesystem.Deny = append(slices.Clone(rule.Filesystem.Deny), drawSome(t, "deny paths too", somePath()...)...)
		stronger("a longer deny list", &more)

		weaker := *rule
		widen := func(to *[]string, name string, from []string) {
			if len(*to) > 0 {
				*to = append(slices.Clone(*to), drawSome(t, name, from...)...)
			}
		}
		widen(&weaker.Processes.Allow, "allow too", someProgram())
		widen(&weaker.Network.AllowIPs, "allow IPs too", someIP())
		widen(&weaker.DNS.Allow, "allow names too", someName())
		widen(&weaker.Filesystem.Allow, "allow paths too", somePath())
		if after := mustCompileRule(t, &weaker).Decide(e); levelOf(after.Effect) > levelOf(before.Effect) {
			t.Fatalf("a longer allow list denied more: %s (%s), before %s (%s)", after.Effect, after.Why, before.Effect, before.Why)
		}
	})
}

// TestDecisionsAreConsistent: what a decision says of itself fits together.
func TestDecisionsAreConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := mustCompileRule(t, drawRule(t))
		e := drawEvent(t)
		d := c.Decide(e)
		switch {
		case d.Why == "" || d.Rule != "r" || d.Section == "":
			t.Fatalf("unexplained: %+v", d)
		case !d.Audit && (d.Deny || d.End || d.Message != "" || d.Effect != ""):
			t.Fatalf("something of nothing: %+v", d)
		case d.Audit && (d.Message == "" || d.Type == "" || d.Attack == "" || d.Severity == "" || d.Entry == ""):
			t.Fatalf("an empty audit: %+v", d)
		case d.Deny != d.Effect.Stops() || d.End != (d.Effect == autodefend.Block):
			t.Fatalf("effect and deeds differ: %+v", d)
		}
	})
}

// TestTiersAskEnough: what the lists for tiers let pass without a question is what the engine allows. Tiers read them
// as wire.h describes.
func TestTiersAskEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := mustCompileRule(t, drawRule(t))
		e := drawEvent(t)
		if d := c.Decide(e); d.Audit && e.Kind != Tamper && !asks(c.Sections(), e) {
			t.Fatalf("the tier wouldn't ask: %+v", d)
		}
	})
}

// asks tells whether a tier that goes by the lists asks about an event.
func asks(s Sections, e Event) bool {
	on := func(effect autodefend.Effect) bool { return levelOf(effect) > off }
	holdsPort := func(all []Ports) bool {
		return slices.ContainsFunc(all, func(p Ports) bool { return p.First <= e.Address.Port() && e.Address.Port() <= p.Last })
	}
	ip := e.Address.Addr().Unmap()
	holdsIP := func(all []netip.Prefix) bool {
		return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	under := func(all []string) bool {
		return slices.ContainsFunc(all, func(p string) bool { return below(e.File, p) })
	}
	switch n, f := s.Network, s.Files; e.Kind {
	case Exec:
		return on(s.Processes.Effect)
	case Resolve:
		return on(s.DNS.Effect)
	case Listen:
		return on(n.Effect) && (holdsPort(n.DenyListen) || len(n.AllowListen) > 0 && !holdsPort(n.AllowListen))
	case Connect:
		if !on(n.Effect) {
			return false
		}
		if holdsPort(n.DenyPorts) || len(n.AllowPorts) > 0 && !holdsPort(n.AllowPorts) {
			return true
		}
		return !ip.IsLoopback() && !ip.IsUnspecified() && (n.Strict || holdsIP(n.DenyNets) || len(n.AllowNets) > 0 && !holdsIP(n.AllowNets))
	default:
		if !on(f.Effect) || kernelObject(e.File) {
			return false
		}
		if strings := fromRoot(e.File); strings != e.File {
			return true // a tier that can't resolve a path asks
		}
		reads, writes := e.Access&Read != 0, e.Access&Write != 0
		return reads && (under(f.DenyRead) || len(f.AllowRead) > 0 && !under(f.AllowRead)) ||
			writes && (under(f.DenyWrite) || len(f.AllowWrite) > 0 && !under(f.AllowWrite))
	}
}
