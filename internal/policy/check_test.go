package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckRemarks(t *testing.T) {
	tests := []struct{ name, text, path, message string }{
		{"no rules", `[]`, "rules", "there are none"},
		{"disabled", `{"name": "r", "disabled": true}`, "rules[0].disabled", "passed over"},
		{"no collections", `{"name": "r"}`, "rules[0].collections", "holds for every function"},
		{"named collection", `{"name": "r", "collections": [{"name": "c"}]}`, "rules[0].collections[0]", "has only a name"},
		{"hosts", `{"name": "r", "collections": [{"name": "c", "functions": ["*"], "hosts": ["x"]}]}`, "rules[0].collections[0].hosts", "holds no function"},
		{"accounts", `{"name": "r", "collections": [{"name": "c", "accountIDs": ["1"]}]}`, "rules[0].collections[0].accountIDs", "Azure only"},
		{"star in the middle", `{"name": "r", "collections": [{"name": "c", "functions": ["a*b"]}]}`, "rules[0].collections[0].functions[0]", "ordinary character"},
		{"only exclusions", `{"name": "r", "collections": [{"name": "c", "functions": ["-a"]}]}`, "rules[0].collections[0].functions", "only excludes"},
		{"only excluded labels", `{"name": "r", "collections": [{"name": "c", "labels": ["-team:x"]}]}`, "rules[0].collections[0].labels", "only excludes"},
		{"custom rules", `{"name": "r", "customRules": [{"_id": 1}]}`, "rules[0].customRules", "aren't enforced"},
		{"unknown", `{"name": "r", "colour": 1}`, "rules[0].colour", "isn't known"},
		{"unknown in a section", `{"name": "r", "dns": {"colour": 1}}`, "rules[0].dns.colour", "isn't known"},
		{"unknown in the policy", `{"rules": [{"name": "r"}], "colour": 1}`, "colour", "isn't known"},
		{"lists, processes off", `{"name": "r", "processes": {"blacklist": ["x"]}}`, "rules[0].processes.effect", "do nothing"},
		{"lists, network off", `{"name": "r", "network": {"effect": "disable", "blacklistIPs": ["192.0.2.1"]}}`, "rules[0].network.effect", "do nothing"},
		{"lists, dns off", `{"name": "r", "dns": {"blacklist": ["x"]}}`, "rules[0].dns.effect", "do nothing"},
		{"lists, files off", `{"name": "r", "filesystem": {"blacklist": ["/x"]}}`, "rules[0].filesystem.effect", "do nothing"},
		{"collapsed", `{"name": "r", "dns": {"effect": "alert", "whitelist": ["*.a.*.b"]}}`, "rules[0].dns.whitelist[0]", `means "*.b"`},
		{"strict, off", `{"name": "r", "autodefend": {"strictEgress": true}}`, "rules[0].autodefend.strictEgress", "does nothing"},
		{"read-only, off", `{"name": "r", "autodefend": {"readOnly": ["/x"]}}`, "rules[0].autodefend.readOnly", "does nothing"},
		{"loopback", `{"name": "r", "network": {"effect": "alert", "blacklistIPs": ["127.0.0.1"]}}`, "rules[0].network", "denied ports alone"},
		{"shadowed", `[{"name": "a"}, {"name": "b", "disabled": true}, {"name": "c"}]`, "rules[2]", "never holds: rules[0]"},
		{"shadowed by All", `[{"name": "a", "collections": [{"name": "All"}]}, {"name": "c"}]`, "rules[1]", "never holds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			remarks, err := p.Check()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(remarks, func(r Remark) bool { return r.Path == tt.path && strings.Contains(r.Message, tt.message) }) {
				t.Errorf("remarks %+v, want %q at %s", remarks, tt.message, tt.path)
			}
		})
	}
}

// TestCheckIsQuiet: what a Console returns for an ordinary policy needs no remarks.
func TestCheckIsQuiet(t *testing.T) {
	p, err := Parse([]byte(`[
		{"name": "a", "wildFireAnalysis": "alert", "cloudMetadataEnforcement": false, "kubernetesEnforcement": false, "skipExecSessions": false,
		 "collections": [{"name": "c", "functions": ["a*", "-ab*"], "labels": ["region:eu-*"], "hosts": ["*"], "accountIDs": ["*"]}],
		 "processes": {"effect": "prevent", "checkLateralMovement": true, "checkNewBinaries": true, "skipModified": false, "blockAllBinaries": true},
		 "filesystem": {"effect": "disable", "backdoorFiles": true, "checkNewFiles": true, "skipEncryptedBinaries": false, "suspiciousElfHeaders": true}},
		{"name": "b", "collections": [{"name": "All"}], "dns": {"effect": "alert", "whitelist": ["*.example", "cache.*.internal"]}}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	if remarks, err := p.Check(); err != nil || len(remarks) != 0 {
		t.Errorf("remarks %+v, %v", remarks, err)
	}
}

// TestCheckCompilesDisabledRules: they'll be enabled one day.
func TestCheckCompilesDisabledRules(t *testing.T) {
	p, err := Parse([]byte(`[{"name": "a", "dns": {"blacklist": ["a b"]}}, {"name": "b", "disabled": true, "processes": {"blacklist": [""]}}]`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Check()
	for _, want := range []string{"rules[0].dns.blacklist[0]", "rules[1].processes.blacklist[0]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
