package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

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
	f, p, err := c.survey(ctx, mode{progress: bar.done}, func(f *fleet.Fleet) (*autodefend.Plan, error) {
		return f.PlanRollback(ctx, c.runID)
	})
	if err != nil {
		return err
	}
	show := c.preview(p)
	if c.cfg.DryRun {
		return c.dryRun(p, show, format)
	}
	changes := removals(p)
	err = c.allowed(ctx, intent{deed: "remove the Defender from", changes: changes, total: len(p.Functions), yes: c.yes, show: show})
	if err != nil {
		return err
	}
	bar.start(changes, "rolling back")
	r := f.Rollback(ctx, p, c.runID)
	bar.stop()
	return c.finish(r, format, false)
}

// removals counts the functions that a roll-back would change.
func removals(p *autodefend.Plan) int {
	n := 0
	for _, v := range p.Functions {
		if v.Change != nil {
			n++
		}
	}
	return n
}

// preview renders the plan of a roll-back; for people in words of its own, as
// those of a plan to attach would mislead.
func (c *rollbackCommand) preview(p *autodefend.Plan) preview {
	return func(w io.Writer, format report.Format) error {
		if format != report.FormatTable {
			return report.Plan(w, p, format, c.styleOf(w))
		}
		n := removals(p)
		fmt.Fprintf(w, "%d to roll back, %d that can't be.\n", n, len(p.Functions)-n)
		if c.quiet || len(p.Functions) == 0 {
			return nil
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "\nNAME\tREGION\tACCOUNT\tROLL BACK")
		for _, v := range p.Functions {
			what := "yes"
			if v.Change == nil && len(v.Reasons) > 0 {
				what = "no: " + string(v.Reasons[0].Check) + ": " + printable(v.Reasons[0].Message)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", v.Name, v.Region, v.Account, what)
		}
		return t.Flush()
	}
}
