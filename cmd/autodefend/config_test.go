package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/autodefend/autodefend"
)

// load loads a configuration from flags, variables and the text of a file.
func load(t *testing.T, args []string, env map[string]string, file string) (*config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("config", "", "")
	addFlags(flags)
	if file != "" {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags, func(name string) string { return env[name] })
}

// samples are two texts for each option that differ from the default and from
// each other, as anybody might give them.
func samples() map[string][2]string {
	return map[string][2]string{
		"regions":                         {"eu-west-1", "us-east-1"},
		"functions":                       {"a-*", "b-*"},
		"exclude":                         {"c-*", "d-*"},
		"tags":                            {"k=v", "x=y"},
		"profile":                         {"one", "two"},
		"accounts":                        {"arn:aws:iam::111111111111:role/a", "arn:aws:iam::222222222222:role/b"},
		"recipe":                          {"prisma-handler", "autodefend"},
		"layer_arn":                       {"arn:aws:lambda:eu-west-1:111111111111:layer:autodefend-defender-arm64:1", "arn:aws:lambda:eu-west-1:111111111111:layer:autodefend-defender-x86_64:2"},
		"limits.max_layers":               {"4", "3"},
		"limits.min_memory_mb":            {"300", "400"},
		"limits.timeout_buffer_sec":       {"10", "20"},
		"limits.zipped_size_threshold_mb": {"60", "50"},
		"limits.utilization_percent":      {"90", "80"},
		"tag.key":                         {"A", "B"},
		"tag.value":                       {"1", "2"},
		"allow_blocked_runtimes":          {"true", "false"},
		"skip_permission_check":           {"true", "false"},
		"as_of":                           {"2026-01-02", "2026-03-04"},
		"versions":                        {"true", "false"},
		"metrics":                         {"true", "false"},
		"details":                         {"false", "true"},
		"rate":                            {"7.5", "2"},
		"dry_run":                         {"true", "false"},
		"max_changes":                     {"5", "10%"},
		"max_failures":                    {"1", "2"},
		"plan_max_age":                    {"1h0m0s", "2h0m0s"},
		"settle_timeout":                  {"1m0s", "2m0s"},
		"log_level":                       {"info", "debug"},
		"log_format":                      {"json", "text"},
	}
}

// TestSources gives every option in the file, in the environment and as a flag,
// and checks that the nearest one wins and is named.
func TestSources(t *testing.T) {
	for _, o := range options(newConfig()) {
		given, ok := samples()[o.key]
		if !ok {
			switch o.key {
			case "external_id", "runtimes_file": // these have tests of their own
			case "policy", "policy_key", "waas": // and these a script
			default:
				t.Errorf("option %s has no samples", o.key)
			}
			continue
		}
		t.Run(o.key, func(t *testing.T) {
			file := inFile(t, o.key, given[0])
			check := func(source string, args []string, env map[string]string, want string) {
				t.Helper()
				c, err := load(t, args, env, file)
				if err != nil {
					t.Fatalf("%s: %v", source, err)
				}
				if got := shown(t, c, o.key); !strings.Contains(got, want) {
					t.Errorf("from the %s the value is %s, want %s", source, got, want)
				}
				if got := c.origin(o.key); !strings.Contains(got, source) {
					t.Errorf("the origin is %q, want %s", got, source)
				}
			}
			check("c.yaml:", nil, nil, given[0])
			check("variable "+o.env, nil, map[string]string{o.env: given[1]}, given[1])
			if o.flag != "" {
				check("flag --"+o.flag, []string{"--" + o.flag + "=" + given[1]}, map[string]string{o.env: given[0]}, given[1])
			}
		})
	}
}

