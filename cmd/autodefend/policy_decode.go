package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// policyDecode is the command policy decode with its flags.
type policyDecode struct {
	*app
	trust  string
	format string
}

func newPolicyDecode(a *app) *cobra.Command {
	c := &policyDecode{app: a}
	cmd := &cobra.Command{
		Long: `Checks the signature of a TW_POLICY and shows what it carries. Secrets in it are not shown.
The key inside tells that the value is complete; whether it's yours, --trust tells.`,
		Example: `  aws lambda get-function-configuration --function-name orders-api --query Environment.Variables.TW_POLICY --output text | autodefend policy decode`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(cmd, "decode wants one value, or none to read it from standard input")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args) },
	}
	cmd.Flags().StringVar(&c.trust, "trust", "", "the public `KEY` that has to have signed")
	formatFlag(cmd, &c.format, "table", "json")
	return cmd
}

// decodedPolicy is what policy decode prints.
type decodedPolicy struct {
	Version  int                 `json:"version"`
	Key      string              `json:"key"`
	Issued   time.Time           `json:"issued,omitzero"`
	Function string              `json:"function"`
	Region   string              `json:"region,omitempty"`
	Account  string              `json:"account,omitempty"`
	Provider string              `json:"provider,omitempty"`
	Console  string              `json:"console,omitempty"`
	Token    bool                `json:"token"`
	Interval int                 `json:"interval_seconds"`
	FailMode autodefend.FailMode `json:"fail_mode"`
	Summary  bool                `json:"summary"`
	Rule     json.RawMessage     `json:"rule"`
	WAAS     json.RawMessage     `json:"waas,omitempty"`
}

func (c *policyDecode) run(args []string) error {
	if err := textOrJSON(c.format, "table"); err != nil {
		return err
	}
	trusted, err := publicKey("--trust", c.trust)
	if err != nil {
		return err
	}
	value := "-"
	if len(args) == 1 {
		value = args[0]
	}
	if value == "-" {
		text, err := c.input("standard input", "-")
		if err != nil {
			return err
		}
		value = string(text)
	}
	value = strings.TrimPrefix(strings.TrimSpace(value), policy.EnvironmentVariable+"=")
	e, err := policy.Decode(value, trusted)
	if err != nil {
		return err
	}
	doc := decodedPolicy{
		Version: 1, Key: printedKey(e.Key), Issued: e.Issued,
		Function: e.Target.Function, Region: e.Target.Region, Account: e.Target.AccountID, Provider: e.Target.Provider,
		Console: e.Console.Address, Token: e.Console.Token != "",
		Interval: int(e.Interval / time.Second), FailMode: e.FailMode, Summary: e.Summary, Rule: json.RawMessage("null"),
	}
	if e.Rule != nil {
		if doc.Rule, err = json.Marshal(e.Rule); err != nil {
			return fmt.Errorf("show rule: %w", err)
		}
	}
	if e.WAAS != nil {
		if doc.WAAS, err = json.Marshal(e.WAAS); err != nil {
			return fmt.Errorf("show firewall rule: %w", err)
		}
	}
	return writeData(c.stdout, c.format, doc, doc.table)
}

func (d decodedPolicy) table(w io.Writer) error {
	lines := [][2]string{
		{"function", strings.TrimSpace(d.Function + " " + d.Region + " " + d.Account + " " + d.Provider)},
		{"signed by", d.Key},
		{"fail mode", string(d.FailMode)},
		{"console", "none"},
	}
	if !d.Issued.IsZero() {
		lines = append(lines, [2]string{"issued", d.Issued.Format(time.RFC3339)})
	}
	if d.Console != "" {
		lines[3][1] = fmt.Sprintf("%s, asked after %d s", d.Console, d.Interval)
	}
	if d.Summary {
		lines = append(lines, [2]string{"summary", "stands for the policy, which had no room; the Console has all of it"})
	}
	for _, l := range lines {
		fmt.Fprintf(w, "%-10s %s\n", l[0], printable(l[1]))
	}
	if string(d.Rule) == "null" && len(d.WAAS) == 0 {
		_, err := fmt.Fprintln(w, "No rule: nothing is enforced.")
		return err
	}
	if string(d.Rule) == "null" {
		fmt.Fprintln(w, "No rule of the runtime: nothing is enforced but the firewall.")
	} else if err := indented(w, d.Rule); err != nil {
		return err
	}
	if len(d.WAAS) == 0 {
		return nil
	}
	fmt.Fprintln(w, "Firewall:")
	return indented(w, d.WAAS)
}

// indented writes JSON for people.
func indented(w io.Writer, raw json.RawMessage) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(raw)
}
