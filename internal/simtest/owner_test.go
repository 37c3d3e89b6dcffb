package simtest

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// The names by which the Defender's parts are told from the owner's. They are
// written down here again on purpose: the oracle shares nothing with the code
// it judges.
const (
	wrapperVariable = "AWS_LAMBDA_EXEC_WRAPPER"
	ourWrapper      = "/opt/autodefend/wrapper"
	nextVariable    = "AUTODEFEND_NEXT_WRAPPER"
	markerVariable  = "AUTODEFEND_ATTACHED"
	policyVariable  = "TW_POLICY"
	ourPolicy       = "ad."
	ourLayer        = ":layer:autodefend-defender-"
	tagKey          = "SecurityProtected"
	tagValue        = "True"
	ownershipTag    = "autodefend:attached"
)

// view is all that a function's owner has given it.
type view struct {
	Env                                  map[string]string
	Layers                               []string
	Tags                                 map[string]string
	Memory, Timeout                      int
	Handler, Runtime, Description, Role  string
	SnapStart, PackageType, Code, Config string
}

// ownersView strips what is the Defender's from a function.
func ownersView(f lambdasim.FunctionState) view {
	v := view{
		Env: map[string]string{}, Tags: map[string]string{}, Layers: []string{},
		Memory: f.Memory, Timeout: f.Timeout, Handler: f.Handler, Runtime: f.Runtime, Description: f.Description, Role: f.Role,
		SnapStart: f.SnapStart, PackageType: f.PackageType, Code: f.CodeSha256, Config: f.KMSKeyArn + f.TracingMode,
	}
	maps.Copy(v.Env, f.Env)
	maps.Copy(v.Tags, f.Tags)
	if v.Env[wrapperVariable] == ourWrapper {
		delete(v.Env, wrapperVariable)
		if next, ok := v.Env[nextVariable]; ok {
			v.Env[wrapperVariable] = next
		}
	}
	delete(v.Env, nextVariable)
	delete(v.Env, markerVariable)
	if strings.HasPrefix(v.Env[policyVariable], ourPolicy) {
		delete(v.Env, policyVariable)
	}
	if _, ours := v.Tags[ownershipTag]; ours {
		delete(v.Tags, ownershipTag)
		if v.Tags[tagKey] == tagValue {
			delete(v.Tags, tagKey)
		}
	}
	for _, l := range f.Layers {
		if !strings.Contains(l, ourLayer) {
			v.Layers = append(v.Layers, l)
		}
	}
	return v
}

// protected reports whether the Defender is wholly attached, and clean whether
// nothing of it is there.
func protected(f lambdasim.FunctionState) bool {
	last := len(f.Layers) - 1
	return last >= 0 && strings.Contains(f.Layers[last], ourLayer) && f.Env[wrapperVariable] == ourWrapper && f.Env[markerVariable] != ""
}

func clean(f lambdasim.FunctionState) bool {
	_, marker := f.Env[markerVariable]
	_, next := f.Env[nextVariable]
	_, tagged := f.Tags[ownershipTag]
	return !marker && !next && !strings.HasPrefix(f.Env[policyVariable], ourPolicy) && f.Env[wrapperVariable] != ourWrapper && !tagged &&
		!slices.ContainsFunc(f.Layers, func(l string) bool { return strings.Contains(l, ourLayer) })
}

// owners remembers what the owners of all functions want, through all of their
// own deployments.
type owners struct {
	mu   sync.Mutex
	want map[string]view
	// edits counts the owners' deployments.
	edits int
}

func newOwners(w *lambdasim.World) *owners {
	o := &owners{want: map[string]view{}}
	for _, f := range estate(w) {
		o.want[f.ARN] = ownersView(f)
	}
	return o
}

// diff compares a function with what its owner wants; "" means equal.
func (o *owners) diff(f lambdasim.FunctionState) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return cmp.Diff(o.want[f.ARN], ownersView(f))
}

// deploy returns an owner's change of a function: a small one as made in the
// console, or a whole template as infrastructure-as-code tools write it, which
// wipes what isn't in it. The owner's wish changes when the edit is applied.
func (o *owners) deploy(arn string, n uint64) func(*lambdasim.FunctionSpec) {
	return func(f *lambdasim.FunctionSpec) {
		o.mu.Lock()
		defer o.mu.Unlock()
		want, ok := o.want[arn]
		if !ok || f.PackageType == "Image" || f.EnvUndecryptable {
			return
		}
		o.edits++
		want.Env = maps.Clone(want.Env)
		want.Layers = slices.Clone(want.Layers)
		switch n % 6 {
		case 0: // a new variable
			name := "DEPLOYED"
			want.Env[name] = strings.Repeat("v", int(n>>8%40))
			f.Env = withEnv(f.Env, name, want.Env[name])
		case 1: // a memory change
			want.Memory = 512 + int(n>>8%8)*64
			f.Memory = want.Memory
		case 2: // a wrapper of the owner's displaces whatever is there
			want.Env[wrapperVariable] = "/opt/otel-handler"
			f.Env = withEnv(f.Env, wrapperVariable, "/opt/otel-handler")
		case 3: // the template is deployed again: variables and layers whole
			want.Description = "deployed from a template"
			f.Description = want.Description
			f.Env = maps.Clone(want.Env)
			f.Layers = slices.Clone(want.Layers)
		case 4: // the template's variables only
			f.Env = maps.Clone(want.Env)
		case 5: // a layer goes
			if len(want.Layers) > 0 {
				gone := want.Layers[0]
				want.Layers = want.Layers[1:]
				f.Layers = slices.DeleteFunc(slices.Clone(f.Layers), func(l string) bool { return l == gone })
			}
		}
		o.want[arn] = want
	}
}

func withEnv(env map[string]string, name, value string) map[string]string {
	env = maps.Clone(env)
	if env == nil {
		env = map[string]string{}
	}
	env[name] = value
	return env
}
