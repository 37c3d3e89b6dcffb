package lambdasim

import (
	"sync"
	"time"
)

// World is the simulated AWS: accounts, their regions, functions and layers.
// Its methods are safe for concurrent use. Values passed in or handed out are
// copied, so that neither side can change the other's.
type World struct {
	opts  Options
	table []service

	mu sync.Mutex // guards everything below
	// accounts by id; first is the one that foreign access keys mean.
	accounts map[string]*account
	first    *account
	// sessions are AssumeRole's credentials by access key id.
	sessions map[string]session
	// calls counts the calls served, for Call.Index and request ids.
	calls int
	stats map[StatsKey]Count
	// services is the state of the services beside Lambda.
	services servicesState

	// queued are the asynchronous invocations that run.
	queued sync.WaitGroup
}

// account is one AWS account.
type account struct {
	spec    Account
	regions map[string]*region
	// denies maps actions to the reason of their denial.
	denies map[string]string
}

// session is one set of temporary credentials.
type session struct {
	account *account
	// arn is the assumed-role ARN that errors and GetCallerIdentity name.
	arn     string
	expires time.Time
}

// region is one account's Lambda in one region.
type region struct {
	world   *World
	account *account
	name    string

	functions map[string]*function
	// names are the functions' names in listing order; nil when it must be
	// sorted anew.
	names   []string
	layers  map[string]*layer
	signing map[string]*signingConfig
	buckets map[quotaClass]*bucket
}

// function is a function with its versions and all that hangs on its name.
type function struct {
	region *region
	name   string

	latest *version
	// versions are the published ones, ascending; numbers are never reused.
	versions []*version
	lastPub  int
	aliases  map[string]*alias
	tags     map[string]string
	// policies are the resource policies by qualifier, "" for the function.
	policies map[string]*policy
	reserved *int
	// signing is the code signing configuration's ARN.
	signing string
	// revisions counts the revision ids handed out, which makes them repeatable.
	revisions int
	// running counts the invocations that run now.
	running int
}

// version is $LATEST or a published version.
type version struct {
	function *function
	// spec is the configuration; its Tags, Versions, Aliases and Code are unused.
	spec     FunctionSpec
	number   string
	revision string
	code     *archive
	layers   []LayerDetail
	modified time.Time

	// settles is when a pending creation or update takes effect; zero when
	// nothing is pending.
	settles time.Time
	// previous is what an update that will fail falls back to.
	previous *version
	// published is the number of the version that $LATEST still equals.
	published string

	// listed is the cached JSON of a listing; nil when it must be rendered.
	listed []byte
}

// alias is a named pointer to a version.
type alias struct {
	name, target, description, revision string
	weights                             map[string]float64
}

// layer is a layer with all its versions.
type layer struct {
	name     string
	versions map[int]*layerVersion
	last     int
}

// layerVersion is one immutable version of a layer.
type layerVersion struct {
	number  int
	arn     string
	spec    LayerSpec
	code    *archive
	created time.Time
	deleted bool
	policy  policy
	// policyRevisions counts the policy revision ids handed out.
	policyRevisions int
}

// newRegion returns an empty region.
func newRegion(w *World, a *account, name string) *region {
	return &region{
		world: w, account: a, name: name,
		functions: map[string]*function{},
		layers:    map[string]*layer{},
		signing:   map[string]*signingConfig{},
		buckets:   map[quotaClass]*bucket{},
	}
}

// partition returns the account's partition.
func (a *account) partition() string {
	if a.spec.Partition == "" {
		return "aws"
	}
	return a.spec.Partition
}
