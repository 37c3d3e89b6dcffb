package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/policy"
)

// forcedTiers are the values of AUTODEFEND_TIERS that can be tested here.
func forcedTiers(t *testing.T) []string {
	t.Helper()
	tiers := []string{"none"}
	if _, err := os.Stat(filepath.Join(filepath.Dir(defender), shimName)); err == nil {
		tiers = append(tiers, "preload")
	}
	if err := kernel.Permitted(); err == nil {
		tiers = append(tiers, "kernel")
	}
	return tiers
}

// enforcing are those of forcedTiers that stop acts before they happen.
func enforcing(t *testing.T) []string {
	t.Helper()
	return forcedTiers(t)[1:]
}

// denying is a rule with one thing denied in each section.
func denying(effect autodefend.Effect) policy.Rule {
	rule := quiet()
	rule.Processes = policy.Processes{Effect: effect, MainOnly: true, Allow: []string{"/usr/bin/true"}}
	rule.Network = policy.Network{Effect: effect, DenyIPs: []string{"203.0.113.0/24"}, DenyListen: []policy.PortRange{{Start: 4444, End: 4444}}}
	rule.DNS = policy.DNS{Effect: effect, Deny: []string{"yahoo.com"}}
	rule.Filesystem = policy.Filesystem{Effect: effect, Deny: []string{"/etc/hostname"}}
	return rule
}

// attempt is one thing that a function tries.
type attempt struct {
	name, event string
	refused     string // in the answer's body when it is prevented
	msg         string // of the audit; PROGRAM stands for the runtime's path
	attack      autodefend.AttackType
}

func pythonAttempts() []attempt {
	return []attempt{
		{"exec", `import subprocess; subprocess.run(["/bin/echo", "hi"])`, "PermissionError", "/usr/bin/echo launched and is explicitly denied by runtime rule. Full command /bin/echo hi", autodefend.AttackDeniedProcess},
		{"file", `open("/etc/hostname").read()`, "PermissionError", "PROGRAM access a suspicious path of /etc/hostname", autodefend.AttackFileAccess},
		{"connect", "import socket\ns = socket.socket(); s.setblocking(False)\ntry: s.connect((\"203.0.113.9\", 443))\nexcept BlockingIOError: pass", "PermissionError", "Outbound connection PROGRAM to IP 203.0.113.9 is explicitly denied by a runtime rule", autodefend.AttackDeniedIP},
		{"listen", `import socket; s = socket.socket(); s.bind(("127.0.0.1", 4444)); s.listen()`, "PermissionError", "Process PROGRAM is listening on port 4444 explicitly denied by a runtime rule", autodefend.AttackDeniedListeningPort},
		{"dns", "import socket\ntry: socket.getaddrinfo(\"yahoo.com\", 80)\nexcept socket.gaierror as e: raise LookupError(\"no such name\")", "LookupError", "DNS resolution of domain name yahoo.com triggered by PROGRAM explicitly denied by a runtime rule", autodefend.AttackDeniedDNS},
	}
}

func nodeAttempts() []attempt {
	return []attempt{
		{"exec", `require("child_process").execFileSync("/bin/echo", ["hi"])`, "EPERM|EACCES", "/usr/bin/echo launched and is explicitly denied by runtime rule. Full command /bin/echo hi", autodefend.AttackDeniedProcess},
		{"file", `require("fs").readFileSync("/etc/hostname")`, "EPERM|EACCES", "PROGRAM access a suspicious path of /etc/hostname", autodefend.AttackFileAccess},
		{"connect", `await new Promise((ok, bad) => { const s = require("net").connect({host: "203.0.113.9", port: 443}); s.on("error", bad); setTimeout(() => { s.destroy(); ok() }, 500) })`, "EPERM|EACCES", "Outbound connection PROGRAM to IP 203.0.113.9 is explicitly denied by a runtime rule", autodefend.AttackDeniedIP},
		{"dns", `await require("dns").promises.lookup("yahoo.com")`, "ENOTFOUND|EAI_AGAIN", "DNS resolution of domain name yahoo.com triggered by PROGRAM explicitly denied by a runtime rule", autodefend.AttackDeniedDNS},
	}
}

