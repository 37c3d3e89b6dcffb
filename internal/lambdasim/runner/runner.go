//go:build linux

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Options configures a Runner. The zero value is usable.
type Options struct {
	// Profile is that of functions that name none; ProfileOpen when empty.
	Profile Profile
	// Dir is where packages are unpacked; a temporary directory when empty.
	Dir string
	// Log receives what the Runner itself has to say; nil discards it.
	Log *slog.Logger
	// Output receives a copy of what functions and the platform log.
	Output io.Writer
	// MaxSandboxes bounds the sandboxes of all functions together; 16 when 0.
	MaxSandboxes int
	// IdleFor is how long a sandbox waits for its next event before it is
	// ended; 5 minutes when 0.
	IdleFor time.Duration
	// InitTimeout bounds an initialisation; AWS's 10 seconds when 0.
	InitTimeout time.Duration
	// PrivateNetwork gives each sandbox a network with nothing in it but its
	// Runtime API. Without it functions use this machine's.
	PrivateNetwork bool
	// Binds are shown in every sandbox.
	Binds []Bind
}

// ErrBusy is the cause when all sandboxes are in use.
var ErrBusy = errors.New("all sandboxes are in use")

// ErrPackage is the cause when the code or a layer can't be unpacked.
var ErrPackage = errors.New("bad package")

// ErrClosed is the cause when the Runner is closed.
var ErrClosed = errors.New("the runner is closed")

// Runner runs functions in sandboxes, which it keeps for the next event. Its
// methods are safe for concurrent use.
type Runner struct {
	options Options
	log     *slog.Logger
	cache   cache
	tools   toolbox
	// temporary reports that the cache's directory is removed at the end.
	temporary bool
	// closing is done when the Runner closes, and ends what runs.
	closing context.Context
	stop    context.CancelFunc

	mu     sync.Mutex // guards below
	closed bool
	// count is how many instances there are; idle are those that wait, by
	// function key, the one used last at the end.
	count   int
	idle    map[string][]*instance
	running sync.WaitGroup
}

