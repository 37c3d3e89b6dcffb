package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/plan"
	"github.com/autodefend/autodefend/internal/report"
)

// applyCommand is the command apply with its flags.
type applyCommand struct {
	*app
	format   string
	planFile string
	yes      bool
}

func newApply(a *app) *cobra.Command {
	c := &applyCommand{app: a}
	cmd := &cobra.Command{
		Long: `Attaches the Defender to the functions that are safe, one update each, guarded by the
function's revision, and verifies it. With --plan it does what the file says and
nothing else. A change that AWS ends as failed is rolled back at once. Running it
again goes on where it was interrupted; a second run changes nothing.`,
		Example: `  autodefend apply --function 'orders-*'
  autodefend plan --out plan.json && autodefend apply --plan plan.json --yes
  autodefend apply --region all --yes --max-changes 10%`,
		Args:        cobra.NoArgs,
		Annotations: configured(),
		RunE:        func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	addFlags(cmd.Flags(), selectors()...)
	addFlags(cmd.Flags(), limiters()...)
	reportFlag(cmd, &c.format)
	cmd.Flags().StringVar(&c.planFile, "plan", "", "carry out the plan in `FILE`")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "don't ask")
	return cmd
}

func (c *applyCommand) run(ctx context.Context) error {
	format, err := report.ParseFormat(c.format)
	if err != nil {
		return err
	}
	bar := newProgress(c.app)
	f, p, err := c.prepare(ctx, bar)
	if err != nil {
		return err
	}
	show := c.previewPlan(p)
	if c.cfg.DryRun {
		return c.dryRun(p, show, format)
	}
	changes := p.Summary.Changes()
	err = c.allowed(ctx, intent{deed: "attach the Defender to", changes: changes, total: len(p.Functions), yes: c.yes, show: show})
	if err != nil {
		return err
	}
	bar.start(changes, "attaching")
	r := f.Apply(ctx, p)
	bar.stop()
	return c.finish(r, format, c.planFile != "" && stale(r, changes))
}

// prepare makes the plan to carry out, or reads it.
func (c *applyCommand) prepare(ctx context.Context, bar *progress) (*fleet.Fleet, *autodefend.Plan, error) {
	if c.planFile != "" {
		return c.fromFile(ctx, bar)
	}
	// Every function is read again before its change, so the listing will do.
	m := mode{progress: bar.done}
	return c.survey(ctx, m, func(f *fleet.Fleet) (*autodefend.Plan, error) { return f.Plan(ctx) })
}

// preview renders what would be done.
type preview func(w io.Writer, format report.Format) error

// previewPlan renders a plan.
func (a *app) previewPlan(p *autodefend.Plan) preview {
	return func(w io.Writer, format report.Format) error { return report.Plan(w, p, format, a.styleOf(w)) }
}

// dryRun shows the plan in place of carrying it out.
func (a *app) dryRun(p *autodefend.Plan, show preview, format report.Format) error {
	if err := show(a.stdout, format); err != nil {
		return err
	}
	a.say("autodefend: dry run (%s): nothing was changed", a.cfg.origins["dry_run"])
	a.complain(format, p.Errors)
	if len(p.Errors) > 0 {
		return exitPartly
	}
	return nil
}

// intent is what a command is about to do.
type intent struct {
	deed    string // "attach the Defender to"
	changes int
	total   int
	yes     bool
	show    preview
}

// allowed checks the limit of changes, shows what would be done and asks.
func (a *app) allowed(ctx context.Context, i intent) error {
	if most := a.cfg.MaxChanges.of(i.total); i.changes > most {
		return autodefend.Errorf(autodefend.CodeInvalid, "%s would change, more than the %d that max_changes allows (%s: %s)",
			count(i.changes, "function"), most, a.cfg.origins["max_changes"], a.cfg.MaxChanges).
			WithHint("nothing was changed; select fewer functions, or raise --max-changes")
	}
	if i.changes == 0 {
		return nil
	}
	if screen, done := a.screen(); screen != nil && !i.yes {
		err := i.show(screen, report.FormatTable)
		done()
		if err != nil {
			return err
		}
	}
	return a.confirm(ctx, i.yes, i.deed+" "+count(i.changes, "function"))
}

// finish shows the receipts. A stale plan is one whose every change had become
// unfit.
func (a *app) finish(r *autodefend.Run, format report.Format, isStale bool) error {
	if err := report.Run(a.stdout, r, format, a.styleOf(a.stdout)); err != nil {
		return err
	}
	a.complain(format, r.Errors)
	switch {
	case isStale:
		return autodefend.Errorf(autodefend.CodeConflict, "the plan is stale: every function in it changed since it was made").
			WithHint("nothing was changed; make a new plan with: autodefend plan --out plan.json")
	case r.Stopped != "":
		a.say("autodefend: %s", printable(r.Stopped))
		return exitPartly
	case r.Incomplete():
		return exitPartly
	}
	return nil
}

// stale reports whether each of the planned changes no longer fits.
func stale(r *autodefend.Run, changes int) bool {
	return changes > 0 && r.Summary[autodefend.OutcomeChanged] == changes
}

// fromFile reads a plan and opens exactly the accounts and regions in it.
func (c *applyCommand) fromFile(ctx context.Context, bar *progress) (*fleet.Fleet, *autodefend.Plan, error) {
	p, err := readPlanFile(c.planFile)
	if err != nil {
		return nil, nil, err
	}
	if err := p.Verify(now(), c.cfg.PlanMaxAge, plan.Digest(c.cfg.Recipe, c.cfg.Tag, c.cfg.policies.stamp())); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.planFile, err)
	}
	c.narrow(p)
	if len(p.Functions) == 0 {
		return nil, nil, autodefend.Errorf(autodefend.CodeNotFound, "%s: the plan holds none of the functions that were asked for", c.planFile).
			WithHint("nothing was changed; leave out --region, --function and --exclude to carry out the whole plan")
	}
	c.cfg.Regions = regionsOf(p)
	s, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := c.reaches(s, p); err != nil {
		return nil, nil, err
	}
	return c.fleet(s, mode{strict: true, progress: bar.done}), p, nil
}