// inFile writes one option as a configuration file.
func inFile(t *testing.T, key, value string) string {
	t.Helper()
	var content any = value
	if key == "accounts" {
		content = []account{{RoleARN: value, ExternalID: "secret-id"}}
	}
	if group, rest, ok := strings.Cut(key, "."); ok {
		content, key = map[string]any{rest: value}, group
	}
	b, err := yaml.Marshal(map[string]any{key: content})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shown renders the value of one option as YAML.
func shown(t *testing.T, c *config, key string) string {
	t.Helper()
	table := options(c)
	i := slices.IndexFunc(table, func(o option) bool { return o.key == key })
	b, err := yaml.Marshal(table[i].value.show())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOptionsTable(t *testing.T) {
	seen := map[string]string{}
	for _, o := range options(newConfig()) {
		for _, name := range []string{"key " + o.key, "flag " + o.flag, "env " + o.env} {
			if strings.HasSuffix(name, " ") && strings.HasPrefix(name, "flag") {
				continue
			}
			if seen[name] != "" {
				t.Errorf("%s belongs to %s and %s", name, seen[name], o.key)
			}
			seen[name] = o.key
		}
		if o.help == "" || o.env == "" {
			t.Errorf("option %s has no help or no environment variable", o.key)
		}
	}
	for _, key := range slices.Concat(selectors(), limiters(), reachers()) {
		if seen["key "+key] == "" {
			t.Errorf("a command wants the option %q, which doesn't exist", key)
		}
	}
}

// TestShowRoundTrip: what the config command prints is a configuration file
// that says the same.
func TestShowRoundTrip(t *testing.T) {
	env := map[string]string{}
	for _, o := range options(newConfig()) {
		if given, ok := samples()[o.key]; ok && o.key != "recipe" {
			env[o.env] = given[0]
		}
	}
	first, err := load(t, nil, env, "")
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := first.showYAML(&printed); err != nil {
		t.Fatal(err)
	}
	second, err := load(t, nil, nil, printed.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options(first) {
		if diff := cmp.Diff(shown(t, first, o.key), shown(t, second, o.key)); diff != "" {
			t.Errorf("option %s: %s", o.key, diff)
		}
	}
}

// TestSecretsHidden: neither form of the config command prints an external id.
func TestSecretsHidden(t *testing.T) {
	c, err := load(t, []string{"--external-id", "hush-hush"}, nil, inFile(t, "accounts", "arn:aws:iam::111111111111:role/a"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.externalID("arn:aws:iam::111111111111:role/a"); got != "secret-id" {
		t.Errorf("the role's own external id is %q", got)
	}
	if got := c.externalID("arn:aws:iam::999999999999:role/b"); got != "hush-hush" {
		t.Errorf("the external id of a role without one is %q", got)
	}
	for _, format := range []string{"yaml", "json"} {
		var out bytes.Buffer
		if err := c.show(&out, format); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "hush-hush") || strings.Contains(out.String(), "secret-id") {
			t.Errorf("the %s form prints an external id:\n%s", format, &out)
		}
	}
}

func TestShare(t *testing.T) {
	tests := []struct {
		text       string
		total, max int
	}{
		{"", 7, 7},
		{"0", 7, 0},
		{"7", 7, 7},
		{"9", 7, 7},
		{"0%", 7, 0},
		{"10%", 9, 0},
		{"10%", 10, 1},
		{"10%", 19, 1},
		{"12.5%", 8, 1},
		{"100%", 7, 7},
		{"50%", 0, 0},
	}
	for _, tt := range tests {
		s, err := parseShare(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := s.of(tt.total); got != tt.max {
			t.Errorf("%q of %d is %d, want %d", tt.text, tt.total, got, tt.max)
		}
		if s.String() != tt.text {
			t.Errorf("%q is written %q", tt.text, s)
		}
	}
	for _, text := range []string{"-1", "1.5", "101%", "-1%", "NaN%", "%", "x", "1 %"} {
		if s, err := parseShare(text); err == nil {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
}

func TestBounds(t *testing.T) {
	tests := []struct {
		option, text string
		ok           bool
	}{
		{"MIN_MEMORY_MB", "0", true},
		{"MIN_MEMORY_MB", "10240", true},
		{"MIN_MEMORY_MB", "10241", false},
		{"MIN_MEMORY_MB", "-1", false},
		{"MAX_LAYERS", "0", false},
		{"MAX_LAYERS", "1", true},
		{"MAX_LAYERS", "5", true},
		{"MAX_LAYERS", "6", false},
		{"TIMEOUT_BUFFER_SEC", "899", true},
		{"TIMEOUT_BUFFER_SEC", "900", false},
		{"ZIPPED_SIZE_THRESHOLD", "250", true},
		{"ZIPPED_SIZE_THRESHOLD", "251", false},
		{"ZIPPED_SIZE_THRESHOLD", "70MB", false},
		{"AUTODEFEND_RATE", "NaN", false},
		{"AUTODEFEND_RATE", "0", false},
		{"AUTODEFEND_RATE", "0.01", true},
		{"AUTODEFEND_MAX_FAILURES", "0", false},
		{"AUTODEFEND_PLAN_MAX_AGE", "-1s", false},
		{"AUTODEFEND_SETTLE_TIMEOUT", "0s", false},
		{"AUTODEFEND_AS_OF", "2026-02-30", false},
		{"AUTODEFEND_AS_OF", "2026-02-28T12:00:00Z", true},
		{"DRY_RUN", "TRUE", true},
		{"DRY_RUN", "yes", false},
		{"TARGET_REGIONS", "all", true},
		{"TARGET_REGIONS", "us-gov-west-1, cn-north-1 ,", true},
	}
	for _, tt := range tests {
		_, err := load(t, nil, map[string]string{tt.option: tt.text}, "")
		if (err == nil) != tt.ok {
			t.Errorf("%s=%s: %v, want ok: %t", tt.option, tt.text, err, tt.ok)
		}
		if err != nil && !strings.Contains(err.Error(), tt.option) {
			t.Errorf("%s=%s: the mistake doesn't name the variable: %v", tt.option, tt.text, err)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"regions", "recipe", "rate", "tags", "tag", "limits", "max_changes"}
	tests := []struct{ name, want string }{
		{"region", "regions"},
		{"Regions", "regions"},
		{"max-changes", "max_changes"},
		{"recipes", "recipe"},
		{"tgs", "tags"},
		{"completely_different", ""},
		{strings.Repeat("regions", 100), ""},
	}
	for _, tt := range tests {
		if got, _ := mostLike(tt.name, known); got != tt.want && tt.want != "" {
			t.Errorf("nearest to %s is %q, want %q", tt.name, got, tt.want)
		}
		if _, found := mostLike(tt.name, known); found != (tt.want != "") {
			t.Errorf("%s: found is %t", tt.name, found)
		}
	}
}

func TestLayerARN(t *testing.T) {
	c, err := load(t, []string{"--recipe", "prisma-wrapper", "--layer-arn", "arn:{partition}:lambda:{region}:123456789012:layer:vendor-defender:12"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	want := "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:vendor-defender:12"
	if got := c.Recipe.FixedVersion("aws-us-gov", "us-gov-west-1", "999999999999", autodefend.ArchX86); got != want {
		t.Errorf("the version to attach is %q, want %q", got, want)
	}
	c, err = load(t, []string{"--layer-arn", "arn:aws:lambda:eu-west-1:111111111111:layer:autodefend-defender-arm64:3"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Recipe.FixedVersion("aws", "eu-west-1", "1", autodefend.ArchX86); got != "" {
		t.Errorf("the arm64 layer is attached to x86_64 functions: %s", got)
	}
}

func TestDefaults(t *testing.T) {
	c, err := load(t, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	if got := c.asOf(at); !got.Equal(at) {
		t.Errorf("as of %s, want now", got)
	}
	if c.Tag != (autodefend.Tag{Key: "SecurityProtected", Value: "True"}) || c.Rate != 5 || c.DryRun || !c.Details {
		t.Errorf("defaults: %+v", c)
	}
}

// FuzzConfigFile: whatever a file holds, it's read or refused with places in
// it, and what is read sets no option beyond its bounds.
func FuzzConfigFile(f *testing.F) {
	for key, given := range samples() {
		group, rest, ok := strings.Cut(key, ".")
		if ok {
			f.Add([]byte(group + ":\n  " + rest + ": " + given[0]))
		}
		f.Add([]byte(key + ": [" + given[0] + ", " + given[1] + "]"))
	}
	f.Add([]byte("accounts:\n  - role_arn: x\n    external_id: y\n  - z\n"))
	f.Add([]byte("a: &a [*a]\ntags: {k: v}\n---\n"))
	f.Add([]byte("limits:\nrate: .nan\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newConfig()
		table := options(c)
		found, mistakes := parseConfigFile("f.yaml", b, table, c)
		for _, m := range mistakes {
			if !strings.Contains(m.Error(), "f.yaml") {
				t.Errorf("a mistake without its place: %v", m)
			}
		}
		for _, o := range table {
			r, ok := found[o.key]
			if !ok {
				continue
			}
			if err := o.value.set(r.values); err == nil {
				o.value.show()
			}
		}
		if c.Rate < 0.01 || c.MaxFailures < 1 || c.PlanMaxAge < 0 || c.SettleTimeout <= 0 {
			t.Errorf("out of bounds: %+v", c)
		}
	})
}
