package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/report"
)

func newStatus(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Long: `Shows how many functions are protected by account, region and runtime, what keeps the
others unprotected, and which they are. It makes no call that changes anything.`,
		Example: `  autodefend status --region all
  autodefend status -o markdown > coverage.md`,
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), format) },
	}
	addFlags(cmd.Flags(), selectors()...)
	reportFlag(cmd, &format)
	return cmd
}

func (a *app) status(ctx context.Context, formatName string) error {
	format, err := report.ParseFormat(formatName)
	if err != nil {
		return err
	}
	_, p, err := a.survey(ctx, mode{details: a.cfg.Details}, func(f *fleet.Fleet) (*autodefend.Plan, error) { return f.Plan(ctx) })
	if err != nil {
		return err
	}
	if err := report.Status(a.stdout, report.StatusOf(p), format, a.styleOf(a.stdout)); err != nil {
		return err
	}
	a.complain(format, p.Errors)
	if len(p.Errors) > 0 {
		return exitPartly
	}
	return nil
}
