package autodefend

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Architectures of functions and layers, in AWS's spelling.
const (
	ArchX86 = "x86_64"
	ArchARM = "arm64"
)

// Package types, in AWS's spelling.
const (
	PackageZip   = "Zip"
	PackageImage = "Image"
)

// Function is one Lambda function's configuration as AWS reports it. The
// fields below Detailed are known only after GetFunction.
type Function struct {
	ARN          FunctionARN
	Runtime      string
	Handler      string
	PackageType  string
	Architecture string
	Role         string
	// MemoryMB is the configured memory in MB, 128 to 10,240.
	MemoryMB int
	// TimeoutSec is the configured timeout in seconds, 1 to 900.
	TimeoutSec int
	// CodeSize is the size of the deployment package in bytes, zipped.
	CodeSize    int64
	Layers      []AttachedLayer
	Environment Environment
	// Description is the owner's, and LastModified when the configuration was
	// last written; zero when AWS didn't say.
	Description  string
	LastModified time.Time
	// RevisionID changes with every change of the function, twice per update.
	RevisionID string
	// SnapStart is true when snapshots are taken of published versions.
	SnapStart bool
	// EdgeMaster is the ARN of the Lambda@Edge master this function is a
	// replica of; usually empty.
	EdgeMaster string
	// ManagedInstances is true when the function runs on a capacity provider.
	ManagedInstances bool
	// Durable is true when the function has durable executions.
	Durable bool

	// Detailed is true when the fields below were read.
	Detailed   bool
	State      State
	LastUpdate State
	// CodeURL is a presigned address of the deployment package. It's a secret.
	CodeURL string `json:"-"`

	// Tags are the function's tags, when TagsKnown.
	Tags      map[string]string
	TagsKnown bool
	// Versions says what is published, when it was asked for.
	Versions *Versions
	// Observed is what the function was seen to use, when it was asked for.
	Observed *Observed
}

// AttachedLayer is a layer version in a function's list. Order matters: later
// layers overlay earlier ones in /opt.
type AttachedLayer struct {
	ARN string
	// CodeSize is the layer's zipped size in bytes.
	CodeSize int64
}

// LayerARNs returns the ARNs of the layers, in order.
func (f Function) LayerARNs() []string {
	arns := make([]string, len(f.Layers))
	for i, l := range f.Layers {
		arns[i] = l.ARN
	}
	return arns
}

// Environment holds a function's variables, or the reason why AWS couldn't
// decrypt them. With an Error the variables are unknown, and writing an
// environment would wipe them.
type Environment struct {
	Variables Variables
	// Error is AWS's error code, such as AccessDeniedException; usually empty.
	Error string
}

// Variables are environment variables by name. Their values are customers'
// secrets: no way of formatting, logging or marshalling prints them.
type Variables map[string]string

// Names returns the names, sorted.
func (v Variables) Names() []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Format prints the names only, whatever the verb.
func (v Variables) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "%d variables %q", len(v), v.Names())
}

// MarshalJSON renders the names only.
func (v Variables) MarshalJSON() ([]byte, error) { return json.Marshal(v.Names()) }

// MarshalYAML renders the names only.
func (v Variables) MarshalYAML() (any, error) { return v.Names(), nil }

// LogValue logs the names only.
func (v Variables) LogValue() slog.Value { return slog.AnyValue(v.Names()) }

// State is a state with its reason, as in State or LastUpdateStatus.
type State struct {
	Name   string
	Code   string
	Reason string
}

// Values of [Function.LastUpdate] and [Function.State] that matter.
const (
	StateActive      = "Active"
	StatePending     = "Pending"
	UpdateInProgress = "InProgress"
	UpdateFailed     = "Failed"
)

// Settled reports whether no change of the function is under way.
func (f Function) Settled() bool {
	return f.LastUpdate.Name != UpdateInProgress && f.State.Name != StatePending
}

// Versions says what of a function is published.
type Versions struct {
	// Published is how many numbered versions there are.
	Published int
	// Aliases are the aliases' names, sorted.
	Aliases []string
}

// Observed is what a function was seen to use over a window of time.
type Observed struct {
	Window time.Duration
	// Invocations is their number in the window.
	Invocations int64
	// DurationP99 is the 99th percentile of the duration; 0 when unknown.
	DurationP99 time.Duration
	// MaxMemoryMB is the most memory used; 0 when unknown.
	MaxMemoryMB int
}

// LayerStatus says whether a layer version can be put into a function's list.
type LayerStatus string

// The statuses of a layer version.
const (
	LayerReadable LayerStatus = "readable"
	// LayerGone is a version that was deleted. Functions that hold it go on
	// running, but no list that names it is accepted any more.
	LayerGone LayerStatus = "gone"
	// LayerDenied is a version the caller may not read.
	LayerDenied LayerStatus = "denied"
)

// LayerVersion is one published version of a layer.
type LayerVersion struct {
	ARN    string
	Status LayerStatus
	// CodeSize is the zipped size in bytes.
	CodeSize int64
	// CodeSHA256 is the base64 SHA-256 of the zip.
	CodeSHA256    string
	Description   string
	Architectures []string
	Runtimes      []string
	// Unzipped is the size in bytes after extraction; 0 when unknown.
	Unzipped int64
	// ContentURL is a presigned address of the zip. It's a secret.
	ContentURL string `json:"-"`
}

// Layer is the content and description of a layer version to be published.
type Layer struct {
	Name         string
	Description  string
	Architecture string
	Runtimes     []string
	License      string
	Zip          []byte `json:"-"`
}

// Update is one UpdateFunctionConfiguration call. Nil fields are left alone.
type Update struct {
	Function FunctionARN
	// RevisionID guards the call: AWS refuses it when the function changed.
	RevisionID string
	Layers     *[]string
	// Variables are all variables, the owner's and ours.
	Variables *Variables
	Handler   *string
}

// Tag is one tag.
type Tag struct {
	Key   string `json:"key" yaml:"key"`
	Value string `json:"value" yaml:"value"`
}
