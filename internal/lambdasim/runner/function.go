//go:build linux

package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Function is what runs: a function's code and configuration at one version.
type Function struct {
	// Name, Version and ARN name it; an empty Version is $LATEST. AccountID and
	// Region are read from the ARN when they are empty.
	Name, Version, ARN string
	AccountID, Region  string
	// Runtime is an id such as python3.13, nodejs22.x, ruby3.4 or
	// provided.al2023; Handler is in the runtime's own form.
	Runtime, Handler string
	// Code and Layers are what it consists of, layers in their order.
	Code   Package
	Layers []Package
	// Env are the owner's variables.
	Env map[string]string
	// MemoryMB is 128 when 0, TmpMB 512, Timeout 3 seconds.
	MemoryMB, TmpMB int
	Timeout         time.Duration
	// Profile is the Runner's when empty.
	Profile Profile
	// LogGroup is /aws/lambda/NAME when empty.
	LogGroup string
	// LogPipe gives the runtime a log descriptor at number 3, as AWS gives its
	// own runtimes.
	LogPipe bool
	// Client runs the runtime interface client that AWS publishes for the
	// language, which must be installed, in place of this package's own.
	Client bool
}

// Package is a deployment package or a layer: the bytes of a zip file, or a
// directory that is used as it is. The zero value is an empty package.
type Package struct {
	Zip []byte
	Dir string
}

// Event is one invocation.
type Event struct {
	// Payload is JSON of at most 6 MiB.
	Payload []byte
	// RequestID, TraceID and ARN are made up when empty.
	RequestID, TraceID, ARN string
	// ClientContext and Identity are JSON, or empty.
	ClientContext, Identity string
	TenantID                string
}

// Limits of payloads, in bytes.
const (
	// MaxRequest is the most that an event may have.
	MaxRequest = 6 << 20
	// MaxResponse is the most that an answer may have, unless it is streamed.
	MaxResponse = 6<<20 + 100
	// MaxStream is the most that a streamed answer may have.
	MaxStream = 200 << 20
)

// Result is how an invocation went.
type Result struct {
	RequestID string
	// Payload is the function's answer, or the description of its error.
	Payload []byte
	// ContentType is what the runtime said the answer is.
	ContentType string
	// FunctionError is "Unhandled" when the function failed, else empty.
	FunctionError string
	// ErrorType names the failure as in the REPORT line.
	ErrorType string
	// Streamed reports that the answer came as a stream.
	Streamed bool
	// Log is what was logged, from START to REPORT, with the initialisation's
	// output before it. Of much output the end is kept.
	Log []byte
	// Duration is the invocation's, InitDuration the initialisation's that came
	// before it, or 0.
	Duration, InitDuration time.Duration
	// MaxMemoryMB is the most memory that the sandbox has used.
	MaxMemoryMB int
	Isolation   Isolation
}

// Tail returns the last 4 KiB of the log.
func (r Result) Tail() []byte {
	const limit = 4 << 10
	if len(r.Log) <= limit {
		return r.Log
	}
	return r.Log[len(r.Log)-limit:]
}

// complete fills in what is left out.
func (f Function) complete(profile Profile) (Function, error) {
	if f.Name == "" || f.Runtime == "" {
		return f, errors.New("run a function: its name and its runtime are needed")
	}
	if f.Profile == "" {
		f.Profile = profile
	}
	var err error
	if f.Profile, err = f.Profile.orOpen(); err != nil {
		return f, err
	}
	f.Region, f.AccountID = orElse(f.Region, arnPart(f.ARN, 3)), orElse(f.AccountID, arnPart(f.ARN, 4))
	f.Region, f.AccountID = orElse(f.Region, "us-east-1"), orElse(f.AccountID, "000000000000")
	f.Version = orElse(f.Version, "$LATEST")
	f.ARN = orElse(f.ARN, fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", f.Region, f.AccountID, f.Name))
	f.LogGroup = orElse(f.LogGroup, "/aws/lambda/"+f.Name)
	if f.MemoryMB == 0 {
		f.MemoryMB = 128
	}
	if f.TmpMB == 0 {
		f.TmpMB = 512
	}
	if f.Timeout == 0 {
		f.Timeout = 3 * time.Second
	}
	return f, nil
}

// orElse returns the first string, or the second when it is empty.
func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// key names everything that a sandbox depends on: sandboxes of equal functions
// are used for one another.
func (f Function) key() (string, error) {
	type packaged struct{ Sum, Dir string }
	sum := func(p Package) packaged { return packaged{p.sum(), p.Dir} }
	all := struct {
		Function
		Code   packaged
		Layers []packaged
	}{Function: f, Code: sum(f.Code)}
	for _, l := range f.Layers {
		all.Layers = append(all.Layers, sum(l))
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("name function: %w", err)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:]), nil
}

// sum names a zip by its content.
func (p Package) sum() string {
	if p.Zip == nil {
		return ""
	}
	digest := sha256.Sum256(p.Zip)
	return hex.EncodeToString(digest[:])
}
