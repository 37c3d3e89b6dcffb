package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
)

// RegionType is Prisma's shared.RegionType: a family of AWS's regions.
type RegionType string

// The region types. An empty one means RegionRegular.
const (
	RegionRegular RegionType = "regular"
	RegionGov     RegionType = "gov"
	RegionChina   RegionType = "china"
	RegionAll     RegionType = "all"
)

// Holds reports whether the regions of one of AWS's partitions are of the type.
func (t RegionType) Holds(partition string) bool {
	switch t {
	case RegionAll:
		return true
	case RegionGov:
		return partition == "aws-us-gov"
	case RegionChina:
		return partition == "aws-cn"
	default:
		return partition == "aws"
	}
}

// AutoDeployRule is Prisma's shared.ServerlessAutoDeploySpecification: which functions of an account shall carry the
// Defender. Members that it doesn't know are kept and written back.
type AutoDeployRule struct {
	AWSRegionType RegionType
	// Region is what 21.04 had in place of AWSRegionType: the name of one region.
	Region string
	// Collections are names; what is in them is looked up when the rule is evaluated.
	Collections  []string
	ConsoleAddr  string
	CredentialID string
	LastModified time.Time
	Name         string
	// Proxy is Prisma's common.ProxySettings as it was given.
	Proxy json.RawMessage
	// Runtimes are names as of AWS (python3.13) or families (python). None means every runtime that the recipe supports.
	Runtimes []string
	// Own are our additions, in the member autodefend.
	Own AutoDeployOptions

	// given are all members as they were read.
	given map[string]json.RawMessage
}

// AutoDeployOptions are our additions to an auto-defend rule: the object in its member autodefend. Every member may be
// left out. Prisma's clients carry it along without reading.
type AutoDeployOptions struct {
	// Interval is the time between evaluations as Go writes durations ("30m", "24h"), 1 minute to 7 days; an hour when
	// empty. The original product evaluates every 24 hours.
	Interval string `json:"interval,omitempty"`
	// DryRun judges functions and changes none.
	DryRun bool `json:"dryRun,omitempty"`
	// MaxChanges refuses an evaluation that would change more functions: a number or a share ("10%") of the functions that
	// the rule covers. Empty means no limit.
	MaxChanges ChangeLimit `json:"maxChanges,omitempty"`
	// Excludes are globs of functions that are left as they are. They never take the Defender from a function.
	Excludes []string `json:"excludes,omitempty"`
	// Recipe is how the Defender is attached: autodefend (when empty), prisma-wrapper or prisma-handler.
	Recipe string `json:"recipe,omitempty"`
	// Regions are the names of the regions that are meant; none means all regions of awsRegionType that the account enables.
	Regions []string `json:"regions,omitempty"`
}

// DefaultInterval is the time between two evaluations of a rule that names none.
const DefaultInterval = time.Hour

// Every is the time between two evaluations.
func (o AutoDeployOptions) Every() time.Duration {
	d, err := time.ParseDuration(o.Interval)
	if err != nil || d <= 0 {
		return DefaultInterval
	}
	return d
}

// autoDeployWire is an AutoDeployRule's members on the wire.
type autoDeployWire struct {
	AWSRegionType RegionType        `json:"awsRegionType"`
	Region        string            `json:"region"`
	Collections   []collectionName  `json:"collections"`
	ConsoleAddr   string            `json:"consoleAddr"`
	CredentialID  string            `json:"credentialID"`
	LastModified  time.Time         `json:"lastModified"`
	Name          string            `json:"name"`
	Proxy         json.RawMessage   `json:"proxy"`
	Runtimes      autoDeployTexts   `json:"runtimes"`
	Own           AutoDeployOptions `json:"autodefend"`
}

// UnmarshalJSON reads a rule and keeps what it doesn't know.
func (r *AutoDeployRule) UnmarshalJSON(data []byte) error {
	var w autoDeployWire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = AutoDeployRule{
		AWSRegionType: w.AWSRegionType, Region: w.Region, ConsoleAddr: w.ConsoleAddr, CredentialID: w.CredentialID,
		LastModified: w.LastModified, Name: w.Name, Proxy: w.Proxy, Runtimes: w.Runtimes, Own: w.Own,
	}
	for _, c := range w.Collections {
		r.Collections = append(r.Collections, string(c))
	}
	return json.Unmarshal(data, &r.given)
}

// whole is the rule as it was read.
func (r *AutoDeployRule) whole() json.RawMessage {
	text, err := json.Marshal(r.given)
	if err != nil {
		return nil
	}
	return text
}

// MarshalJSON writes what was read, with the name and the time of the last change as they are now.
func (r AutoDeployRule) MarshalJSON() ([]byte, error) {
	out := maps.Clone(r.given)
	if out == nil {
		if err := r.write(&out); err != nil {
			return nil, err
		}
	}
	stamp, err := json.Marshal(r.LastModified.UTC())
	if err != nil {
		return nil, err
	}
	out["lastModified"] = stamp
	return json.Marshal(out)
}

