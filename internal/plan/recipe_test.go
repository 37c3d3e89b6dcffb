package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
)

// goodRecipe is the recipe that bad ones are made from, a line at a time.
const goodRecipe = `version: 1
name: mine
description: a layer of our own
layer:
  names: {x86_64: guard, arm64: guard-arm}
  versions:
    - {region: eu-west-1, architecture: x86_64, arn: "arn:{partition}:lambda:{region}:{account}:layer:guard:3"}
runtimes: [python, nodejs20.x]
wrapper:
  path: /opt/guard/start
  next_variable: GUARD_NEXT
environment: {GUARD_KEY: canary-7f3a9c51}
limits: {max_layers: 5, min_memory_mb: 0, timeout_buffer_sec: 0, zipped_size_threshold_mb: 250, utilization_percent: 100}
snapstart: true
`

func TestParseRecipe(t *testing.T) {
	r, err := ParseRecipe([]byte(goodRecipe))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "mine" || r.Wrapper.NextVariable != "GUARD_NEXT" || r.Environment["GUARD_KEY"] != canary || !r.SnapStart {
		t.Errorf("recipe %+v", r)
	}
	tests := []struct{ region, arch, want string }{
		{"eu-west-1", "x86_64", "arn:aws:lambda:eu-west-1:123456789012:layer:guard:3"},
		{"eu-west-1", "arm64", ""},
		{"us-east-1", "x86_64", ""},
	}
	for _, tt := range tests {
		if got := r.FixedVersion("aws", tt.region, "123456789012", tt.arch); got != tt.want {
			t.Errorf("version in %s for %s is %q, want %q", tt.region, tt.arch, got, tt.want)
		}
	}
}

func TestParseRecipeNamesTheField(t *testing.T) {
	wrapper := "wrapper:\n  path: /opt/guard/start\n  next_variable: GUARD_NEXT\n"
	handler := "handler: {value: guard.run, original_variable: GUARD_NEXT}\n"
	tests := []struct{ name, old, new, want string }{
		{"version 2", "version: 1", "version: 2", "field version"},
		{"no version", "version: 1", "", "field version"},
		{"text for a version", "version: 1", "version: one", "cannot unmarshal"},
		{"unknown field", "version: 1", "version: 1\nvendor: us", "vendor"},
		{"unknown nested field", "path: /opt/guard/start", "path: /opt/guard/start\n  shell: sh", "shell"},
		{"repeated field", "version: 1", "version: 1\nversion: 1", "already defined"},
		{"no name", "name: mine", "", "field name"},
		{"name with capitals", "name: mine", "name: Mine", "field name"},
		{"name with a slash", "name: mine", "name: a/b", "field name"},
		{"long name", "name: mine", "name: " + strings.Repeat("m", 33), "field name"},
		{"no layers", "{x86_64: guard, arm64: guard-arm}", "{}", "field layer.names"},
		{"unknown architecture", "arm64: guard-arm", "riscv: guard-arm", "unknown architecture riscv"},
		{"malformed layer", "x86_64: guard,", "x86_64: a layer,", "field layer.names.x86_64"},
		{"malformed region", "region: eu-west-1", "region: europe", "field layer.versions.region"},
		{"version's architecture", "architecture: x86_64", "architecture: riscv", "field layer.versions.architecture"},
		{"version's ARN", "layer:guard:3", "layer:guard", "field layer.versions.arn"},
		{"another layer's ARN", "layer:guard:3", "layer:other:3", "field layer.versions.arn"},
		{"another architecture's ARN", "architecture: x86_64, ", "", "guard-arm for arm64"},
		{"no runtimes", "[python, nodejs20.x]", "[]", "field runtimes"},
		{"no way to attach", wrapper, "", "field wrapper or handler"},
		{"two ways to attach", wrapper, wrapper + handler, "field wrapper or handler"},
		{"wrapper outside /opt", "/opt/guard/start", "/var/guard", "field wrapper.path"},
		{"malformed next variable", "GUARD_NEXT", "NEXT-1", "field wrapper.next_variable"},
		{"AWS's own next variable", "GUARD_NEXT", "AWS_LAMBDA_EXEC_WRAPPER", "field wrapper.next_variable"},
		{"our marker as next variable", "GUARD_NEXT", "AUTODEFEND_ATTACHED", "field wrapper.next_variable"},
		{"empty handler", wrapper, "handler: {value: '', original_variable: ORIGINAL}\n", "field handler.value"},
		{"handler with a space", wrapper, "handler: {value: 'a b', original_variable: ORIGINAL}\n", "field handler.value"},
		{"long handler", wrapper, "handler: {value: " + strings.Repeat("h", 129) + ", original_variable: ORIGINAL}\n", "field handler.value"},
		{"no original variable", wrapper, "handler: {value: a.b}\n", "field handler.original_variable"},
		{"our marker as original variable", wrapper, "handler: {value: a.b, original_variable: AUTODEFEND_ATTACHED}\n", "field handler.original_variable"},
		{"variable's name", "{GUARD_KEY:", "{1GUARD:", "field environment has the name 1GUARD"},
		{"wrapper as a variable", "{GUARD_KEY:", "{AWS_LAMBDA_EXEC_WRAPPER:", "field environment"},
		{"marker as a variable", "{GUARD_KEY:", "{AUTODEFEND_ATTACHED:", "field environment"},
		{"next variable as a variable", "{GUARD_KEY:", "{GUARD_NEXT:", "field environment"},
		{"no layers allowed", "max_layers: 5", "max_layers: 0", "field limits.max_layers"},
		{"six layers", "max_layers: 5", "max_layers: 6", "field limits.max_layers must be 1 to 5"},
		{"negative memory", "min_memory_mb: 0", "min_memory_mb: -1", "field limits.min_memory_mb"},
		{"too much memory", "min_memory_mb: 0", "min_memory_mb: 10241", "field limits.min_memory_mb"},
		{"no time left", "timeout_buffer_sec: 0", "timeout_buffer_sec: 900", "field limits.timeout_buffer_sec"},
		{"no package", "threshold_mb: 250", "threshold_mb: 0", "field limits.zipped_size_threshold_mb"},
		{"huge package", "threshold_mb: 250", "threshold_mb: 251", "field limits.zipped_size_threshold_mb"},
		{"101 %", "percent: 100", "percent: 101", "field limits.utilization_percent"},
		{"0 %", "percent: 100", "percent: 0", "field limits.utilization_percent"},
		{"empty", goodRecipe, "", "empty"},
		{"no YAML", goodRecipe, "{", "recipe"},
		{"two documents", "snapstart: true\n", "snapstart: true\n---\nversion: 1\n", "more than one document"},
		{"huge", "description:", "description: " + strings.Repeat("x", 1<<20), "bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(goodRecipe, tt.old) {
				t.Fatalf("the recipe has no %q", tt.old)
			}
			_, err := ParseRecipe([]byte(strings.Replace(goodRecipe, tt.old, tt.new, 1)))
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want an invalid one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error shows a variable's value: %v", err)
			}
		})
	}
}

