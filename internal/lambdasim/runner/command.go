//go:build linux

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// Command is a program to run once in a sandbox of its own.
type Command struct {
	// Argv is the program and its arguments. A program without a slash is
	// searched on the PATH of Env, within the sandbox.
	Argv []string
	// Env is the whole environment; nil stands for a PATH alone.
	Env []string
	// Dir is the working directory within the sandbox, "/" when empty.
	Dir string
	// Stdin is read by the program; nil is empty.
	Stdin io.Reader
	// Profile is ProfileOpen when empty.
	Profile Profile
	// UID and GID are the user and group; 0 stands for Lambda's, 993 and 990.
	UID, GID int
	// Binds are further files and directories to show. Without namespaces they
	// are where they are.
	Binds []Bind
	// TmpMB is the size of /tmp in MiB, 512 when 0. Its content counts as
	// memory.
	TmpMB int
	// MemoryMB limits the memory of all processes together, in MiB; 0 is no
	// limit.
	MemoryMB int
	// PrivateNetwork gives the sandbox a network with a loopback interface
	// only, where namespaces can be had.
	PrivateNetwork bool
	// MaxOutput bounds what is kept of each of the outputs, in bytes; 0 stands
	// for 1 MiB. The end is kept.
	MaxOutput int
}

// Output is how a command went.
type Output struct {
	Stdout, Stderr []byte
	// Dropped counts the bytes of output that MaxOutput left out.
	Dropped int64
	// ExitCode is the exit code, or -1 when a signal ended the program.
	ExitCode int
	Signal   syscall.Signal
	// OutOfMemory reports that the program passed MemoryMB and was killed.
	OutOfMemory bool
	// MaxMemory is the most memory in use, in bytes; 0 when it wasn't limited.
	MaxMemory int64
	Isolation Isolation
}

const defaultMaxOutput = 1 << 20

// Run runs a command in a new sandbox. When the program ends, everything it
// started ends too. A program that fails is no error: its Output says so. An
// error means that there was no sandbox, that the program could not be started,
// or that the context ended; then the sandbox is gone and Output holds what
// there was.
func Run(ctx context.Context, c Command) (Output, error) {
	c, err := c.complete()
	if err != nil {
		return Output{}, err
	}
	dir, err := os.MkdirTemp("", "autodefend-sandbox-")
	if err != nil {
		return Output{}, fmt.Errorf("make sandbox directory: %w", err)
	}
	out, err := c.run(ctx, dir)
	return out, errors.Join(err, os.Remove(dir))
}

// complete fills in what is left out.
func (c Command) complete() (Command, error) {
	if len(c.Argv) == 0 {
		return c, errors.New("run nothing: there is no program")
	}
	var err error
	if c.Profile, err = c.Profile.orOpen(); err != nil {
		return c, err
	}
	if c.UID == 0 {
		c.UID = lambdaUID
	}
	if c.GID == 0 {
		c.GID = lambdaGID
	}
	if c.Env == nil {
		c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	}
	if c.Dir == "" {
		c.Dir = "/"
	}
	if c.MaxOutput == 0 {
		c.MaxOutput = defaultMaxOutput
	}
	return c, nil
}

// run runs a complete command on an empty directory.
func (c Command) run(ctx context.Context, mountpoint string) (Output, error) {
	s, err := launch(ctx, plan{
		uid: c.UID, gid: c.GID, tmpMB: c.TmpMB, binds: c.Binds, network: c.PrivateNetwork, mountpoint: mountpoint,
	})
	if err != nil {
		return Output{}, err
	}
	memory := openMemory(s, c.MemoryMB)
	out, err := c.runIn(ctx, s, memory)
	return out, errors.Join(err, memory.close())
}

// runIn runs the command in a sandbox and ends the sandbox.
func (c Command) runIn(ctx context.Context, s *sandbox, memory *memory) (Output, error) {
	streams, err := openStreams(c.Stdin, c.MaxOutput)
	if err != nil {
		return Output{Isolation: s.isolation}, errors.Join(err, s.close())
	}
	p := process{Argv: c.Argv, Env: c.Env, Dir: c.Dir, Profile: c.Profile, Cgroups: len(memory.joins)}
	t, err := s.start(p, append(streams.theirs(), memory.joins...)...)
	streams.closeTheirs()
	if err == nil {
		err = memory.begin()
	}
	if err == nil {
		select {
		case <-t.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	out := Output{ExitCode: -1}
	out.MaxMemory, out.OutOfMemory = memory.end()
	err = errors.Join(err, s.close())
	streams.wait()
	out.Isolation = s.isolation
	out.Stdout, out.Stderr, out.Dropped = streams.collected()
	if t != nil && err == nil {
		out.ExitCode = t.status.ExitStatus()
		if t.status.Signaled() {
			out.Signal = t.status.Signal()
		}
	}
	return out, err
}

// streams connects a command's standard descriptors.
type streams struct {
	stdin, stdout, stderr *os.File // the sandbox's ends
	input                 *os.File // our end of a pipe, or nil
	out, err              *tail
	copying               sync.WaitGroup
}

// openStreams opens the descriptors and begins to copy.
func openStreams(stdin io.Reader, limit int) (*streams, error) {
	s := &streams{out: newTail(limit), err: newTail(limit)}
	var err error
	if stdin == nil {
		s.stdin, err = os.Open(os.DevNull)
	} else {
		s.stdin, s.input, err = os.Pipe()
	}
	if err == nil {
		s.stdout, err = s.collect(s.out)
	}
	if err == nil {
		s.stderr, err = s.collect(s.err)
	}
	if err != nil {
		s.closeTheirs()
		closeAll([]*os.File{s.input})
		return nil, fmt.Errorf("open standard streams: %w", err)
	}
	if s.input != nil {
		go func() {
			_, _ = io.Copy(s.input, stdin) // the program need not read it all
			shut(s.input)
		}()
	}
	return s, nil
}

// collect returns a pipe's end whose content goes to a tail.
func (s *streams) collect(to io.Writer) (*os.File, error) {
	from, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.copying.Go(func() {
		_, _ = io.Copy(to, from) // ends when the last writer has ended
		shut(from)
	})
	return theirs, nil
}

// theirs returns the sandbox's ends, in order.
func (s *streams) theirs() []*os.File { return []*os.File{s.stdin, s.stdout, s.stderr} }

// closeTheirs closes the sandbox's ends on this side.
func (s *streams) closeTheirs() { closeAll(s.theirs()) }

// wait returns when everything that was written is collected.
// Preconditions: the sandbox has ended.
func (s *streams) wait() {
	s.copying.Wait()
}

// collected returns what was written, and how much was left out.
func (s *streams) collected() ([]byte, []byte, int64) {
	out, outDropped := s.out.Bytes()
	err, errDropped := s.err.Bytes()
	return out, err, outDropped + errDropped
}
