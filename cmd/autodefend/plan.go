package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/report"
)

// planCommand is the command plan with its flags.
type planCommand struct {
	*app
	format   string
	out      string
	exitcode bool
}

func newPlan(a *app) *cobra.Command {
	p := &planCommand{app: a}
	cmd := &cobra.Command{
		Long: `Reads every function in the scope, judges it, and shows what an apply would do and
why not. It makes no call that changes anything.`,
		Example: `  autodefend plan --region eu-west-1
  autodefend plan --region all --exclude 'legacy-*' --out plan.json
  autodefend plan --assume-role arn:aws:iam::123456789012:role/Autodefend -o csv`,
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context()) },
	}
	addFlags(cmd.Flags(), selectors()...)
	reportFlag(cmd, &p.format)
	cmd.Flags().StringVar(&p.out, "out", "", "save the plan to `FILE` for apply --plan")
	cmd.Flags().BoolVar(&p.exitcode, "detailed-exitcode", false, "exit with 2 when changes are pending")
	return cmd
}

func (c *planCommand) run(ctx context.Context) error {
	format, err := report.ParseFormat(c.format)
	if err != nil {
		return err
	}
	_, p, err := c.survey(ctx, mode{details: c.cfg.Details}, func(f *fleet.Fleet) (*autodefend.Plan, error) { return f.Plan(ctx) })
	if err != nil {
		return err
	}
	if c.out != "" {
		if err := writePlanFile(c.out, p); err != nil {
			return err
		}
		c.say("autodefend: saved the plan; carry it out with: autodefend apply --plan %s", c.out)
	}
	if err := report.Plan(c.stdout, p, format, c.styleOf(c.stdout)); err != nil {
		return err
	}
	c.complain(format, p.Errors)
	return statusOf(c.exitCode(p))
}

func (c *planCommand) exitCode(p *autodefend.Plan) exitStatus {
	switch {
	case len(p.Errors) > 0:
		return exitPartly
	case c.exitcode && p.Summary.Changes() > 0:
		return exitPending
	}
	return exitDone
}
