package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/autodefend/autodefend/internal/plan"
)

// option is one setting: its key in the file, its flag and its environment
// variable. The table of options is the only list of them: flags, environment,
// file, help and the config command are made from it.
type option struct {
	key   string
	flag  string // "" when there is none
	short string
	env   string
	help  string
	value value
}

// options returns the table, bound to c. The order is that of the config
// command.
func options(c *config) []option {
	return append(scopeOptions(c), append(recipeOptions(c), runOptions(c)...)...)
}

// scopeOptions say where and which functions.
func scopeOptions(c *config) []option {
	return []option{
		{key: "regions", flag: "region", env: "TARGET_REGIONS", value: listValue("REGION", &c.Regions), help: "regions, or all for every one enabled in the account (default: AWS's own setting)"},
		{key: "functions", flag: "function", short: "f", env: "AUTODEFEND_FUNCTIONS", value: listValue("GLOB", &c.Functions), help: "only functions whose name matches; repeatable"},
		{key: "exclude", flag: "exclude", env: "EXCLUSION_LIST", value: listValue("GLOB", &c.Exclude), help: "leave functions alone whose name matches; repeatable"},
		{key: "tags", flag: "tag", env: "AUTODEFEND_TAGS", value: tagsValue(&c.Tags), help: "only functions with this tag; repeatable, all must be there"},
		{key: "profile", flag: "profile", env: "AUTODEFEND_PROFILE", value: textValue("NAME", &c.Profile), help: "profile of AWS's configuration files (default: AWS_PROFILE)"},
		{key: "accounts", flag: "assume-role", env: "AUTODEFEND_ACCOUNTS", value: accountsValue(c), help: "role of an account to work on, or " + ownAccount + " for the caller's own beside them; repeatable"},
		{key: "external_id", flag: "external-id", env: "AUTODEFEND_EXTERNAL_ID", value: secretValue("ID", &c.ExternalID), help: "external id of roles that have none in the file"},
	}
}

// recipeOptions say how the Defender is attached, and to what it's safe.
func recipeOptions(c *config) []option {
	l := &c.limits
	return []option{
		{key: "recipe", flag: "recipe", env: "AUTODEFEND_RECIPE", value: textValue("NAME|FILE", &c.recipeRef), help: "how to attach: " + strings.Join(plan.BuiltinRecipes(), ", ") + " or a YAML file"},
		{key: "layer_arn", flag: "layer-arn", env: "AUTODEFEND_LAYER_ARN", value: textValue("ARN", &c.LayerARN), help: "layer version to attach (default: the newest one published)"},
		{key: "policy", flag: "policy", env: "AUTODEFEND_POLICY", value: textValue("FILE", &c.policyFile), help: "runtime policy to embed in functions, as JSON"},
		{key: "waas", flag: "waas", env: "AUTODEFEND_WAAS", value: textValue("FILE", &c.waasFile), help: "firewall policy to embed in functions, as JSON"},
		{key: "policy_key", flag: "policy-key", env: "AUTODEFEND_POLICY_KEY_FILE", value: textValue("FILE", &c.policyKeyFile), help: "private key that signs the policies"},
		{key: "limits.max_layers", env: "MAX_LAYERS", value: limitValue(&l.maxLayers, func() int { return c.Recipe.Limits.MaxLayers }, 1, 5), help: "how many layers a function may have with ours"},
		{key: "limits.min_memory_mb", env: "MIN_MEMORY_MB", value: limitValue(&l.minMemoryMB, func() int { return c.Recipe.Limits.MinMemoryMB }, 0, 10240), help: "the function's memory must be greater, in MB"},
		{key: "limits.timeout_buffer_sec", env: "TIMEOUT_BUFFER_SEC", value: limitValue(&l.timeoutBufferSec, func() int { return c.Recipe.Limits.TimeoutBufferSec }, 0, 899), help: "the function's timeout must be less than 900 s minus this"},
		{key: "limits.zipped_size_threshold_mb", env: "ZIPPED_SIZE_THRESHOLD", value: limitValue(&l.zippedSizeThresholdMB, func() int { return c.Recipe.Limits.ZippedSizeThresholdMB }, 1, 250), help: "the zipped code may not be larger, in MB of 1,048,576 bytes"},
		{key: "limits.utilization_percent", env: "AUTODEFEND_UTILIZATION_PERCENT", value: limitValue(&l.utilizationPercent, func() int { return c.Recipe.Limits.UtilizationPercent }, 1, 100), help: "how much of memory and timeout a function may have used"},
		{key: "tag.key", env: "AUTODEFEND_TAG_KEY", value: textValue("KEY", &c.Tag.Key), help: "key of the tag that marks protected functions"},
		{key: "tag.value", env: "AUTODEFEND_TAG_VALUE", value: textValue("VALUE", &c.Tag.Value), help: "value of that tag"},
		{key: "runtimes_file", env: "AUTODEFEND_RUNTIMES_FILE", value: textValue("FILE", &c.runtimesFile), help: "YAML file of runtimes (default: the one built in)"},
		{key: "skip_permission_check", env: "AUTODEFEND_SKIP_PERMISSION_CHECK", value: boolValue(&c.SkipPermissionCheck), help: "don't ask IAM beforehand what the caller may do"},
		{key: "allow_blocked_runtimes", env: "AUTODEFEND_ALLOW_BLOCKED_RUNTIMES", value: boolValue(&c.AllowBlockedRuntimes), help: "ignore the dates on which AWS blocks updates of old runtimes"},
		{key: "as_of", flag: "as-of", env: "AUTODEFEND_AS_OF", value: dateValue(&c.AsOf), help: "day to compare runtimes' block dates with (default: now)"},
	}
}

