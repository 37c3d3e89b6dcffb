package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/autodefend/autodefend"
)

// confirm asks before functions or layers are changed. Where nobody can be
// asked, only --yes will do.
func (a *app) confirm(ctx context.Context, yes bool, deed string) error {
	if yes {
		return nil
	}
	_, asks := terminal(a.stdin)
	_, shows := terminal(a.stderr)
	if !asks || !shows {
		return autodefend.Errorf(autodefend.CodeInvalid, "this would %s, and there is no terminal to ask whether it may", deed).
			WithHint("nothing was changed; add --yes to go ahead without being asked")
	}
	fmt.Fprintf(a.stderr, "This will %s. Type \"yes\" to go ahead: ", deed)
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
		fmt.Fprintln(a.stderr)
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "not confirmed").WithHint("nothing was changed")
}

// count writes a number of things, in the singular or the plural.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
