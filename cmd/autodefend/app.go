package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/autodefend/autodefend/internal/report"
)

// app is what all commands share: the streams and how they look, the
// configuration and the log.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	quiet, noColor bool

	cfg *config
	log *slog.Logger
	// changing is true while functions are being changed.
	changing atomic.Bool
}

// start loads the configuration before a command that has to do with AWS.
func (a *app) start(cmd *cobra.Command) error {
	a.noColor = a.noColor || plainTerminal(os.Getenv)
	if cmd.Annotations[needsConfig] == "" {
		return nil
	}
	cfg, err := loadConfig(cmd.Flags(), os.Getenv)
	if err != nil {
		return err
	}
	a.cfg = cfg
	a.log = newLogger(a.stderr, cfg)
	return nil
}

// needsConfig marks commands that need the configuration.
const needsConfig = "config"

func configured() map[string]string { return map[string]string{needsConfig: "yes"} }

// newLogger returns the log in the configured form, on standard error.
func newLogger(w io.Writer, cfg *config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// say writes a remark for people to standard error, unless --quiet.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// styleOf returns how a table on a stream looks.
func (a *app) styleOf(w io.Writer) report.Style {
	style := report.Style{Quiet: a.quiet}
	if f, ok := terminal(w); ok {
		style.Color = !a.noColor
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			style.Width = width
		}
	}
	return style
}

// terminal returns the stream as a file when it's a terminal.
func terminal(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, false
	}
	return f, true
}
