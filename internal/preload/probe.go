package preload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

// Probed is what a probe found.
type Probed struct {
	// Entered: a child had the shim, and the shim had the table.
	Entered bool
	// Patched: the shim could change the C library's code in memory, so that it sees the library's own calls too.
	Patched bool
	// Sealed: the kernel keeps the table from being changed.
	Sealed bool
}

// Probe starts a throw-away child with the shim in it and waits for its hello. An error says why there was none. The
// child is the first of programs that the shim can enter; none given means a shell.
func Probe(ctx context.Context, shim string, log *slog.Logger, programs ...string) (Probed, error) {
	socket, err := probeSocket()
	if err != nil {
		return Probed{}, err
	}
	defer func() { _ = socket.Close() }()
	allowAll := func(policy.Event) policy.Decision { return policy.Decision{} }
	tier, err := Open(Config{Judge: allowAll, Listener: socket, ShimPath: shim, Log: log})
	if err != nil {
		return Probed{}, err
	}
	served := make(chan error, 1)
	go func() { served <- tier.Serve() }()
	runErr := tier.runChild(ctx, programs)
	err = errors.Join(runErr, tier.Close(), <-served)
	result := Probed{Entered: tier.images.any(), Patched: tier.images.any() && !tier.Unpatched(), Sealed: tier.table.sealed}
	if err == nil && !result.Entered {
		err = errors.New("the child ran without the shim")
	}
	return result, err
}

// runChild runs a program that does nothing, with the shim.
func (t *Tier) runChild(ctx context.Context, programs []string) error {
	if len(programs) == 0 {
		programs = []string{"/bin/sh", "/bin/bash", "/usr/bin/env"}
	}
	for _, program := range programs {
		if enters, err := t.CanEnter(program); err != nil || !enters {
			continue
		}
		// Everything that is offered by default ends at once when it is asked to run nothing.
		cmd := exec.CommandContext(ctx, program, "-c", ":")
		cmd.Env = t.Environ([]string{"PATH=/usr/bin:/bin"})
		err := cmd.Run()
		var exited *exec.ExitError
		if err != nil && !errors.As(err, &exited) {
			return fmt.Errorf("start a child: %w", err)
		}
		return nil
	}
	return fmt.Errorf("none of %q can be entered", programs)
}

// probeSocket listens under a name of its own.
func probeSocket() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("probe socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "probe socket")
	name := "@autodefend-probe-" + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		return nil, errors.Join(fmt.Errorf("bind the probe socket: %w", err), file.Close())
	}
	if err := unix.Listen(fd, 8); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on the probe socket: %w", err), file.Close())
	}
	return file, nil
}
