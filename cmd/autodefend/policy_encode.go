package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// policyEncode is the command policy encode with its flags.
type policyEncode struct {
	policySource
	to       targetFlags
	waas     string
	key      string
	console  string
	token    string
	ca       string
	proxy    string
	failMode string
	interval time.Duration
	limit    int
	format   string
}

func newPolicyEncode(a *app) *cobra.Command {
	c := &policyEncode{policySource: policySource{app: a}}
	cmd := &cobra.Command{
		Long: `Finds the rule of a policy that holds for a function, and the firewall's rule of another
with --waas, and prints them as the value for that function's variable TW_POLICY:
compressed, and signed with --key or, without it, with a key that is made for this value
and forgotten. Either policy may be left out.

All variables of a function together have 4,096 bytes. What has no room is replaced by a
summary if there is a Console to get the whole from: the firewall's rule gives way first
and then alerts where it can't know its exceptions; the runtime's gets stricter.`,
		Example: `  autodefend policy encode policy.json --function orders-api --region eu-west-1 --key policy.key
  autodefend policy encode policy.json --waas waas.json --function orders-api --key policy.key
  autodefend policy encode --waas waas.json --function orders-api`,
		Args: func(cmd *cobra.Command, args []string) error {
			if c.waas != "" && len(args) == 0 {
				return nil
			}
			return oneFile(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.flags(cmd)
	c.to.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.waas, "waas", "", "`FILE` with the firewall's policy")
	flags.StringVar(&c.key, "key", "", "`FILE` with the key to sign with")
	flags.StringVar(&c.console, "console", "", "`ADDRESS` of the Console")
	flags.StringVar(&c.token, "console-token", "", "`FILE` with the function's token for the Console")
	flags.StringVar(&c.ca, "console-ca", "", "`FILE` with the certificate that the Console's is signed with")
	flags.StringVar(&c.proxy, "proxy", "", "`URL` of a proxy on the way to the Console")
	flags.StringVar(&c.failMode, "fail-mode", "", "`MODE` when the Defender fails: open, closed (default: the rule's)")
	flags.DurationVar(&c.interval, "interval", policy.DefaultInterval, "ask the Console for a newer policy after this `DURATION`")
	flags.IntVar(&c.limit, "limit", 4000, "the most `BYTES` that the value may have")
	formatFlag(cmd, &c.format, "value", "json")
	return cmd
}

// encodedPolicy is what policy encode prints for programs. Data is the member of Prisma's shared.EncodedServerlessRule.
type encodedPolicy struct {
	Version int    `json:"version"`
	Data    string `json:"data"`
	Bytes   int    `json:"bytes"`
	Rule    string `json:"rule"`
	WAAS    string `json:"waas,omitempty"`
	Summary bool   `json:"summary"`
	Key     string `json:"key"`
}

func (c *policyEncode) run(cmd *cobra.Command, files []string) error {
	if err := textOrJSON(c.format, "value"); err != nil {
		return err
	}
	e, err := c.envelope(cmd, files)
	if err != nil {
		return err
	}
	key, err := c.signingKey(c.key)
	if err != nil {
		return err
	}
	value, err := policy.Encode(e, key, c.limit)
	if err != nil {
		return err
	}
	// What was made is what is told of, not what was meant.
	made, err := policy.Decode(value, nil)
	if err != nil {
		return fmt.Errorf("read back %s: %w", policy.EnvironmentVariable, err)
	}
	c.tell(made, len(value))
	doc := encodedPolicy{1, value, len(value), ruleName(made.Rule), firewallName(made.WAAS), made.Summary, printedKey(made.Key)}
	format := strings.Replace(c.format, "value", "table", 1)
	return writeData(c.stdout, format, doc, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, value)
		return err
	})
}

// tell says on standard error what the value is.
func (c *policyEncode) tell(made policy.Envelope, size int) {
	rule := c.told(made)
	c.say("autodefend: %s for %s: %s, %s", policy.EnvironmentVariable, made.Target.Function, printable(rule), count(size, "byte"))
	if made.Summary {
		c.say("autodefend: the rule had no room: the value has a stricter summary of it until the Console is reached; of a firewall's rule, one that may only alert")
	}
	if c.key == "" {
		c.say("autodefend: signed with a key that is forgotten now; with --key newer policies can be signed for the same function")
	}
}

// told names the rules that a value carries.
func (c *policyEncode) told(made policy.Envelope) string {
	var rules []string
	if made.Rule != nil {
		rules = append(rules, fmt.Sprintf("rule %q", made.Rule.Name))
	}
	if made.WAAS != nil {
		rules = append(rules, fmt.Sprintf("firewall rule %q", made.WAAS.Name))
	}
	switch {
	case len(rules) == 0:
		return "no rule holds, so nothing is enforced"
	case c.waas != "" && made.WAAS == nil:
		rules = append(rules, "no firewall rule holds")
	}
	return strings.Join(rules, ", ")
}

// ruleName is a rule's name, "" for none.
func ruleName(r *policy.Rule) string {
	if r == nil {
		return ""
	}
	return r.Name
}

// firewallName is the name of a firewall's rule, "" for none.
func firewallName(r *policy.WAASRule) string {
	if r == nil {
		return ""
	}
	return r.Name
}

// envelope puts together what is to be encoded.
func (c *policyEncode) envelope(cmd *cobra.Command, files []string) (policy.Envelope, error) {
	target, err := c.to.target(cmd)
	if err != nil {
		return policy.Envelope{}, err
	}
	mode := autodefend.FailMode(c.failMode)
	if mode != "" && mode != autodefend.FailOpen && mode != autodefend.FailClosed {
		return policy.Envelope{}, autodefend.Errorf(autodefend.CodeInvalid, "option --fail-mode: %q isn't a fail mode", c.failMode).WithHint("use open or closed")
	}
	e := policy.Envelope{Target: target, Interval: c.interval, FailMode: mode, Issued: time.Now()}
	if len(files) > 0 {
		if e.Rule, err = c.rule(files[0], target); err != nil {
			return e, err
		}
	}
	if c.waas != "" {
		if e.WAAS, err = c.firewallRule(c.waas, target); err != nil {
			return e, err
		}
	}
	e.Console, err = c.consoleSettings()
	return e, err
}

// rule finds the rule of the runtime for a function; nil when none holds.
func (s *policySource) rule(name string, target policy.Target) (*policy.Rule, error) {
	p, err := s.policy(name)
	if err != nil {
		return nil, err
	}
	if _, err := p.Check(); err != nil {
		return nil, aboutFile(name, err)
	}
	res, err := resolve(p, target)
	return res.Rule, err
}

// consoleSettings reads the options of the Console.
func (c *policyEncode) consoleSettings() (policy.Console, error) {
	s := policy.Console{Address: c.console, Proxy: policy.Proxy{HTTPProxy: c.proxy}}
	if c.console == "" && (c.token != "" || c.ca != "" || c.proxy != "") {
		return s, autodefend.Errorf(autodefend.CodeInvalid, "options of the Console need its address").WithHint("give it with --console ADDRESS")
	}
	for _, f := range []struct {
		option, name string
		to           *string
	}{{"--console-token", c.token, &s.Token}, {"--console-ca", c.ca, &s.CA}} {
		if f.name == "" {
			continue
		}
		text, err := c.input("option "+f.option+":", f.name)
		if err != nil {
			return s, err
		}
		*f.to = strings.TrimSpace(string(text))
	}
	return s, nil
}