// TestPrevent: each attempt fails, one audit says so in the documents' words, and the function goes on.
func TestPrevent(t *testing.T) {
	languages := []struct {
		name     string
		argv     []string
		attempts []attempt
	}{
		{"python", python(t), pythonAttempts()},
		{"node", []string{program(t, "node"), testFile(t, "bootstrap.mjs")}, nodeAttempts()},
	}
	for _, tiers := range enforcing(t) {
		for _, language := range languages {
			t.Run(tiers+"/"+language.name, func(t *testing.T) {
				f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Prevent))), tiers: tiers, argv: language.argv})
				path, _ := filepath.EvalSymlinks(language.argv[0])
				for i, a := range language.attempts {
					got := f.invoke(a.event)
					if got.kind != "error" || !containsAny(got.body, a.refused) {
						t.Errorf("%s was not refused: %+v", a.name, got)
					}
					audits := f.awaitAudits(i + 1)
					audit := audits[i]
					if want := strings.ReplaceAll(a.msg, "PROGRAM", path); len(audits) != i+1 || audit.Msg != want || audit.AttackType != a.attack {
						t.Errorf("%s: %d audits, the last %+v\nwant %q\n%s", a.name, len(audits)-i, audit, want, strings.Join(f.log(), "\n"))
					}
					if audit.RequestID != got.id || audit.FunctionID != testARN || string(audit.Tier) != tiers || audit.Coverage != autodefend.Enforced {
						t.Errorf("%s: %+v", a.name, audit)
					}
				}
			})
		}
	}
}

// TestAlert: nothing changes for the function, and the audits are the same.
func TestAlert(t *testing.T) {
	for _, tiers := range enforcing(t) {
		t.Run(tiers, func(t *testing.T) {
			f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Alert))), tiers: tiers, argv: python(t)})
			for i, a := range pythonAttempts()[:4] {
				if got := f.invoke(a.event); got.kind != "response" {
					t.Errorf("%s was refused: %+v", a.name, got)
				}
				audits := f.awaitAudits(i + 1)
				if audits[i].AttackType != a.attack || audits[i].Effect != autodefend.Alert || audits[i].Coverage != autodefend.Seen {
					t.Errorf("%s: %+v", a.name, audits[i])
				}
			}
		})
	}
}

// TestBlock: the act fails and the invocation ends with the runtime, after the audit.
func TestBlock(t *testing.T) {
	for _, tiers := range enforcing(t) {
		t.Run(tiers, func(t *testing.T) {
			f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Block))), tiers: tiers, argv: python(t)})
			f.events <- `import subprocess, time
try: subprocess.run(["/bin/echo", "hi"])
except PermissionError: pass
time.sleep(600)`
			if status := f.awaitEnd(); !status.Signaled() {
				t.Errorf("ended with %#x", status)
			}
			if got := f.awaitAudits(1)[0]; got.Effect != autodefend.Block || got.RequestID != "request-1" {
				t.Errorf("audit %+v", got)
			}
		})
	}
}

// TestAuditSurvivesKill: what is in the log is there whatever happens right after.
func TestAuditSurvivesKill(t *testing.T) {
	for _, tiers := range enforcing(t) {
		t.Run(tiers, func(t *testing.T) {
			f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Prevent))), tiers: tiers, argv: python(t)})
			f.events <- `import os, signal
try: open("/etc/hostname")
except PermissionError: os.kill(os.getpid(), signal.SIGKILL)`
			f.awaitEnd()
			if got := f.awaitAudits(1)[0]; got.AttackType != autodefend.AttackFileAccess {
				t.Errorf("audit %+v", got)
			}
		})
	}
}

func containsAny(text, alternatives string) bool {
	for one := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(text, one) {
			return true
		}
	}
	return false
}

// TestWatch: the tier that looks ends what is denied soon after it began, and leaves the runtime and its forks alone.
func TestWatch(t *testing.T) {
	f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Prevent))), tiers: "watch", argv: python(t)})
	got := f.invoke(`import os, subprocess
pid = os.fork()
if pid == 0:
    import time
    time.sleep(.5)
    os._exit(3)
denied = subprocess.run(["/bin/sleep", "600"]).returncode
allowed = subprocess.run(["/usr/bin/true"]).returncode
result = [denied, allowed, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]`)
	if got.body != "[-9, 0, 3]" {
		t.Errorf("got %+v", got)
	}
	audit := f.awaitAudits(1)[0]
	if want := "/usr/bin/sleep launched and is explicitly denied by runtime rule. Full command /bin/sleep 600"; audit.Msg != want || audit.Tier != autodefend.TierWatch || audit.Coverage != autodefend.Detected {
		t.Errorf("audit %+v", audit)
	}
}
