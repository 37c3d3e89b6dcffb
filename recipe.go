package autodefend

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Recipe says, as data, how a Defender layer is attached to a function. A user
// can write one as a YAML file.
type Recipe struct {
	Version     int    `json:"version" yaml:"version"`
	Name        string `json:"name" yaml:"name"`
	Description string `json:"description" yaml:"description"`
	// Layer is the Defender's layer.
	Layer RecipeLayer `json:"layer" yaml:"layer"`
	// Runtimes are names (python3.13) or families (python) the layer works
	// with.
	Runtimes []string `json:"runtimes" yaml:"runtimes"`
	// Wrapper attaches by AWS_LAMBDA_EXEC_WRAPPER, Handler by redirecting the
	// handler. Exactly one is given.
	Wrapper *RecipeWrapper `json:"wrapper,omitempty" yaml:"wrapper,omitempty"`
	Handler *RecipeHandler `json:"handler,omitempty" yaml:"handler,omitempty"`
	// Environment holds further variables the layer needs. Their values are
	// shown nowhere.
	Environment Variables `json:"environment,omitempty" yaml:"environment,omitempty"`
	// PolicyVariable is the variable in which the layer reads its policy. Empty
	// means that no policy can be embedded. Its value is shown nowhere.
	PolicyVariable string `json:"policy_variable,omitempty" yaml:"policy_variable,omitempty"`
	Limits         Limits `json:"limits" yaml:"limits"`
	// SnapStart is true when the layer may be part of a snapshot.
	SnapStart bool `json:"snapstart" yaml:"snapstart"`
}

// RecipeLayer names the Defender's layer.
type RecipeLayer struct {
	// Names are the layer's name per architecture. A layer of that name in a
	// function's list is the Defender, whatever its version and account.
	Names map[string]string `json:"names" yaml:"names"`
	// Versions fix the version to attach. Without a match, the newest version
	// published in the function's own account and region is used.
	Versions []RecipeLayerVersion `json:"versions,omitempty" yaml:"versions,omitempty"`
	// Owned is true when nobody but Autodefend attaches this layer, so that
	// its presence alone shows who attached it.
	Owned bool `json:"owned" yaml:"owned"`
}

// RecipeLayerVersion fixes a layer version. The ARN may hold {partition},
// {region}, {account} and {architecture}. Empty fields match everything.
type RecipeLayerVersion struct {
	Region       string `json:"region,omitempty" yaml:"region,omitempty"`
	Architecture string `json:"architecture,omitempty" yaml:"architecture,omitempty"`
	ARN          string `json:"arn" yaml:"arn"`
}

// RecipeWrapper attaches the Defender as the runtime's wrapper script.
type RecipeWrapper struct {
	// Path is the value of AWS_LAMBDA_EXEC_WRAPPER.
	Path string `json:"path" yaml:"path"`
	// NextVariable is the variable in which an owner's own wrapper is kept for
	// the Defender to start. Empty means that the layer can't chain wrappers.
	NextVariable string `json:"next_variable,omitempty" yaml:"next_variable,omitempty"`
}

// RecipeHandler attaches the Defender as the function's handler.
type RecipeHandler struct {
	// Value is the new handler.
	Value string `json:"value" yaml:"value"`
	// OriginalVariable is the variable in which the owner's handler is kept.
	OriginalVariable string `json:"original_variable" yaml:"original_variable"`
}

// Limits are the thresholds of the Risk Engine, by the names they have in the
// environment (MAX_LAYERS, MIN_MEMORY_MB, …).
type Limits struct {
	// MaxLayers is how many layers a function may have with ours; AWS's own
	// limit is 5.
	MaxLayers int `json:"max_layers" yaml:"max_layers"`
	// MinMemoryMB: the function's memory must be greater.
	MinMemoryMB int `json:"min_memory_mb" yaml:"min_memory_mb"`
	// TimeoutBufferSec: the function's timeout must be less than 900 seconds
	// minus this buffer. 0 means that no buffer is needed.
	TimeoutBufferSec int `json:"timeout_buffer_sec" yaml:"timeout_buffer_sec"`
	// ZippedSizeThresholdMB: the zipped package may not be larger. One MB is
	// 1,048,576 bytes, as in AWS's quotas.
	ZippedSizeThresholdMB int `json:"zipped_size_threshold_mb" yaml:"zipped_size_threshold_mb"`
	// UtilizationPercent is how much of memory and timeout a function may have
	// been seen to use.
	UtilizationPercent int `json:"utilization_percent" yaml:"utilization_percent"`
}

// PolicyPrefix begins every policy that Autodefend embeds in a function's
// variable, so that a variable of the same name with anything else is known to
// be its owner's.
const PolicyPrefix = "ad."

// MarkerVariable is the variable that marks a function as attached by
// Autodefend. Its value is RECIPE/RUN.
const MarkerVariable = "AUTODEFEND_ATTACHED"

// OwnershipTag is a tag set beside the one that marks protected functions. It
// shows that the other one is ours even after a deployment wiped all else; its
// value is the recipe's name.
const OwnershipTag = "autodefend:attached"

// WrapperVariable is AWS's variable for wrapper scripts.
const WrapperVariable = "AWS_LAMBDA_EXEC_WRAPPER"

