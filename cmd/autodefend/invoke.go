package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
)

// maxPayload is AWS's limit on a synchronous invocation's payload, in bytes.
const maxPayload = 6 << 20

// invokeCommand is the command invoke with its flags.
type invokeCommand struct {
	*app
	payload string
	format  string
}

func newInvoke(a *app) *cobra.Command {
	c := &invokeCommand{app: a}
	cmd := &cobra.Command{
		Long: `Runs a function once with a payload and waits, then shows its answer and the audits that
the Defender wrote to the end of the invocation's log (AWS gives the last 4 KB of it).
FUNCTION is a name, looked for in the first region of the scope, or a full ARN.`,
		Example: `  autodefend invoke orders-api --payload '{"id": 7}'
  autodefend invoke arn:aws:lambda:eu-west-1:123456789012:function:orders-api --payload @event.json -o json`,
		Annotations: configured(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, "invoke wants one function, as a name or an ARN")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	addFlags(cmd.Flags(), reachers()...)
	formatFlag(cmd, &c.format, "table", "json", "yaml")
	cmd.Flags().StringVarP(&c.payload, "payload", "p", "{}", "the event as `JSON`, as @FILE, or - for standard input")
	return cmd
}

// invoked is what the command shows.
type invoked struct {
	Version        int                        `json:"version" yaml:"version"`
	Function       string                     `json:"function" yaml:"function"`
	Executed       string                     `json:"executed_version" yaml:"executed_version"`
	FunctionError  string                     `json:"function_error,omitempty" yaml:"function_error,omitempty"`
	Payload        any                        `json:"payload" yaml:"payload"`
	Audits         []autodefend.Audit         `json:"audits" yaml:"audits"`
	FirewallAudits []autodefend.FirewallAudit `json:"firewall_audits" yaml:"firewall_audits"`
}

func (c *invokeCommand) run(ctx context.Context, function string) error {
	payload, err := c.readPayload()
	if err != nil {
		return err
	}
	arn, err := functionNamed(function)
	if err != nil {
		return err
	}
	if arn.Region != "" {
		c.cfg.Regions = []string{arn.Region}
	}
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := s.only(arn); err != nil {
		return err
	}
	region := s.regions[0]
	i, err := s.clouds[region.Account+" "+region.Name].Invoke(ctx, arn.Name, payload)
	if err != nil {
		return err
	}
	if err := c.show(arn.Name, i); err != nil {
		return err
	}
	if i.FunctionError != "" {
		return exitPartly
	}
	return nil
}

// readPayload returns the event, which has to be JSON.
func (c *invokeCommand) readPayload() ([]byte, error) {
	payload, err := []byte(c.payload), error(nil)
	switch name, isFile := strings.CutPrefix(c.payload, "@"); {
	case c.payload == "-":
		payload, err = io.ReadAll(io.LimitReader(c.stdin, maxPayload+1))
	case isFile:
		payload, err = os.ReadFile(name)
	}
	switch {
	case err != nil:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --payload: %q can't be read: %s", c.payload, whyNot(err))
	case len(payload) > maxPayload:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --payload: larger than the %d bytes that AWS takes", maxPayload)
	case !json.Valid(payload):
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --payload isn't JSON").WithHint(`give an event such as {"id": 7}, or @FILE`)
	}
	return payload, nil
}

func (c *invokeCommand) show(function string, i cloud.Invocation) error {
	shown := invoked{Version: 1, Function: function, Executed: i.Version, FunctionError: i.FunctionError}
	shown.Audits = auditsIn(i.Log, func(a autodefend.Audit) bool { return a.AttackType != "" && a.Msg != "" })
	shown.FirewallAudits = auditsIn(i.Log, func(a autodefend.FirewallAudit) bool { return a.Protection != "" && a.Msg != "" })
	if json.Unmarshal(i.Payload, &shown.Payload) != nil {
		shown.Payload = string(i.Payload)
	}
	return writeData(c.stdout, c.format, shown, func(w io.Writer) error {
		status := "answered"
		if i.FunctionError != "" {
			status = i.FunctionError + " error"
		}
		_, err := fmt.Fprintf(w, "%s %s: %s\n", function, status, printable(string(i.Payload)))
		for _, a := range shown.Audits {
			if err == nil {
				_, err = fmt.Fprintf(w, "  %-8s %s  [%s, rule %q, tier %s, %s]\n", a.Effect, printable(a.Msg), a.AttackType, printable(a.RuleName), a.Tier, a.Coverage)
			}
		}
		for _, a := range shown.FirewallAudits {
			if err == nil {
				_, err = fmt.Fprintf(w, "  %-8s %s  [%s, rule %q, %s]\n", a.Effect, printable(a.Msg), a.Type, printable(a.RuleName), printable(a.Rule))
			}
		}
		return err
	})
}

// auditsIn finds the Defender's audits of one sort among the lines of a log.
// The first line may be cut off.
func auditsIn[A any](log []byte, is func(A) bool) []A {
	audits := []A{}
	for line := range bytes.Lines(log) {
		var a A
		if json.Unmarshal(line, &a) == nil && is(a) {
			audits = append(audits, a)
		}
	}
	return audits
}