// New returns a Runner. Close must be called in the end.
func New(o Options) (*Runner, error) {
	if err := prepared(); err != nil {
		return nil, err
	}
	var err error
	if o.Profile, err = o.Profile.orOpen(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxSandboxes == 0 {
		o.MaxSandboxes = 16
	}
	if o.IdleFor == 0 {
		o.IdleFor = 5 * time.Minute
	}
	if o.InitTimeout == 0 {
		o.InitTimeout = 10 * time.Second
	}
	r := &Runner{options: o, log: o.Log, idle: map[string][]*instance{}, temporary: o.Dir == ""}
	if r.temporary {
		if o.Dir, err = os.MkdirTemp("", "autodefend-runner-"); err != nil {
			return nil, fmt.Errorf("open runner: %w", err)
		}
	}
	if err := errors.Join(os.MkdirAll(o.Dir, 0o755), os.Chmod(o.Dir, 0o755)); err != nil {
		return nil, fmt.Errorf("open runner: %w", err)
	}
	r.cache.dir = o.Dir
	r.closing, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// Invoke runs a function on an event's payload and waits for the answer, in a
// sandbox that waits for it or in a new one. A function that fails is no error:
// its Result says so. An error means that it could not be run: ErrBusy,
// ErrNoRuntime, ErrClosed, a package that can't be unpacked, the context's end.
func (r *Runner) Invoke(ctx context.Context, f Function, payload []byte) (Result, error) {
	return r.InvokeEvent(ctx, f, Event{Payload: payload})
}

// InvokeEvent is Invoke for an event with more than a payload.
func (r *Runner) InvokeEvent(ctx context.Context, f Function, e Event) (Result, error) {
	f, err := f.complete(r.options.Profile)
	if err != nil {
		return Result{}, err
	}
	if len(e.Payload) > MaxRequest {
		return Result{}, fmt.Errorf("invoke %s: the event has more than %d bytes", f.Name, MaxRequest)
	}
	e.RequestID, e.ARN = orElse(e.RequestID, newUUID()), orElse(e.ARN, f.ARN)
	e.TraceID = orElse(e.TraceID, newTrace(time.Now().Unix()))
	key, err := f.key()
	if err != nil {
		return Result{}, err
	}
	result, err := r.run(ctx, key, f, e)
	if err != nil {
		return result, fmt.Errorf("invoke %s: %w", f.Name, err)
	}
	return result, nil
}

// run runs an event in an instance and keeps the instance.
func (r *Runner) run(ctx context.Context, key string, f Function, e Event) (Result, error) {
	i, err := r.acquire(key)
	if err != nil {
		return Result{}, err
	}
	defer r.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.closing, func() { cancel(ErrClosed) })()
	took := time.Duration(0)
	if i == nil {
		if i, err = r.newInstance(ctx, f); err != nil {
			r.drop()
			return Result{}, err
		}
		took, err = i.initialiseFirst(ctx)
	} else {
		err = i.freezer.thaw()
	}
	var result Result
	if err == nil {
		result, err = i.invoke(ctx, e, took)
	}
	if err != nil {
		// What state it is in nobody knows.
		r.drop()
		if r.closing.Err() != nil {
			err = ErrClosed
		}
		return result, errors.Join(err, i.close())
	}
	result.Log = i.logs.take()
	return result, r.release(key, i)
}

// acquire reserves an idle instance for a function, or nil and the right to
// make one.
func (r *Runner) acquire(key string) (*instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	r.running.Add(1)
	if waiting := r.idle[key]; len(waiting) > 0 {
		i := waiting[len(waiting)-1]
		r.idle[key] = waiting[:len(waiting)-1]
		i.idle.Stop()
		return i, nil
	}
	if r.count >= r.options.MaxSandboxes && !r.evict() {
		r.running.Done()
		return nil, ErrBusy
	}
	r.count++
	return nil, nil
}

// evict ends an idle instance of another function, if there is one.
// Preconditions: r.mu is held.
func (r *Runner) evict() bool {
	for key, waiting := range r.idle {
		if len(waiting) == 0 {
			continue
		}
		i := waiting[0]
		r.idle[key] = slices.Delete(waiting, 0, 1)
		i.idle.Stop()
		r.count--
		r.finish(i)
		return true
	}
	return false
}

// finish ends an instance in the background.
// Preconditions: r.mu is held, and nobody else has the instance.
func (r *Runner) finish(i *instance) {
	r.running.Go(func() {
		if err := i.end(); err != nil {
			r.log.Error("end sandbox", "function", i.fn.Name, "error", err.Error())
		}
	})
}

// drop gives up the right to an instance.
func (r *Runner) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count--
}

// release lets an instance wait for its next event.
func (r *Runner) release(key string, i *instance) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.count--
		r.finish(i)
		return nil
	}
	r.idle[key] = append(r.idle[key], i)
	i.idle = time.AfterFunc(r.options.IdleFor, func() { r.retire(key, i) })
	return nil
}

// retire ends an instance that has waited long enough.
func (r *Runner) retire(key string, i *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.Index(r.idle[key], i)
	if at < 0 {
		return // it is busy, or ended already
	}
	r.idle[key] = slices.Delete(r.idle[key], at, at+1)
	r.count--
	r.finish(i)
}

// Close ends every sandbox, and returns when nothing of them is left. Those that
// wait get the time to shut down that Lambda gives them; invocations that run
// are cut off.
func (r *Runner) Close() error {
	r.mu.Lock()
	r.closed = true
	r.stop()
	for key, waiting := range r.idle {
		for _, i := range waiting {
			i.idle.Stop()
			r.count--
			r.finish(i)
		}
		delete(r.idle, key)
	}
	r.mu.Unlock()
	r.running.Wait()
	if !r.temporary {
		return nil
	}
	if err := os.RemoveAll(r.cache.dir); err != nil {
		return fmt.Errorf("close runner: %w", err)
	}
	return nil
}
