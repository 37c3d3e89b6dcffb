package api

import (
	"net/url"
	"slices"
	"time"
)

// Defender is Prisma's defender.Defender as far as it concerns functions: what is known of the Defenders of one
// function.
type Defender struct {
	Category          string        `json:"category"`
	CloudMetadata     CloudMetadata `json:"cloudMetadata"`
	Collections       []string      `json:"collections,omitempty"`
	CompatibleVersion bool          `json:"compatibleVersion"`
	Connected         bool          `json:"connected"`
	FQDN              string        `json:"fqdn"`
	// Hostname is the function's ARN: it tells Defenders apart.
	Hostname string `json:"hostname"`
	// LastModified is when it was heard of last.
	LastModified time.Time `json:"lastModified"`
	Type         string    `json:"type"`
	Version      string    `json:"version,omitempty"`

	// FirstSeen, Runtime and PolicyETag aren't Prisma's; the last is that of the policy it has.
	FirstSeen  time.Time `json:"firstSeen,omitzero"`
	Runtime    string    `json:"runtime,omitempty"`
	PolicyETag string    `json:"policyETag,omitempty"`
}

// CloudMetadata is Prisma's common.CloudMetadata as far as it concerns functions.
type CloudMetadata struct {
	AccountID  string `json:"accountID,omitempty"`
	Name       string `json:"name,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Region     string `json:"region,omitempty"`
	ResourceID string `json:"resourceID,omitempty"`
}

// CategoryServerless is the category, and the type, of Defenders in functions.
const CategoryServerless = "serverless"

// NewDefender is a record as clients see it; those heard of since a time are connected.
func NewDefender(r DefenderRecord, since time.Time) Defender {
	return Defender{
		Category: CategoryServerless, Type: CategoryServerless, CompatibleVersion: true, Connected: !r.LastSeen.Before(since),
		CloudMetadata: CloudMetadata{AccountID: r.Account, Name: r.Function, Provider: "aws", Region: r.Region, ResourceID: r.FunctionID},
		FQDN:          r.Function, Hostname: r.FunctionID, LastModified: r.LastSeen.UTC().Truncate(time.Millisecond), Version: r.Version,
		FirstSeen: r.FirstSeen.UTC().Truncate(time.Millisecond), Runtime: r.Runtime, PolicyETag: r.PolicyETag,
	}
}

// DefenderSummary is Prisma's types.DefenderSummary.
type DefenderSummary struct {
	Category  string `json:"category"`
	Connected int    `json:"connected"`
	Deployed  int    `json:"deployed"`
	Licensed  int    `json:"licensed"`
}

// Heartbeat is what a Defender tells of itself.
type Heartbeat struct {
	Version    string `json:"version,omitempty"`
	Runtime    string `json:"runtime,omitempty"`
	PolicyETag string `json:"policyETag,omitempty"`
}

// DefenderFilter is what the query parameters of the endpoints of Defenders ask for.
type DefenderFilter struct {
	Query       DefenderQuery
	Connected   *bool
	Fields      []string
	Collections []string
	// Nothing is set when a condition can't hold for any function.
	Nothing bool
}

const defenderSortable = " hostname fqdn lastModified version "

// DefenderParams describes the parameters of the endpoints of Defenders, besides those of every list.
func DefenderParams() []Param {
	return []Param{
		{Name: "type", Summary: "Types; ours are of type serverless.", Type: "string", Many: true},
		{Name: "category", Summary: "Categories; ours are of category serverless.", Type: "string", Many: true},
		{Name: "connected", Summary: "Only those that are connected, or aren't.", Type: "boolean"},
		{Name: "hostname", Summary: "ARNs of functions.", Type: "string", Many: true},
		{Name: "function", Summary: "Names of functions.", Type: "string", Many: true},
		{Name: "region", Summary: "Regions of functions.", Type: "string", Many: true},
		{Name: "runtime", Summary: "Runtimes of functions.", Type: "string", Many: true},
		{Name: "version", Summary: "Versions of Defenders.", Type: "string", Many: true},
		{Name: "cluster", Summary: "Clusters; functions have none.", Type: "string", Many: true},
	}
}

// ParseDefenderFilter reads the query parameters of the endpoints of Defenders. Unknown ones are ignored; errors have
// [autodefend.CodeInvalid] and name the parameter.
func ParseDefenderFilter(query url.Values) (DefenderFilter, error) {
	p := &params{query: query}
	f := DefenderFilter{
		Query: DefenderQuery{
			Page: p.page(defenderSortable), IDs: p.many("hostname"), Functions: p.many("function"), Regions: p.many("region"),
			Accounts: p.many("accountIDs"), Runtimes: p.many("runtime"), Versions: p.many("version"), Search: p.one("search"),
		},
		Connected: p.flag("connected"), Fields: p.fields(), Collections: p.many("collections"),
	}
	types, categories := p.words("type", defenderTypes), p.words("category", defenderCategories)
	f.Nothing = others(types) || others(categories) || len(p.many("cluster")) > 0
	return f, p.result()
}

// others tells whether a list asks for kinds of Defenders, and not for ours.
func others(kinds []string) bool {
	return len(kinds) > 0 && !slices.Contains(kinds, CategoryServerless)
}

// DefenderFields are the members of Defenders, in the order of their columns in CSV.
func DefenderFields() []string {
	return []string{"hostname", "fqdn", "version", "category", "type", "connected", "lastModified", "firstSeen", "runtime", "cloudMetadata", "policyETag"}
}
