package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// ownAccount stands for the caller's own account among the roles to assume.
const ownAccount = "self"

// defaultConfigFile is read when it's there and no other file is named.
const defaultConfigFile = "autodefend.yaml"

// config is what the flags, the environment and the file ask for. Only the
// files config*.go know where a value came from.
type config struct {
	Regions              []string
	Functions            []string
	Exclude              []string
	Tags                 []autodefend.Tag
	LayerARN             string
	Tag                  autodefend.Tag
	Rate                 float64
	MaxChanges           share
	MaxFailures          int
	DryRun               bool
	AllowBlockedRuntimes bool
	SkipPermissionCheck  bool
	AsOf                 time.Time // zero means now
	Versions             bool
	Metrics              bool
	Details              bool
	Profile              string
	Roles                []string
	ExternalID           string
	PlanMaxAge           time.Duration
	SettleTimeout        time.Duration
	LogLevel             slog.Level
	LogFormat            string

	// Recipe is the recipe in force: as named, with the limits and the layer
	// of the configuration.
	Recipe   autodefend.Recipe
	Runtimes plan.Catalog

	recipeRef    string
	runtimesFile string
	// policyFile, waasFile and policyKeyFile lead to policies, which is nil when
	// no policy is to be embedded.
	policyFile, waasFile, policyKeyFile string
	policies                            *policies
	limits                              limitOverrides
	// externalIDs are those of the file's accounts, by role ARN.
	externalIDs map[string]string
	// origins tells where the value of an option came from, by its key.
	origins map[string]string
}

// limitOverrides are limits that take the place of the recipe's; 0 below means
// a real zero, nil the recipe's value.
type limitOverrides struct {
	maxLayers, minMemoryMB, timeoutBufferSec, zippedSizeThresholdMB, utilizationPercent *int
}

// newConfig returns the defaults.
func newConfig() *config {
	return &config{
		Tag:           autodefend.Tag{Key: "SecurityProtected", Value: "True"},
		Rate:          5,
		MaxFailures:   10,
		Details:       true,
		PlanMaxAge:    24 * time.Hour,
		SettleTimeout: 5 * time.Minute,
		LogLevel:      slog.LevelError,
		LogFormat:     "text",
		recipeRef:     plan.DefaultRecipe,
		externalIDs:   map[string]string{},
		origins:       map[string]string{},
	}
}

// loadConfig reads the configuration: flags before environment variables
// before the file before the recipe's defaults. The error joins all mistakes.
func loadConfig(flags *pflag.FlagSet, getenv func(string) string) (*config, error) {
	c := newConfig()
	table := options(c)
	path, err := configFile(flags, getenv)
	if err != nil {
		return nil, err
	}
	file, mistakes := readConfigFile(path, table, c)
	for _, o := range table {
		r, ok := pick(o, flags, getenv, file)
		if !ok {
			continue
		}
		c.origins[o.key] = r.origin
		if err := o.value.set(r.values); err != nil {
			mistakes = append(mistakes, c.mistake(o.key, "%s", err))
		}
	}
	mistakes = append(mistakes, c.resolve()...)
	return c, errors.Join(mistakes...)
}

// raw is the text one source gives for one option.
type raw struct {
	values []string
	origin string
}

// pick returns the text of the first source that has the option.
func pick(o option, flags *pflag.FlagSet, getenv func(string) string, file map[string]raw) (raw, bool) {
	if o.flag != "" {
		if f := flags.Lookup(o.flag); f != nil && f.Changed {
			if v, ok := f.Value.(*flagValue); ok {
				return raw{v.values, "flag --" + o.flag}, true
			}
		}
	}
	if v := getenv(o.env); o.env != "" && v != "" {
		return raw{[]string{v}, "environment variable " + o.env}, true
	}
	r, ok := file[o.key]
	return r, ok
}

// configFile returns the path of the configuration file, "" when there is none.
func configFile(flags *pflag.FlagSet, getenv func(string) string) (string, error) {
	path, origin := getenv("AUTODEFEND_CONFIG"), "environment variable AUTODEFEND_CONFIG"
	if f := flags.Lookup("config"); f != nil && f.Changed {
		path, origin = f.Value.String(), "flag --config"
	}
	if path == "" && !strings.HasPrefix(origin, "flag") {
		if _, err := os.Stat(defaultConfigFile); errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
		return defaultConfigFile, nil
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return "", autodefend.Errorf(autodefend.CodeInvalid, "option config (%s): the file %q can't be read: %s", origin, path, whyNot(err)).
			WithHint("name a YAML file; autodefend config prints one to start from")
	}
	return path, nil
}