// Validate checks the recipe and names the field of the first mistake.
func (r *Recipe) Validate() error {
	bad := func(field, what string) error {
		return Errorf(CodeInvalid, "recipe %q: field %s %s", clip(r.Name), field, what).
			WithHint("docs/recipes.md describes every field")
	}
	switch {
	case r.Version != 1:
		return bad("version", "must be 1")
	case !regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`).MatchString(r.Name):
		return bad("name", "must be 1 to 32 lower-case letters, digits and hyphens, a letter first")
	case len(r.Layer.Names) == 0:
		return bad("layer.names", "must name the layer for at least one architecture")
	case len(r.Runtimes) == 0:
		return bad("runtimes", "must list at least one runtime or family")
	case (r.Wrapper == nil) == (r.Handler == nil):
		return bad("wrapper or handler", "must be given, and not both")
	}
	if err := r.validateLayer(bad); err != nil {
		return err
	}
	if err := r.validateAttach(bad); err != nil {
		return err
	}
	return r.Limits.validate(bad)
}

func (r *Recipe) validateLayer(bad func(field, what string) error) error {
	for _, arch := range slices.Sorted(maps.Keys(r.Layer.Names)) {
		if arch != ArchX86 && arch != ArchARM {
			return bad("layer.names", "has the unknown architecture "+clip(arch)+", want x86_64 or arm64")
		}
		if !patterns().layer.MatchString(r.Layer.Names[arch]) {
			return bad("layer.names."+arch, "isn't a layer's name")
		}
	}
	for _, v := range r.Layer.Versions {
		if v.Region != "" && !ValidRegion(v.Region) {
			return bad("layer.versions.region", "isn't a region: "+clip(v.Region))
		}
		if v.Architecture != "" && r.Layer.Names[v.Architecture] == "" {
			return bad("layer.versions.architecture", "isn't in layer.names: "+clip(v.Architecture))
		}
		if err := r.validateVersion(v, bad); err != nil {
			return err
		}
	}
	return nil
}

// validateVersion: a version must be of the layer that layer.names gives for
// each architecture it's for, or the Defender would never be recognised.
func (r *Recipe) validateVersion(v RecipeLayerVersion, bad func(field, what string) error) error {
	for _, arch := range slices.Sorted(maps.Keys(r.Layer.Names)) {
		if v.Architecture != "" && v.Architecture != arch {
			continue
		}
		arn, err := ParseLayerARN(v.expand("aws", "us-east-1", "123456789012", arch))
		if err != nil {
			return bad("layer.versions.arn", "isn't a layer version ARN: "+clip(v.ARN))
		}
		if arn.Name != r.Layer.Names[arch] {
			return bad("layer.versions.arn", "has the layer "+arn.Name+", but layer.names has "+r.Layer.Names[arch]+" for "+arch)
		}
	}
	return nil
}

func (r *Recipe) validateAttach(bad func(field, what string) error) error {
	pattern := regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
	usable := func(name string) bool {
		return pattern.MatchString(name) && name != WrapperVariable && name != MarkerVariable
	}
	var keeps string
	if w := r.Wrapper; w != nil {
		if !strings.HasPrefix(w.Path, "/opt/") {
			return bad("wrapper.path", "must be below /opt, where Lambda puts layers")
		}
		if w.NextVariable != "" && !usable(w.NextVariable) {
			return bad("wrapper.next_variable", "isn't the name of a variable that AWS and Autodefend leave free")
		}
		keeps = w.NextVariable
	}
	if h := r.Handler; h != nil {
		if h.Value == "" || len(h.Value) > 128 || strings.ContainsAny(h.Value, " \t\n") {
			return bad("handler.value", "must have 1 to 128 characters and no white space")
		}
		if !usable(h.OriginalVariable) {
			return bad("handler.original_variable", "isn't the name of a variable that AWS and Autodefend leave free")
		}
		keeps = h.OriginalVariable
	}
	return r.validateVariables(bad, func(name string) bool { return usable(name) && name != keeps })
}

// validateVariables checks the names of what the recipe sets; free says which names are to be had.
func (r *Recipe) validateVariables(bad func(field, what string) error, free func(name string) bool) error {
	if p := r.PolicyVariable; p != "" {
		if _, set := r.Environment[p]; set || !free(p) {
			return bad("policy_variable", "isn't the name of a variable that AWS, Autodefend and the recipe leave free")
		}
	}
	for _, name := range r.Environment.Names() {
		if !free(name) {
			return bad("environment", "has the name "+clip(name)+", which AWS refuses or Autodefend uses")
		}
	}
	return nil
}

func (l Limits) validate(bad func(field, what string) error) error {
	for _, f := range []struct {
		name      string
		value     int
		low, high int
		unit      string
	}{
		{"limits.max_layers", l.MaxLayers, 1, 5, "1 to 5"},
		{"limits.min_memory_mb", l.MinMemoryMB, 0, 10240, "0 to 10240"},
		{"limits.timeout_buffer_sec", l.TimeoutBufferSec, 0, 899, "0 to 899"},
		{"limits.zipped_size_threshold_mb", l.ZippedSizeThresholdMB, 1, 250, "1 to 250"},
		{"limits.utilization_percent", l.UtilizationPercent, 1, 100, "1 to 100"},
	} {
		if f.value < f.low || f.value > f.high {
			return bad(f.name, "must be "+f.unit)
		}
	}
	return nil
}

// FixedVersion returns the layer version the recipe fixes for the
// architecture in a region of an account, or "" when the newest published one
// is to be used.
func (r *Recipe) FixedVersion(partition, region, account, architecture string) string {
	for _, v := range r.Layer.Versions {
		if (v.Region == "" || v.Region == region) && (v.Architecture == "" || v.Architecture == architecture) {
			return v.expand(partition, region, account, architecture)
		}
	}
	return ""
}

func (v RecipeLayerVersion) expand(partition, region, account, architecture string) string {
	return strings.NewReplacer("{partition}", partition, "{region}", region, "{account}", account, "{architecture}", architecture).Replace(v.ARN)
}
