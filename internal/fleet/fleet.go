// Package fleet runs the Auto-Defender over an estate: it discovers functions,
// has the plan engine judge them, applies changes, verifies them and rolls
// them back. It knows AWS only through the small interfaces of this file.
//
// Do no harm is its first rule. Every write is guarded by the revision it was
// computed on, carries the owner's complete layers and variables, and is
// verified afterwards; a crash at any point leaves a function that the next
// run understands, because ownership is written in the function itself.
package fleet

import (
	"context"
	"log/slog"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// Estate reads the functions of one account and region.
type Estate interface {
	// ListFunctions returns one page of functions without details and the
	// marker of the next page, "" on the last.
	ListFunctions(ctx context.Context, marker string) ([]autodefend.Function, string, error)
	// ListVersions is ListFunctions with all published versions; their ARNs
	// are qualified.
	ListVersions(ctx context.Context, marker string) ([]autodefend.Function, string, error)
	// GetFunction returns one function with details and tags.
	GetFunction(ctx context.Context, name string) (autodefend.Function, error)
	// FunctionTags returns the tags of all tagged functions by ARN.
	FunctionTags(ctx context.Context) (map[string]map[string]string, error)
	// Versions returns what of a function is published.
	Versions(ctx context.Context, name string) (autodefend.Versions, error)
}

// Layers reads and publishes layers in one account and region.
type Layers interface {
	// LayerVersion reads one version. A deleted or unreadable one is a status,
	// not an error.
	LayerVersion(ctx context.Context, arn string) (autodefend.LayerVersion, error)
	// LayerVersions lists the versions of a layer of this account, newest
	// first. A layer that doesn't exist has none.
	LayerVersions(ctx context.Context, name string) ([]autodefend.LayerVersion, error)
	// PublishLayer publishes a new version.
	PublishLayer(ctx context.Context, layer autodefend.Layer) (autodefend.LayerVersion, error)
	// DeleteLayerVersion deletes one version.
	DeleteLayerVersion(ctx context.Context, arn string) error
	// UnzippedSize reads how large the zip at a presigned address is after
	// extraction, without downloading it whole.
	UnzippedSize(ctx context.Context, url string) (int64, error)
}

// Writer changes functions in one account and region.
type Writer interface {
	// UpdateFunction sends one UpdateFunctionConfiguration. An error with
	// [autodefend.CodeUnavailable] or [autodefend.CodeConflict] doesn't tell
	// whether the update was carried out.
	UpdateFunction(ctx context.Context, update autodefend.Update) error
	// TagFunctions and UntagFunctions change one tag of up to 20 functions.
	// The map holds the functions that failed.
	TagFunctions(ctx context.Context, arns []autodefend.FunctionARN, tag autodefend.Tag) (map[autodefend.FunctionARN]error, error)
	UntagFunctions(ctx context.Context, arns []autodefend.FunctionARN, key string) (map[autodefend.FunctionARN]error, error)
}

// Insight reads what a verdict needs besides functions and layers.
type Insight interface {
	// CodeSigning returns the policy, Enforce or Warn, of each function with a
	// code-signing configuration, by ARN.
	CodeSigning(ctx context.Context) (map[string]string, error)
	// DeniedActions returns those of the IAM actions that the caller may not
	// do. When it can't be told the error's code is CodeDenied or
	// CodeNotFound, and nothing is concluded.
	DeniedActions(ctx context.Context, actions []string) ([]string, error)
	// EdgeRole reports whether Lambda@Edge may assume the role.
	EdgeRole(ctx context.Context, role string) (bool, error)
	// Observe returns what functions were seen to use, by name.
	Observe(ctx context.Context, names []string) (map[string]autodefend.Observed, error)
}

// Region is one account and region the fleet works on.
type Region struct {
	Account   string
	Partition string
	Name      string
	Estate    Estate
	Layers    Layers
	Writer    Writer
	Insight   Insight
}

// Config says what a fleet does. The zero value of a field is useful unless
// its comment says otherwise.
type Config struct {
	// Recipe is required.
	Recipe autodefend.Recipe
	// Runtimes is required.
	Runtimes plan.Catalog
	// Selection says which functions are meant.
	Selection plan.Selection
	// Tag marks protected functions; required.
	Tag autodefend.Tag
	// Policy gives the policy to embed in each function; nil leaves policies
	// alone. PolicyDigest stands for all that it gives.
	Policy       plan.PolicySource
	PolicyDigest string
	// Run is the id of this run, of [RunID]'s form; required.
	Run string
	// AsOf is the day runtimes' block dates are compared with; required.
	AsOf time.Time
	// Details reads each candidate by GetFunction while planning.
	Details bool
	// Versions reads each candidate's versions and aliases while planning, two
	// calls of the shared quota per candidate.
	Versions bool
	// Metrics reads what candidates were seen to use while planning.
	Metrics bool
	// AllowBlockedRuntimes ignores runtimes' block dates.
	AllowBlockedRuntimes bool
	// SkipPermissionCheck doesn't ask IAM beforehand what the caller may do. IAM
	// is asked about functions in general, so it says no for a caller who may
	// change some functions only.
	SkipPermissionCheck bool
	// Strict applies only changes that are the same as the planned ones.
	Strict bool
	// InFlight is how many functions of one region are worked on at a time;
	// 0 means 32.
	InFlight int
	// MaxFailures stops a run after so many failed functions; 0 means 10.
	MaxFailures int
	// SettleTimeout is how long one function may take to settle; 0 means five
	// minutes.
	SettleTimeout time.Duration
	// Logger is required.
	Logger *slog.Logger
	// Progress is told of every function that is done; may be nil. It's called
	// from several goroutines.
	Progress func(autodefend.Receipt)
}

// InFlightFor returns how many functions must be worked on at a time to use up
// a rate of updates per second: each takes some seconds to settle.
func InFlightFor(rate float64) int {
	const seconds = 8
	return min(max(int(rate*seconds), 32), 256)
}

// Fleet works on the regions of a scope.
type Fleet struct {
	cfg     Config
	regions []Region
	// scouts hold what is known of each region, in the order of regions.
	scouts []*scout
}

// New makes a fleet.
func New(cfg Config, regions []Region) *Fleet {
	if cfg.InFlight == 0 {
		cfg.InFlight = 32
	}
	if cfg.MaxFailures == 0 {
		cfg.MaxFailures = 10
	}
	if cfg.SettleTimeout == 0 {
		cfg.SettleTimeout = 5 * time.Minute
	}
	f := &Fleet{cfg: cfg, regions: regions}
	denied := map[string]func(context.Context) []string{}
	for _, r := range regions {
		log := cfg.Logger.With("account", r.Account, "region", r.Name)
		if denied[r.Account] == nil {
			denied[r.Account] = deniedActions(cfg, r, log)
		}
		f.scouts = append(f.scouts, &scout{
			cfg: cfg, region: r, log: log, denied: denied[r.Account], inHand: make(chan struct{}, cfg.InFlight),
		})
	}
	return f
}

// deniedActions reads an account's missing permissions once. Where they can't
// be told, none is known to be missing and AWS decides.
func deniedActions(cfg Config, r Region, log *slog.Logger) func(context.Context) []string {
	if cfg.SkipPermissionCheck {
		return func(context.Context) []string { return nil }
	}
	var denied lazy[[]string]
	return func(ctx context.Context) []string {
		actions, err := denied.get(func() ([]string, error) { return r.Insight.DeniedActions(ctx, plan.ApplyActions()) })
		if err != nil {
			because(log, err).Info("permissions can't be told beforehand", "check", autodefend.CheckPermission)
		}
		return actions
	}
}