// runOptions say how a command goes about it.
func runOptions(c *config) []option {
	return []option{
		{key: "versions", flag: "versions", env: "AUTODEFEND_VERSIONS", value: boolValue(&c.Versions), help: "look at published versions and aliases; two calls for each candidate"},
		{key: "metrics", flag: "metrics", env: "AUTODEFEND_METRICS", value: boolValue(&c.Metrics), help: "look at what functions were seen to use"},
		{key: "details", env: "AUTODEFEND_DETAILS", value: boolValue(&c.Details), help: "read each candidate by GetFunction while planning"},
		{key: "rate", flag: "rate", env: "AUTODEFEND_RATE", value: rateValue(&c.Rate), help: "calls a second in each account and region; AWS allows 15 to all callers together"},
		{key: "dry_run", flag: "dry-run", env: "DRY_RUN", value: boolValue(&c.DryRun), help: "show what would be done and do nothing"},
		{key: "max_changes", flag: "max-changes", env: "AUTODEFEND_MAX_CHANGES", value: shareValue(&c.MaxChanges), help: "refuse to start when more functions, or a larger part of them, would change"},
		{key: "max_failures", flag: "max-failures", env: "AUTODEFEND_MAX_FAILURES", value: intValue(&c.MaxFailures, 1, 1_000_000), help: "stop after so many failed functions"},
		{key: "plan_max_age", env: "AUTODEFEND_PLAN_MAX_AGE", value: durationValue(&c.PlanMaxAge, 0), help: "how old a plan file may be"},
		{key: "settle_timeout", env: "AUTODEFEND_SETTLE_TIMEOUT", value: durationValue(&c.SettleTimeout, 1), help: "how long a function's update may take"},
		{key: "log_level", flag: "log-level", env: "AUTODEFEND_LOG_LEVEL", value: levelValue(&c.LogLevel), help: "debug, info, warn or error"},
		{key: "log_format", flag: "log-format", env: "AUTODEFEND_LOG_FORMAT", value: choiceValue("FORMAT", &c.LogFormat, "text", "json"), help: "text or json"},
	}
}

// accountsValue holds the roles to assume. The file gives external ids with
// them; readConfigFile keeps those.
func accountsValue(c *config) value {
	v := listValue("ARN", &c.Roles)
	v.show = func() any {
		accounts := []account{}
		for _, role := range c.Roles {
			a := account{RoleARN: role}
			if c.externalIDs[role] != "" {
				a.ExternalID = hidden
			}
			accounts = append(accounts, a)
		}
		return accounts
	}
	return v
}

// account is an entry of the option accounts in the file.
type account struct {
	RoleARN    string `json:"role_arn" yaml:"role_arn"`
	ExternalID string `json:"external_id,omitempty" yaml:"external_id,omitempty"`
}

// flagValue keeps the texts given to a flag; the option's own value parses
// them, so that all sources are read by the same rules.
type flagValue struct {
	kind   string
	values []string
}

func (f *flagValue) String() string {
	if f == nil {
		return ""
	}
	return strings.Join(f.values, ",")
}

func (f *flagValue) Set(s string) error {
	f.values = append(f.values, s)
	return nil
}

func (f *flagValue) Type() string { return f.kind }

// addFlags adds the flags of the options with these keys; all that have one
// when no key is given.
func addFlags(flags *pflag.FlagSet, keys ...string) {
	wanted := map[string]bool{}
	for _, key := range keys {
		wanted[key] = true
	}
	for _, o := range options(newConfig()) {
		if o.flag == "" || (len(keys) > 0 && !wanted[o.key]) || flags.Lookup(o.flag) != nil {
			continue
		}
		f := flags.VarPF(&flagValue{kind: o.value.kind}, o.flag, o.short, o.help)
		if o.value.kind == "bool" {
			f.NoOptDefVal = "true"
		}
	}
}