// whyNot says why a file can't be read, without repeating its path.
func whyNot(err error) string {
	if err == nil {
		return "it's a directory"
	}
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// mistake is an error that names the option and where its value came from.
func (c *config) mistake(key, format string, args ...any) *autodefend.Error {
	where := c.origins[key]
	if where == "" {
		where = "default"
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "option %s (%s): %s", key, where, fmt.Sprintf(format, args...))
}

// resolve reads what the options name and checks them against each other.
func (c *config) resolve() []error {
	var mistakes []error
	check := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	check(c.resolveRecipe())
	check(c.resolveRuntimes())
	check(c.resolvePolicies())
	mistakes = append(mistakes, c.checkRegions()...)
	mistakes = append(mistakes, c.checkGlobs()...)
	mistakes = append(mistakes, c.checkRoles()...)
	return mistakes
}

func (c *config) checkRegions() []error {
	var mistakes []error
	for _, region := range c.Regions {
		if region != "all" && !autodefend.ValidRegion(region) {
			mistakes = append(mistakes, c.mistake("regions", "%q isn't a region", region).
				WithHint("a region looks like eu-west-1; all means every region enabled in the account"))
		}
	}
	if len(c.Regions) > 1 && slices.Contains(c.Regions, "all") {
		mistakes = append(mistakes, c.mistake("regions", "all can't stand beside other regions"))
	}
	return mistakes
}

func (c *config) checkGlobs() []error {
	var mistakes []error
	check := func(key string, globs []string) {
		for _, glob := range globs {
			if err := (plan.Selection{Functions: []string{glob}}).Validate(); err != nil {
				mistakes = append(mistakes, c.mistake(key, "%q isn't a glob", glob).WithHint("%s", autodefend.ErrorHint(err)))
			}
		}
	}
	check("functions", c.Functions)
	check("exclude", c.Exclude)
	return mistakes
}

func (c *config) checkRoles() []error {
	var mistakes []error
	for _, arn := range c.Roles {
		if arn != ownAccount && !isRoleARN(arn) {
			mistakes = append(mistakes, c.mistake("accounts", "%q isn't the ARN of a role", arn).
				WithHint("a role's ARN looks like arn:aws:iam::123456789012:role/NAME; %s means the caller's own account", ownAccount))
		}
		if id := c.externalID(arn); id != "" && !isExternalID(id) {
			mistakes = append(mistakes, c.mistake("accounts", "the external id of %s isn't one AWS accepts", arn).
				WithHint("an external id has 2 to 1224 letters, digits and any of _+=,.@:/-"))
		}
	}
	if c.ExternalID != "" && len(c.Roles) == 0 {
		mistakes = append(mistakes, c.mistake("external_id", "there is no role to assume with it").
			WithHint("name one with --assume-role or under accounts in the file"))
	}
	return mistakes
}

// isRoleARN reports whether s is arn:PARTITION:iam::ACCOUNT:role/NAME.
func isRoleARN(s string) bool {
	f := strings.SplitN(s, ":", 6)
	return len(f) == 6 && f[0] == "arn" && strings.HasPrefix(f[1], "aws") && f[2] == "iam" && f[3] == "" &&
		autodefend.ValidAccount(f[4]) && strings.HasPrefix(f[5], "role/") && len(f[5]) > len("role/")
}

// isExternalID reports whether AWS would take s as an external id.
func isExternalID(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@:/-"
	return len(s) >= 2 && len(s) <= 1224 && strings.Trim(s, letters) == ""
}

// selection returns which functions are meant.
func (c *config) selection() plan.Selection {
	return plan.Selection{Functions: c.Functions, Exclude: c.Exclude, Tags: c.Tags}
}

// asOf returns the day that runtimes' block dates are compared with.
func (c *config) asOf(now time.Time) time.Time {
	if c.AsOf.IsZero() {
		return now
	}
	return c.AsOf
}

// externalID returns the external id to assume a role with, or "".
func (c *config) externalID(role string) string {
	if id, ok := c.externalIDs[role]; ok && id != "" {
		return id
	}
	return c.ExternalID
}
