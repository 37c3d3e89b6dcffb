package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/autodefend/autodefend"
)

// confirm asks before functions or layers are changed. Where nobody can be
// asked, only --yes will do.
func (a *app) confirm(ctx context.Context, yes bool, deed string) error {
	if yes {
		return nil
	}
	screen, done := a.screen()
	defer done()
	if screen == nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "this would %s, and there is no terminal to ask whether it may", deed).
			WithHint("nothing was changed; add --yes to go ahead without being asked")
	}
	fmt.Fprintf(screen, "This will %s. Type \"yes\" to go ahead: ", deed)
	answer := make(chan string, 1)
	go func() { // a read can't be interrupted; it ends with the process
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case text := <-answer:
		if text == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(screen)
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "not confirmed").WithHint("nothing was changed")
}

// screen returns where somebody who sits at the terminal sees what is written,
// nil when nobody can answer, and what to call when it's no longer needed.
// Standard error may go to a file; the terminal itself is still there.
func (a *app) screen() (io.Writer, func()) {
	nothing := func() {}
	if _, answers := terminal(a.stdin); !answers {
		return nil, nothing
	}
	if f, ok := terminal(a.stderr); ok {
		return f, nothing
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return nil, nothing
	}
	return tty, func() { _ = tty.Close() }
}

// count writes a number of things, in the singular or the plural.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
