package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

func newPolicy(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range []command{
		{"validate FILE", "", "Find mistakes in a policy of either kind, and what may not be meant", newPolicyValidate},
		{"explain FILE", "", "Say which rule holds for a function, and what it makes of an event", newPolicyExplain},
		{"encode [FILE]", "", "Make a function's TW_POLICY", newPolicyEncode},
		{"decode [VALUE]", "", "Show what a TW_POLICY carries, and check its signature", newPolicyDecode},
		{"keygen FILE", "", "Make a key that policies are signed with", newPolicyKeygen},
	} {
		sub := c.build(a)
		sub.Use, sub.Short = c.use, c.synopsis
		cmd.AddCommand(sub)
	}
	return cmd
}

// policySource is where a command has its policy from.
type policySource struct {
	*app
	collections string
}

func (s *policySource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.collections, "collections", "", "`FILE` with the collections that rules only name, as a JSON list")
}

// policy reads a policy of the runtime from a file, or from standard input.
func (s *policySource) policy(name string) (*policy.Policy, error) {
	text, err := s.input("policy", name)
	if err != nil {
		return nil, err
	}
	return s.parsePolicy(name, text)
}

func (s *policySource) parsePolicy(name string, text []byte) (*policy.Policy, error) {
	if policy.IsWAAS(text) {
		return nil, aboutFile(name, firewallGiven("this command looks at policies of the runtime: autodefend waas test tries a firewall's, policy encode takes it with --waas"))
	}
	p, err := policy.Parse(text)
	if err != nil {
		return nil, aboutFile(name, err)
	}
	collections, err := s.defined()
	if err != nil {
		return nil, err
	}
	p.Define(collections)
	return p, nil
}

// firewallGiven is the mistake of a firewall's policy in the place of a runtime's.
func firewallGiven(hint string) error {
	return autodefend.Errorf(autodefend.CodeInvalid, "it's a policy of the firewall").WithHint("%s", hint)
}

// defined reads the collections that rules only name.
func (s *policySource) defined() ([]policy.Collection, error) {
	if s.collections == "" {
		return nil, nil
	}
	text, err := s.input("option --collections:", s.collections)
	if err != nil {
		return nil, err
	}
	collections, err := policy.ParseCollections(text)
	if err != nil {
		return nil, aboutFile(s.collections, err)
	}
	return collections, nil
}

// input reads a file, or standard input for a hyphen. what begins the message when that fails.
func (a *app) input(what, name string) ([]byte, error) {
	read := func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.stdin, policy.MaxSize+1)) }
	if name != "-" {
		read = func() ([]byte, error) { return os.ReadFile(name) }
	}
	text, err := read()
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%s %q can't be read: %s", what, name, whyNot(err))
	}
	return text, nil
}

// aboutFile begins each of joined errors with the file that it's about.
func aboutFile(name string, err error) error {
	if name == "-" {
		name = "standard input"
	}
	var all []error
	for _, e := range unjoin(err) {
		all = append(all, &autodefend.Error{Code: autodefend.ErrorCode(e), Message: name, Err: e})
	}
	return errors.Join(all...)
}

// targetFlags are the options that say for which function a rule is looked for.
type targetFlags struct {
	policy.Target
	labels []string
}

func (t *targetFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&t.Function, "function", "", "the function's `NAME`")
	flags.StringVar(&t.Region, "region", "", "its `REGION` (default: any)")
	flags.StringVar(&t.AccountID, "account", "", "its account's `ID`; rules look at it for Azure only")
	flags.StringVar(&t.Provider, "provider", "aws", "its `CLOUD`: aws, azure")
	flags.StringArrayVar(&t.labels, "label", nil, "a tag of it, as `KEY:VALUE`; may be repeated")
}

// target returns the function.
func (t *targetFlags) target(cmd *cobra.Command) (policy.Target, error) {
	if t.Function == "" {
		return t.Target, usageError(cmd, "%s needs --function NAME", cmd.CommandPath())
	}
	if t.Provider != "aws" && t.Provider != "azure" {
		return t.Target, autodefend.Errorf(autodefend.CodeInvalid, "option --provider: %q isn't a cloud that the Defender knows", t.Provider).WithHint("use aws or azure")
	}
	t.Labels = make(map[string]string)
	for _, l := range t.labels {
		key, value, ok := strings.Cut(l, ":")
		if !ok || key == "" {
			return t.Target, autodefend.Errorf(autodefend.CodeInvalid, "option --label: %q isn't KEY:VALUE", l).WithHint("such as --label team:payments")
		}
		t.Labels[key] = value
	}
	return t.Target, nil
}

// resolve finds the rule for a function. Collections that are only named are an error: nobody can tell whether a rule
// above holds.
func resolve(p *policy.Policy, t policy.Target) (policy.Resolution, error) {
	res := p.Resolve(t)
	return res, onlyNamed(res.Undefined)
}

// onlyNamed is the error of collections that are only named.
func onlyNamed(collections []string) error {
	if len(collections) == 0 {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "the policy only names the collections %s: which functions they hold is known to the Console", strings.Join(collections, ", ")).
		WithHint("give them with --collections FILE, as GET /api/v1/collections returns them")
}

// oneFile is cobra's check of the arguments of commands that want a policy.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError(cmd, "%s wants one policy, as a file or - for standard input", cmd.CommandPath())
	}
	return nil
}

// textOrJSON refuses other forms than a command's first and json.
func textOrJSON(format, first string) error {
	if format == first || format == "json" {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "option -o/--output: this command doesn't print %q", format).WithHint("use %s or json", first)
}