// write gives the members of a rule that was made by a program.
func (r AutoDeployRule) write(out *map[string]json.RawMessage) error {
	w := autoDeployWire{
		AWSRegionType: r.AWSRegionType, Region: r.Region, ConsoleAddr: r.ConsoleAddr, CredentialID: r.CredentialID,
		LastModified: r.LastModified, Name: r.Name, Proxy: r.Proxy, Runtimes: r.Runtimes, Own: r.Own,
	}
	for _, c := range r.Collections {
		w.Collections = append(w.Collections, collectionName(c))
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// Same reports whether two rules say the same, whenever they were changed.
func (r AutoDeployRule) Same(other AutoDeployRule) bool {
	r.LastModified, other.LastModified = time.Time{}, time.Time{}
	a, errA := json.Marshal(r)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && canonical(a) == canonical(b)
}

// canonical is JSON with sorted members and no white space.
func canonical(text []byte) string {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return string(text)
	}
	sorted, err := json.Marshal(v)
	if err != nil {
		return string(text)
	}
	return string(sorted)
}

// maxAutoDeployRules bounds the list: each rule is evaluated separately.
const maxAutoDeployRules = 1000

// ParseAutoDeploy reads a list of rules as POST /settings/serverless-auto-deploy takes it. A single object is a list of
// one, and null an empty list. The error names the rule and the member.
func ParseAutoDeploy(data []byte) ([]AutoDeployRule, error) {
	const hint = "the list is an array as GET /api/v1/settings/serverless-auto-deploy gives it"
	data = bytes.TrimSpace(data)
	if !json.Valid(data) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "rules: the body isn't JSON").WithHint(hint)
	}
	var raw []json.RawMessage
	if data[0] == '{' {
		raw = []json.RawMessage{data}
	} else if err := json.Unmarshal(data, &raw); err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "rules: want an array of rules, have %s", kindOf(data)).WithHint(hint)
	}
	if len(raw) > maxAutoDeployRules {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "rules: there are %d, and may be %d", len(raw), maxAutoDeployRules).
			WithHint("put more collections into one rule")
	}
	rules := make([]AutoDeployRule, len(raw))
	for i, text := range raw {
		if text[0] != '{' {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "rules[%d]: want an object, have %s", i, kindOf(text)).WithHint(hint)
		}
		if err := json.Unmarshal(text, &rules[i]); err != nil {
			return nil, memberError(fmt.Sprintf("rules[%d]", i), err)
		}
	}
	return rules, nil
}

// memberError names the member that has the wrong type.
func memberError(path string, err error) error {
	if wrong, ok := asTypeError(err); ok && wrong.Field != "" {
		return autodefend.Errorf(autodefend.CodeInvalid, "%s.%s: want %s, have %s", path, wrong.Field, goKind(wrong.Type.Kind().String()), wrong.Value)
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "%s: %s", path, strings.TrimPrefix(err.Error(), "json: "))
}

// collectionName is a collection given as an object or by its name.
type collectionName string

// UnmarshalJSON reads either form.
func (c *collectionName) UnmarshalJSON(data []byte) error {
	var object struct {
		Name string `json:"name"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &object)
		*c = collectionName(object.Name)
		return err
	}
	return json.Unmarshal(data, (*string)(c))
}

// autoDeployTexts is a list that may be given as a single text.
type autoDeployTexts []string

// UnmarshalJSON reads either form.
func (l *autoDeployTexts) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var one string
		err := json.Unmarshal(data, &one)
		*l = autoDeployTexts{one}
		return err
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// InDryRun returns the rule as one that changes no function.
func (r AutoDeployRule) InDryRun(now time.Time) (AutoDeployRule, error) {
	r.Own.DryRun, r.LastModified = true, now
	return r.withOwn("dryRun", json.RawMessage("true"))
}

// WithRecipe returns the rule with another recipe.
func (r AutoDeployRule) WithRecipe(name string) (AutoDeployRule, error) {
	r.Own.Recipe = name
	text, err := json.Marshal(name)
	if err != nil {
		return r, err
	}
	return r.withOwn("recipe", text)
}

// withOwn writes a member of autodefend into what is kept of a rule as it was read.
func (r AutoDeployRule) withOwn(member string, value json.RawMessage) (AutoDeployRule, error) {
	own := map[string]json.RawMessage{}
	if text := r.given["autodefend"]; len(text) > 0 {
		if err := json.Unmarshal(text, &own); err != nil {
			return r, err
		}
	}
	if own == nil { // it was null
		own = map[string]json.RawMessage{}
	}
	own[member] = value
	text, err := json.Marshal(own)
	if r.given != nil {
		r.given = maps.Clone(r.given)
		r.given["autodefend"] = text
	}
	return r, err
}
