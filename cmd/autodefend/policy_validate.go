package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/expression"
)

// policyReport is what policy validate prints for programs.
type policyReport struct {
	Version int             `json:"version"`
	File    string          `json:"file"`
	Rules   int             `json:"rules"`
	Errors  []policyMistake `json:"errors"`
	Remarks []policy.Remark `json:"remarks"`
}

type policyMistake struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func newPolicyValidate(a *app) *cobra.Command {
	source, format := &policySource{app: a}, ""
	cmd := &cobra.Command{
		Long: `Reads a policy of the runtime or of the firewall in Prisma Cloud Compute's form (a whole
policy, a list of rules or one rule), reports every mistake with the path of its member,
and remarks on what works but may not be meant. A policy with a mistake is never sent to a
function. Which of the two it is, its id or its rules tell.`,
		Example: `  autodefend policy validate policy.json
  curl -s https://console:8083/api/v1/policies/runtime/serverless | autodefend policy validate -`,
		Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error { return source.validate(args[0], format) },
	}
	source.flags(cmd)
	formatFlag(cmd, &format, "table", "json")
	return cmd
}

func (s *policySource) validate(name, format string) error {
	if err := textOrJSON(format, "table"); err != nil {
		return err
	}
	report := policyReport{Version: 1, File: name, Errors: []policyMistake{}, Remarks: []policy.Remark{}}
	rules, remarks, err := s.checked(name)
	if rules < 0 && format != "json" {
		return err
	}
	report.Rules, report.Remarks = max(rules, 0), append(report.Remarks, remarks...)
	if err != nil {
		for _, e := range unjoin(err) {
			report.Errors = append(report.Errors, policyMistake{e.Error(), autodefend.ErrorHint(e)})
		}
	}
	printed := writeData(s.stdout, format, report, report.table)
	if printed != nil || err == nil {
		return printed
	}
	if format == "json" {
		return exitError
	}
	return err
}

// checked reads and checks a policy of either kind. It returns how many rules there are, -1 when it can't be read.
func (s *policySource) checked(name string) (int, []policy.Remark, error) {
	text, err := s.input("policy", name)
	if err != nil {
		return -1, nil, err
	}
	if policy.IsWAAS(text) {
		p, err := s.parseFirewall(name, text)
		if err != nil {
			return -1, nil, err
		}
		remarks, err := p.Check(expression.Check)
		return len(p.Rules), remarks, aboutFileIf(name, err)
	}
	p, err := s.parsePolicy(name, text)
	if err != nil {
		return -1, nil, err
	}
	remarks, err := p.Check()
	return len(p.Rules), remarks, aboutFileIf(name, err)
}

// aboutFileIf is aboutFile for an error that may be nil.
func aboutFileIf(name string, err error) error {
	if err == nil {
		return nil
	}
	return aboutFile(name, err)
}

func (r policyReport) table(w io.Writer) error {
	for _, remark := range r.Remarks {
		fmt.Fprintf(w, "%s: %s\n", printable(remark.Path), printable(remark.Message))
	}
	verdict := "no mistakes"
	if n := len(r.Errors); n > 0 {
		verdict = count(n, "mistake")
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s\n", printable(r.File), count(r.Rules, "rule"), verdict)
	return err
}
