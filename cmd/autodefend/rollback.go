package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/report"
)

// rollbackCommand is the command rollback with its flags.
type rollbackCommand struct {
	*app
	format string
	runID  string
	yes    bool
}

func newRollback(a *app) *cobra.Command {
	c := &rollbackCommand{app: a}
	cmd := &cobra.Command{
		Long: `Removes from functions what Autodefend put there: the layer, its variables, the tag.
What the owner changed since stays as it is. Functions that AWS would refuse to
change are left alone, with the reason.`,
		Example: `  autodefend rollback --function orders-api
  autodefend rollback --run 20260701T120000-a1b2 --yes`,
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return c.rollBack(cmd.Context()) },
	}
	addFlags(cmd.Flags(), selectors()...)
	addFlags(cmd.Flags(), limiters()...)
	reportFlag(cmd, &c.format)
	cmd.Flags().StringVar(&c.runID, "run", "", "only functions that the apply with this `ID` attached")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "don't ask")
	return cmd
}

func (c *rollbackCommand) rollBack(ctx context.Context) error {
	format, err := report.ParseFormat(c.format)
	if err != nil {
		return err
	}
	bar := newProgress(c.app)
	_, f, p, err := c.survey(ctx, mode{progress: bar.done}, func(f *fleet.Fleet) (*autodefend.Plan, error) {
		return f.PlanRollback(ctx, c.runID)
	})
	if err != nil {
		return err
	}
	if c.cfg.DryRun {
		return c.dryRun(p, format)
	}
	changes := 0
	for _, v := range p.Functions {
		if v.Change != nil {
			changes++
		}
	}
	if err := c.allowed(ctx, p, changes, c.yes, "remove the Defender from "+count(changes, "function")); err != nil {
		return err
	}
	bar.start(changes, "rolling back")
	r := f.Rollback(ctx, p, c.runID)
	bar.stop()
	return c.finish(r, format, false)
}
