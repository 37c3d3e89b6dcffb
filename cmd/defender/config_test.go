package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

func TestSupervisorArgsRoundTrip(t *testing.T) {
	args := append(supervisorArgs(512), "/bin/sh", "--", "x")
	got, argv, ok := parseSupervisorArgs(args[1:])
	if !ok || got != 512 || cmp.Diff([]string{"/bin/sh", "--", "x"}, argv) != "" {
		t.Errorf("%q became %d, %q, %v", args, got, argv, ok)
	}
	for _, args := range [][]string{{}, {"1", "--"}, {"x", "--", "p"}, {"", "--", "p"}, {"1", "p", "q"}} {
		if _, _, ok := parseSupervisorArgs(args); ok {
			t.Errorf("%q was taken for a guardian's arguments", args)
		}
	}
}

func TestReadConfig(t *testing.T) {
	public, _, err := ed25519.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{1}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := readConfig([]string{
		"AUTODEFEND_TIERS=preload, watch", "AUTODEFEND_FAIL_MODE=closed", "AUTODEFEND_POLICY_KEY=" + base64.StdEncoding.EncodeToString(public),
		"TW_POLICY=p", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", "AWS_LAMBDA_FUNCTION_NAME=orders", "AWS_REGION=eu-west-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	tiers := slices.Sorted(maps.Keys(c.tiers))
	if cmp.Diff([]autodefend.Tier{autodefend.TierPreload, autodefend.TierWatch}, tiers) != "" || c.failMode != autodefend.FailClosed ||
		!c.key.Equal(public) || c.policy != "p" || c.lambda.upstream().Port() != 9001 || c.lambda.name != "orders" {
		t.Errorf("got %+v", c)
	}
	none, err := readConfig([]string{"AUTODEFEND_TIERS=none"})
	if err != nil || len(none.tiers) != 0 {
		t.Errorf("none: %+v, %v", none.tiers, err)
	}
	wrong, err := readConfig([]string{"AUTODEFEND_TIERS=x", "AUTODEFEND_FAIL_MODE=x", "AUTODEFEND_POLICY_KEY=x", "AUTODEFEND_LOG=x", "SECRET=hunter2"})
	for _, name := range []string{envTiers, envFailMode, envPolicyKey, envLog} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error doesn't name %s: %v", name, err)
		}
	}
	if len(wrong.tiers) != 3 || wrong.failMode != autodefend.FailClosed || len(wrong.key) != ed25519.PublicKeySize || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %+v, %v", wrong, err)
	}
}

// TestProbe runs the command in both forms.
func TestProbe(t *testing.T) {
	got := execute(t, environ(), defender, "probe", "--json")
	var report probed
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 0 {
		t.Fatalf("%v: %+v", err, got)
	}
	want := append(slices.Clone(enforcing(t)), "watch")
	var tiers []string
	for _, tier := range report.Tiers {
		tiers = append(tiers, string(tier))
	}
	slices.Sort(want)
	slices.Sort(tiers)
	if diff := cmp.Diff(want, tiers); diff != "" || len(report.Coverage) != 4 {
		t.Errorf("tiers (-want +got):\n%s\n%s", diff, got.stdout)
	}
	if got := execute(t, environ(), defender, "probe"); got.code != 0 || !strings.Contains(got.stdout, "SECTION") {
		t.Errorf("got %+v", got)
	}
}

func TestFilterCommand(t *testing.T) {
	if got := execute(t, environ(), defender, "filter"); got.code != 0 || !strings.Contains(got.stdout, "connect") {
		t.Errorf("got %+v", got)
	}
}
