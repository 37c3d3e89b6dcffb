package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// policies is the runtime policy that apply embeds in functions, and the key
// that signs it.
type policies struct {
	policy *policy.Policy
	key    ed25519.PrivateKey
	// issued is the same for all functions of a run, so that the same function
	// always gets the same value.
	issued time.Time
	// digest stands for the policy and the public key.
	digest string
}

// resolvePolicies reads the policy and its key.
func (c *config) resolvePolicies() error {
	switch {
	case c.policyFile == "" && c.policyKeyFile == "":
		return nil
	case c.policyFile == "":
		return c.mistake("policy_key", "there is no policy to sign").WithHint("name one with --policy")
	case c.policyKeyFile == "":
		return c.mistake("policy", "policies in functions are signed, and there is no key").
			WithHint("make one with: autodefend policy keygen policy.key, and name it with --policy-key policy.key")
	case c.Recipe.PolicyVariable == "":
		return c.mistake("policy", "recipe %q embeds no policy", c.Recipe.Name).WithHint("a recipe names the variable for it in policy_variable")
	}
	text, err := os.ReadFile(c.policyFile)
	if err != nil {
		return c.mistake("policy", "the file %q can't be read: %s", c.policyFile, whyNot(err))
	}
	p, err := policy.Parse(text)
	if err == nil {
		_, err = p.Check()
	}
	if err != nil {
		return c.mistake("policy", "the file %q: %s", c.policyFile, err).WithHint("autodefend policy validate %s shows every mistake", c.policyFile)
	}
	if names := p.Undefined(); len(names) > 0 {
		return c.mistake("policy", "the file %q only names collections and doesn't say what is in them: %s", c.policyFile, strings.Join(names, ", ")).
			WithHint("write each as an object with its functions and labels, as the Console gives them when it's read")
	}
	pem, err := os.ReadFile(c.policyKeyFile)
	if err != nil {
		return c.mistake("policy_key", "the file %q can't be read: %s", c.policyKeyFile, whyNot(err))
	}
	key, err := parseSigningKey(pem)
	if err != nil {
		return c.mistake("policy_key", "%q %s", c.policyKeyFile, err).WithHint("make one with: autodefend policy keygen FILE")
	}
	sum := sha256.Sum256(append(text, key[ed25519.SeedSize:]...))
	c.policies = &policies{policy: p, key: key, issued: time.Now().UTC().Truncate(time.Second), digest: hex.EncodeToString(sum[:])}
	return nil
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
// that did.
func (p *policies) value(f autodefend.Function, room int) string {
	target := policy.Target{Function: f.ARN.Name, Region: f.ARN.Region, AccountID: f.ARN.Account, Provider: "aws", Labels: f.Tags}
	wanted := policy.Envelope{Rule: p.policy.Resolve(target).Rule, Target: target, Issued: p.issued}
	present := f.Environment.Variables[policy.EnvironmentVariable]
	if was, err := policy.Decode(present, p.key.Public().(ed25519.PublicKey)); err == nil { //nolint:forcetypeassert // documented
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
