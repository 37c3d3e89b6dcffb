package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/report"
)

func newExplain(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Long: `Shows every check of one function with the number seen and its limit, what is published
of it, what it was seen to use, and what an apply would change. FUNCTION is a name,
looked for in every region of the scope, or a full ARN.`,
		Example: `  autodefend explain orders-api
  autodefend explain arn:aws:lambda:eu-west-1:123456789012:function:orders-api -o json`,
		Annotations: configured(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, "explain wants one function, as a name or an ARN")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args[0], format) },
	}
	addFlags(cmd.Flags(), selectors()...)
	reportFlag(cmd, &format)
	return cmd
}

func (a *app) explain(ctx context.Context, function, formatName string) error {
	format, err := report.ParseFormat(formatName)
	if err != nil {
		return err
	}
	arn, err := functionNamed(function)
	if err != nil {
		return err
	}
	if arn.Region != "" {
		a.cfg.Regions = []string{arn.Region}
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	if err := s.only(arn); err != nil {
		return err
	}
	found, err := a.fleet(s, mode{details: true}).Explain(ctx, arn.Name)
	if err != nil && len(found) == 0 {
		return err
	}
	explanations := make([]report.Explanation, len(found))
	for i, e := range found {
		explanations[i] = report.Explanation(e)
	}
	if err := report.Explain(a.stdout, explanations, format, a.styleOf(a.stdout)); err != nil {
		return err
	}
	a.complain("", s.errors)
	if err != nil {
		a.renderError(err)
	}
	if err != nil || len(s.errors) > 0 {
		return exitPartly
	}
	return nil
}

// functionNamed reads a function's ARN, or its name alone.
func functionNamed(s string) (autodefend.FunctionARN, error) {
	if strings.HasPrefix(s, "arn:") || strings.Contains(s, ":") {
		return autodefend.ParseFunctionARN(s)
	}
	const anyone = "arn:aws:lambda:us-east-1:123456789012:function:"
	if _, err := autodefend.ParseFunctionARN(anyone + s); err != nil {
		return autodefend.FunctionARN{}, autodefend.Errorf(autodefend.CodeInvalid, "%q isn't the name of a function", s).
			WithHint("a name has up to 64 letters, digits, hyphens and underscores; to look for a pattern use: autodefend plan --function GLOB")
	}
	return autodefend.FunctionARN{Name: s}, nil
}

// only keeps of a scope the account and region of an ARN.
func (s *scope) only(arn autodefend.FunctionARN) error {
	if arn.Account == "" {
		return nil
	}
	if !s.has(arn.Account, arn.Region) {
		return autodefend.Errorf(autodefend.CodeDenied, "the function is in %s %s, and these credentials reach %s", arn.Account, arn.Region, s).
			WithHint("use the account's credentials, or name a role in it with --assume-role")
	}
	s.regions = slices.DeleteFunc(s.regions, func(r fleet.Region) bool { return r.Account != arn.Account || r.Name != arn.Region })
	return nil
}
