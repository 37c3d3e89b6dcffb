package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/expression"
)

// policies are the policies that apply embeds in functions, and the key that signs them.
type policies struct {
	policy   *policy.Policy     // nil: what a function has stays
	firewall *policy.WAASPolicy // nil: what a function has stays
	key      ed25519.PrivateKey
	// issued is the same for all functions of a run, so that the same function
	// always gets the same value.
	issued time.Time
	// digest stands for the policies and the public key.
	digest string
}

// resolvePolicies reads the policies and their key.
func (c *config) resolvePolicies() error {
	given := "policy"
	if c.policyFile == "" {
		given = "waas"
	}
	switch {
	case c.policyFile == "" && c.waasFile == "" && c.policyKeyFile == "":
		return nil
	case c.policyFile == "" && c.waasFile == "":
		return c.mistake("policy_key", "there is no policy to sign").WithHint("name one with --policy or --waas")
	case c.policyKeyFile == "":
		return c.mistake(given, "policies in functions are signed, and there is no key").
			WithHint("make one with: autodefend policy keygen policy.key, and name it with --policy-key policy.key")
	case c.Recipe.PolicyVariable == "":
		return c.mistake(given, "recipe %q embeds no policy", c.Recipe.Name).WithHint("a recipe names the variable for it in policy_variable")
	}
	p, runtime, err := c.readRuntimePolicy()
	if err != nil {
		return err
	}
	f, firewall, err := c.readFirewallPolicy()
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(c.policyKeyFile)
	if err != nil {
		return c.mistake("policy_key", "the file %q can't be read: %s", c.policyKeyFile, whyNot(err))
	}
	key, err := parseSigningKey(pem)
	if err != nil {
		return c.mistake("policy_key", "%q %s", c.policyKeyFile, err).WithHint("make one with: autodefend policy keygen FILE")
	}
	text := runtime
	if f != nil {
		text = slices.Concat(runtime, []byte{0}, firewall)
	}
	sum := sha256.Sum256(append(text, key[ed25519.SeedSize:]...))
	c.policies = &policies{policy: p, firewall: f, key: key, issued: time.Now().UTC().Truncate(time.Second), digest: hex.EncodeToString(sum[:])}
	return nil
}

// readRuntimePolicy reads the file of the option policy, if there is one, and returns its text too.
func (c *config) readRuntimePolicy() (*policy.Policy, []byte, error) {
	if c.policyFile == "" {
		return nil, nil, nil
	}
	text, err := os.ReadFile(c.policyFile)
	if err != nil {
		return nil, nil, c.mistake("policy", "the file %q can't be read: %s", c.policyFile, whyNot(err))
	}
	if policy.IsWAAS(text) {
		return nil, nil, c.mistake("policy", "the file %q is a policy of the firewall", c.policyFile).WithHint("name it with --waas")
	}
	p, err := policy.Parse(text)
	if err == nil {
		_, err = p.Check()
	}
	if err != nil {
		return nil, nil, c.badPolicy("policy", c.policyFile, err)
	}
	return p, text, c.defined("policy", c.policyFile, p.Undefined())
}

// readFirewallPolicy reads the file of the option waas, if there is one, and returns its text too.
func (c *config) readFirewallPolicy() (*policy.WAASPolicy, []byte, error) {
	if c.waasFile == "" {
		return nil, nil, nil
	}
	text, err := os.ReadFile(c.waasFile)
	if err != nil {
		return nil, nil, c.mistake("waas", "the file %q can't be read: %s", c.waasFile, whyNot(err))
	}
	p, err := policy.ParseWAAS(text)
	if err == nil && len(p.Rules) > 0 && !policy.IsWAAS(text) {
		return nil, nil, c.mistake("waas", "the file %q isn't a policy of the firewall", c.waasFile).
			WithHint("one has applicationsSpec in its rules; a policy of the runtime is named with --policy")
	}
	if err == nil {
		_, err = p.Check(expression.Check)
	}
	if err != nil {
		return nil, nil, c.badPolicy("waas", c.waasFile, err)
	}
	return p, text, c.defined("waas", c.waasFile, p.Undefined())
}

func (c *config) badPolicy(option, file string, err error) error {
	return c.mistake(option, "the file %q: %s", file, err).WithHint("autodefend policy validate %s shows every mistake", file)
}

// defined makes a mistake of collections that are only named.
func (c *config) defined(option, file string, undefined []string) error {
	if len(undefined) == 0 {
		return nil
	}
	return c.mistake(option, "the file %q only names collections and doesn't say what is in them: %s", file, strings.Join(undefined, ", ")).
		WithHint("write each as an object with its functions and labels, as the Console gives them when it's read")
}

// stamp is the digest of what is embedded, "" for nothing.
func (p *policies) stamp() string {
	if p == nil {
		return ""
	}
	return p.digest
}

// value is a [plan.PolicySource]: the policy for one function. A function that
// no rule holds for gets a policy that enforces nothing, in the place of one
// that did. When there is a policy of one kind only, the function keeps its rule
// of the other, if the same key signed it.
func (p *policies) value(f autodefend.Function, room int) string {
	target := policy.Target{Function: f.ARN.Name, Region: f.ARN.Region, AccountID: f.ARN.Account, Provider: "aws", Labels: f.Tags}
	present := f.Environment.Variables[policy.EnvironmentVariable]
	was, err := policy.Decode(present, p.key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // documented
	wanted := policy.Envelope{Rule: was.Rule, WAAS: was.WAAS, Target: target, Issued: p.issued}
	if p.policy != nil {
		wanted.Rule = p.policy.Resolve(target).Rule
	}
	if p.firewall != nil {
		wanted.WAAS = p.firewall.Resolve(target).Rule
	}
	if err == nil {
		same := wanted
		same.Issued = was.Issued
		if value, err := policy.Encode(same, p.key, room); err == nil && value == present {
			return present
		}
	}
	value, err := policy.Encode(wanted, p.key, room)
	if err != nil {
		// The check env-size says that it doesn't fit, and by how much.
		value, err = policy.Encode(wanted, p.key, 0)
	}
	if err != nil {
		return autodefend.PolicyPrefix // the policy was checked when it was read
	}
	return value
}
