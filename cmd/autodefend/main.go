// Command autodefend finds the Lambda functions of accounts and regions, says
// which of them the Defender can be attached to safely, attaches it, verifies
// that and rolls it back.
//
// The files are named for what they do: one for each command, config*.go for
// flags, environment and configuration file (nothing else knows them), scope.go
// for the accounts and regions that are opened.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
)

func main() {
	sandboxMain()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the program and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	ctx, stop := a.interruptible(context.Background())
	defer stop()
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = autodefend.Errorf(autodefend.CodeUnavailable, "interrupted")
	}
	if err != nil {
		a.renderError(err)
		return int(exitError)
	}
	return int(exitDone)
}

// interruptible returns a context that the first SIGINT or SIGTERM ends, so
// that what is in hand is finished and reported. The second ends the process.
func (a *app) interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	finished := make(chan struct{})
	go func() {
		select {
		case <-signals:
			if a.changing.Load() {
				a.say("autodefend: finishing what is in hand; interrupt again to stop at once")
			}
			cancel()
		case <-finished:
			return
		}
		select {
		case <-signals:
			os.Exit(int(exitInterrupted))
		case <-finished:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(finished)
		cancel()
	}
}

// newRoot makes the command that holds all others.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "autodefend",
		Short: "Attach a runtime defender to AWS Lambda functions, safely",
		Long: `Autodefend finds the Lambda functions of your accounts and regions, says which of
them a Defender can be attached to safely and why not, attaches it, verifies it,
and takes it off again without touching what you changed since.

Start with: autodefend demo     an estate on this machine, judged and protected
            autodefend plan     what would be done in your account; changes nothing

Credentials and endpoints come from AWS's own chain: environment, profiles, SSO.
Exit codes: 0 done, 1 error, 2 changes pending (--detailed-exitcode), 3 some
functions failed or couldn't be read.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.start(cmd) },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	flags := root.PersistentFlags()
	flags.String("config", "", "configuration `FILE` (default: AUTODEFEND_CONFIG, else ./"+defaultConfigFile+" when it's there)")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no remarks, only results and errors")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours; NO_COLOR and TERM=dumb do the same")
	addFlags(flags, "log_level", "log_format")
	for _, g := range groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
	}
	root.SetCompletionCommandGroupID(groupOther)
	root.SetHelpCommandGroupID(groupOther)
	for _, c := range commands() {
		cmd := c.build(a)
		cmd.Use, cmd.GroupID, cmd.Short = c.use, c.group, c.synopsis
		root.AddCommand(cmd)
	}
	return root
}
