package main

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
)

// exitStatus ends a command with an exit code when all that's to be said was
// said.
type exitStatus int

// The exit codes.
const (
	exitDone        exitStatus = 0
	exitError       exitStatus = 1
	exitPending     exitStatus = 2
	exitPartly      exitStatus = 3
	exitInterrupted exitStatus = 130
)

// Error is never shown.
func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// statusOf returns the exit code as an error, nil for success.
func statusOf(code exitStatus) error {
	if code == exitDone {
		return nil
	}
	return code
}

// renderError is the one place where errors become text. Joined errors are
// several lines; a hint that several of them share is written once.
func (a *app) renderError(err error) {
	var hints []string
	seen := map[string]bool{"": true}
	for _, e := range unjoin(err) {
		fmt.Fprintf(a.stderr, "autodefend: error: %s\n", printable(e.Error()))
		if hint := autodefend.ErrorHint(e); !seen[hint] {
			seen[hint] = true
			hints = append(hints, hint)
		}
	}
	for _, hint := range hints {
		fmt.Fprintf(a.stderr, "autodefend: hint: %s\n", printable(hint))
	}
}

// unjoin lists the errors that errors.Join put together.
func unjoin(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, unjoin(e)...)
	}
	return all
}

// scopeError turns what befell a region into an error.
func scopeError(e autodefend.ScopeError) error {
	where := strings.TrimSpace(strings.Join([]string{e.Account, e.Region}, " "))
	if where == "" {
		return autodefend.Errorf(e.Code, "%s", e.Message).WithHint("%s", e.Hint)
	}
	return autodefend.Errorf(e.Code, "%s: %s", where, e.Message).WithHint("%s", e.Hint)
}

// printable replaces what could control a terminal in foreign text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// flagError adds a hint to a mistake in the flags.
func flagError(cmd *cobra.Command, err error) error {
	return usageError(cmd, "%s", err)
}

// usageError is a mistake on the command line.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return autodefend.Errorf(autodefend.CodeInvalid, format, args...).WithHint("%s --help shows what there is", cmd.CommandPath())
}
