package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// sameTests are the tests of the plain wrapper. What they promise holds with a supervisor too. Left out is what runs
// under an emulator, which can't start the program a second time.
const sameTests = "^(TestExitCode|TestDeathBySignal|TestCannotStart|TestForeignChildren|TestChain|TestChildSeesNoDifference|" +
	"TestEnvironmentByteForByte|TestLargeArguments|TestArguments|TestTermination|TestEverySignalIsForwarded|TestIgnoredSignalsCanBeHandledLater|" +
	"TestProcessGroup|TestJobControl|TestChildStopsItself|TestDefenderKilled|TestPrctlRefused)$"

// TestSameWithSupervisor runs the tests of the plain wrapper again, with a policy that alerts, under each tier.
func TestSameWithSupervisor(t *testing.T) {
	if supervised != "" {
		t.Skip("SKIPPED: the tests run again under a supervisor are not run a third time")
	}
	for _, tiers := range forcedTiers(t) {
		t.Run(tiers, func(t *testing.T) { sameWith(t, tiers) })
	}
	t.Run("undivided", func(t *testing.T) { sameWith(t, "none", envHelper+"=undivided") })
}

// sameWith runs the tests again in a process with more variables.
func sameWith(t *testing.T, tiers string, env ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run="+sameTests, "-test.timeout=5m")
	if len(env) > 0 { // a helper, which becomes what its arguments say
		cmd.Args = append([]string{cmd.Path, cmd.Path}, cmd.Args[1:]...)
	}
	cmd.Env = append(os.Environ(), envSupervised+"=TW_POLICY="+encoded(t, envelope(denyingNothing())), envTestTiers+"="+tiers, envTestBinary+"="+defender)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "no tests to run") {
		t.Error("no tests were run")
	}
}

// denyingNothing is a rule under which every section is on and nothing is denied, so that no audit is written.
func denyingNothing() policy.Rule {
	rule := quiet()
	rule.Processes = policy.Processes{Effect: autodefend.Alert, Deny: []string{"/no/such/program"}}
	rule.Network = policy.Network{Effect: autodefend.Alert, DenyIPs: []string{"203.0.113.0/24"}}
	rule.DNS = policy.DNS{Effect: autodefend.Alert, Deny: []string{"no.such.name.test"}}
	rule.Filesystem = policy.Filesystem{Effect: autodefend.Alert, Deny: []string{"/no/such/file"}}
	return rule
}