// TestParseRecipeLimits: the outermost values are allowed.
func TestParseRecipeLimits(t *testing.T) {
	for _, line := range []string{
		"limits: {max_layers: 1, min_memory_mb: 10240, timeout_buffer_sec: 899, zipped_size_threshold_mb: 1, utilization_percent: 1}",
		"limits: {max_layers: 5, min_memory_mb: 0, timeout_buffer_sec: 0, zipped_size_threshold_mb: 250, utilization_percent: 100}",
	} {
		before, rest, _ := strings.Cut(goodRecipe, "limits: ")
		_, after, _ := strings.Cut(rest, "\n")
		if _, err := ParseRecipe([]byte(before + line + "\n" + after)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestBuiltinRecipes(t *testing.T) {
	limits := autodefend.Limits{MaxLayers: 5, MinMemoryMB: 256, TimeoutBufferSec: 30, ZippedSizeThresholdMB: 70, UtilizationPercent: 95}
	for _, name := range BuiltinRecipes() {
		r := builtin(t, name)
		if r.Name != name {
			t.Errorf("recipe %s is named %s", name, r.Name)
		}
		if name != DefaultRecipe && r.Limits != limits {
			t.Errorf("recipe %s has the limits %+v, want the documented ones %+v", name, r.Limits, limits)
		}
		if r.Layer.Owned != (name == DefaultRecipe) {
			t.Errorf("recipe %s: owned is %t", name, r.Layer.Owned)
		}
	}
	_, err := BuiltinRecipe("nope")
	if autodefend.ErrorCode(err) != autodefend.CodeNotFound || !strings.Contains(autodefend.ErrorHint(err), "prisma-handler") {
		t.Errorf("error %v with hint %q, want not-found that names the recipes", err, autodefend.ErrorHint(err))
	}
}

func TestDefaultCatalog(t *testing.T) {
	c, err := DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]bool{"python": true, "nodejs": true, "java": true, "ruby": true, "dotnet": true, "go": true, "provided": true}
	for name, r := range c {
		if !families[r.Family] || !strings.HasPrefix(name, r.Family) || (r.OS != "AL1" && r.OS != "AL2" && r.OS != "AL2023") {
			t.Errorf("runtime %+v", r)
		}
		if r.Blocked.Before(r.Deprecated) {
			t.Errorf("%s is blocked before it's deprecated", name)
		}
	}
	tests := []struct {
		name    string
		wrapper bool
	}{
		{"python3.7", false},
		{"python3.8", true},
		{"java8", false},
		{"java8.al2", true},
		{"nodejs8.10", false},
		{"nodejs10.x", true},
		{"provided.al2023", false},
		{"go1.x", false},
		{"dotnetcore3.1", true},
		{"java17.al2023", true},
		{"ruby4.0", true},
	}
	for _, tt := range tests {
		if r, ok := c[tt.name]; !ok || r.Wrapper != tt.wrapper {
			t.Errorf("%s: %+v, want wrapper %t", tt.name, r, tt.wrapper)
		}
	}
}

func TestParseCatalog(t *testing.T) {
	c, err := ParseCatalog([]byte("runtimes:\n  - {name: x1, family: x, os: AL2, wrapper: true, deprecated: 2030-01-01, blocked: 2030-02-01}\n"))
	if err != nil || len(c) != 1 || !c["x1"].Blocked.Equal(day("2030-02-01")) {
		t.Fatalf("catalog %+v, error %v", c, err)
	}
	for text, want := range map[string]string{
		"": "EOF", "runtimes: 3": "unmarshal", "runtimes: []\nmore: 1": "more",
		"runtimes:\n  - {name: a, family: f, kernel: 6}":                "kernel",
		"runtimes:\n  - {name: a, family: f}\n  - {name: a, family: f}": `"a" is repeated`,
		"runtimes:\n  - {family: f}":                                    "no name",
		"runtimes:\n  - {name: a}":                                      `"a"`,
		"runtimes:\n  - {name: a, family: f, blocked: never}":           "never",
		"runtimes:\n  - {name: a, family: f, wrapper: maybe}":           "maybe",
		"runtimes:\n  - {name: a, family: f}\n    os: AL2":              "yaml",
	} {
		if _, err := ParseCatalog([]byte(text)); autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want an invalid one with %q", text, err, want)
		}
	}
}

func TestSelection(t *testing.T) {
	tests := []struct {
		globs []string
		name  string
		want  bool
	}{
		{nil, "shop", true},
		{[]string{"shop"}, "shop", true},
		{[]string{"shop"}, "shop-2", false},
		{[]string{"a", "s*p"}, "shop", true},
		{[]string{"sh?p"}, "shop", true},
		{[]string{"sh[a-n]p"}, "shop", false},
		{[]string{`sh\op`}, "shop", true},
		{[]string{"["}, "[", false},
		{[]string{"Shop"}, "shop", false},
	}
	for _, tt := range tests {
		if got := (Selection{Functions: tt.globs}).Includes(tt.name); got != tt.want {
			t.Errorf("%q includes %s: %t, want %t", tt.globs, tt.name, got, tt.want)
		}
	}
}

func TestSelectionValidate(t *testing.T) {
	good := Selection{Functions: []string{"*", "a?[b-c]"}, Exclude: []string{`\*`}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, glob := range []string{"", "[", "a[", "[]a]", "[a-]", `\`, "*["} {
		for option, s := range map[string]Selection{
			"function": {Functions: []string{"ok", glob}}, "exclude": {Exclude: []string{"ok", glob}},
		} {
			err := s.Validate()
			var e *autodefend.Error
			if !errors.As(err, &e) || e.Code != autodefend.CodeInvalid || !strings.Contains(e.Message, "option "+option) || e.Hint == "" {
				t.Errorf("%s %q: error %v, want an invalid one that names the option", option, glob, err)
			}
		}
	}
	both := Selection{Functions: []string{"["}, Exclude: []string{"["}}
	if err := both.Validate(); err == nil || !strings.Contains(err.Error(), "option function") {
		t.Errorf("error %v, want the first option's", err)
	}
}
