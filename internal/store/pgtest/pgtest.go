// Package pgtest starts a PostgreSQL server for tests: one for each test binary, on a socket in a temporary directory, and
// a database of its own for each that asks.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout bounds making and starting a server.
const startTimeout = time.Minute

// server is the one of this test binary.
type server struct {
	dir      string
	command  *exec.Cmd
	users    int
	database atomic.Int64
}

// shared is the running server and how many tests use it.
//
//nolint:gochecknoglobals // one server for all tests of a binary is the point
var shared struct {
	sync.Mutex
	*server
	keep bool
}

// Start returns the address of a new, empty database. The server is started by the first test that asks, and stopped when
// no test uses it any more. Without PostgreSQL's programs the test is skipped.
func Start(t testing.TB) string {
	t.Helper()
	programs := find()
	if programs == "" {
		t.Skip("SKIPPED: PostgreSQL's initdb isn't installed")
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := start(programs)
		if err != nil {
			t.Fatalf("start PostgreSQL: %v", err)
		}
		shared.server = s
	}
	s := shared.server
	s.users++
	t.Cleanup(func() { release(t) })
	name := fmt.Sprintf("test%d", s.database.Add(1))
	if err := s.createDatabase(t.Context(), name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	return s.address(name)
}

// Main runs a binary's tests with one server for all, rather than one for each run of tests that overlap: call it in
// TestMain.
func Main(m *testing.M) int {
	shared.Lock()
	shared.keep = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			code = max(code, 1)
		}
	}
	return code
}

func release(t testing.TB) {
	shared.Lock()
	defer shared.Unlock()
	if shared.users--; shared.users > 0 || shared.keep {
		return
	}
	if err := shared.stop(); err != nil {
		t.Errorf("stop PostgreSQL: %v", err)
	}
	shared.server = nil
}

// find returns the directory of PostgreSQL's programs, or "".
func find() string {
	directories := filepath.SplitList(os.Getenv("PATH"))
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for i := len(installed) - 1; i >= 0; i-- { // the newest first
		directories = append(directories, installed[i])
	}
	for _, d := range directories {
		_, initdb := os.Stat(filepath.Join(d, "initdb"))
		_, postgres := os.Stat(filepath.Join(d, "postgres"))
		if initdb == nil && postgres == nil {
			return d
		}
	}
	return ""
}

// start makes a cluster and starts its server, as an unprivileged user when this is root.
func start(programs string) (*server, error) {
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	attributes, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &server{dir: dir}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attributes, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	log := &bytes.Buffer{}
	s.command = exec.Command(filepath.Join(programs, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB")
	s.command.SysProcAttr, s.command.Dir = attributes, dir
	s.command.Stdout, s.command.Stderr = log, log
	if err := s.command.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.await(ctx); err != nil {
		err = errors.Join(err, s.stop())
		return nil, fmt.Errorf("%w: %s", err, log)
	}
	return s, nil
}

// unprivileged gives a directory to the user that the server runs as: it refuses to run as root.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if os.Getuid() != 0 {
		return attributes, nil
	}
	uid, gid := 65534, 65534 // nobody
	if u, err := user.Lookup("postgres"); err == nil {
		uid, _ = strconv.Atoi(u.Uid)
		gid, _ = strconv.Atoi(u.Gid)
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, os.Chown(dir, uid, gid)
}

// address is a database's.
func (s *server) address(name string) string {
	return "postgres://postgres@/" + name + "?host=" + url.QueryEscape(s.dir)
}

// await waits until the server answers.
func (s *server) await(ctx context.Context) error {
	for {
		conn, err := pgx.Connect(ctx, s.address("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil || s.command.ProcessState != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *server) createDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return errors.Join(err, conn.Close(ctx))
}

// stop ends the server without waiting for its clients, and removes what it kept.
func (s *server) stop() error {
	err := s.command.Process.Signal(syscall.SIGINT)
	if wait := s.command.Wait(); err == nil && wait != nil && !strings.Contains(wait.Error(), "signal: interrupt") {
		err = wait
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
