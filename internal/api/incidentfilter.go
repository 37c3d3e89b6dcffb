package api

import (
	"net/url"
	"time"
)

// IncidentFilter is what the query parameters of the endpoints of incidents ask for.
type IncidentFilter struct {
	Query       IncidentQuery
	Fields      []string
	Collections []string
	AccountIDs  []string
	// Nothing is set when a condition can't hold for any function.
	Nothing bool
}

const incidentSortable = " time category type function region serialNum acknowledged "

// IncidentParams describes the parameters of the endpoints of incidents, besides those of every list.
func IncidentParams() []Param {
	return []Param{
		{Name: "from", Summary: "Not before this time.", Type: "time"},
		{Name: "to", Summary: "Not after this time.", Type: "time"},
		{Name: "acknowledged", Summary: "Only those that are acknowledged, or aren't.", Type: "boolean"},
		{Name: "category", Summary: "Categories.", Type: "string", Many: true},
		{Name: "type", Summary: "Types; ours are of type function.", Type: "string", Many: true},
		{Name: "id", Summary: "Ids.", Type: "string", Many: true},
		{Name: "function", Summary: "Names of functions.", Type: "string", Many: true},
		{Name: "functionID", Summary: "ARNs of functions.", Type: "string", Many: true},
		{Name: "profileID", Summary: "Ids of profiles: a function's is its ARN.", Type: "string", Many: true},
		{Name: "cluster", Summary: "Regions of functions: they have no clusters.", Type: "string", Many: true},
		{Name: "region", Summary: "Regions of functions.", Type: "string", Many: true},
		{Name: "customRuleName", Summary: "Names of custom rules.", Type: "string", Many: true},
		{Name: "appID", Summary: "Ids of apps.", Type: "string", Many: true},
		{Name: "hostname", Summary: "Names of hosts; functions have none.", Type: "string", Many: true},
		{Name: "containerID", Summary: "Ids of containers; functions have none.", Type: "string", Many: true},
	}
}

// ParseIncidentFilter reads the query parameters of the endpoints of incidents. Unknown ones are ignored; errors have
// [autodefend.CodeInvalid] and name the parameter.
func ParseIncidentFilter(query url.Values) (IncidentFilter, error) {
	p := &params{query: query}
	f := IncidentFilter{
		Query: IncidentQuery{
			Page: p.page(incidentSortable), IDs: p.many("id"), Categories: p.words("category", incidentCategories),
			Types: p.words("type", incidentTypes), Regions: append(p.many("cluster"), p.many("region")...),
			FunctionIDs: p.many("functionID"), Functions: p.many("function"), CustomRules: p.many("customRuleName"),
			AppIDs: p.many("appID"), Profiles: p.many("profileID"), Acknowledged: p.flag("acknowledged"), Search: p.one("search"),
		},
		Fields: p.fields(), Collections: p.many("collections"), AccountIDs: p.many("accountIDs"),
		Nothing: len(p.many("hostname"))+len(p.many("containerID")) > 0,
	}
	f.Query.From, f.Query.To = p.window()
	for _, ids := range [][]string{f.Query.FunctionIDs, f.Query.Profiles} {
		for i, id := range ids {
			ids[i] = Unqualified(id)
		}
	}
	return f, p.result()
}

// IncidentFields are the members of incidents, in the order of their columns in CSV.
func IncidentFields() []string {
	return []string{
		"serialNum", "time", "category", "type", "function", "functionID", "region", "accountID", "runtime", "provider",
		"acknowledged", "customRuleName", "collections", "audits", "_id",
	}
}

// MgmtFilter is what the query parameters of the endpoints of management audits ask for.
type MgmtFilter struct {
	Query  MgmtQuery
	Fields []string
}

const mgmtSortable = " time type username sourceIP api "

// MgmtParams describes the parameters of the endpoints of management audits, besides those of every list.
func MgmtParams() []Param {
	return []Param{
		{Name: "from", Summary: "Not before this time.", Type: "time"},
		{Name: "to", Summary: "Not after this time.", Type: "time"},
		{Name: "type", Summary: "Types of changes.", Type: "string", Many: true},
		{Name: "username", Summary: "Names of users.", Type: "string", Many: true},
	}
}

// ParseMgmtFilter reads the query parameters of the endpoints of management audits. Unknown ones are ignored; errors
// have [autodefend.CodeInvalid] and name the parameter.
func ParseMgmtFilter(query url.Values) (MgmtFilter, error) {
	p := &params{query: query}
	f := MgmtFilter{
		Query: MgmtQuery{
			Page: p.page(mgmtSortable), Types: p.words("type", mgmtTypes), Usernames: p.many("username"), Search: p.one("search"),
		},
		Fields: p.fields(),
	}
	f.Query.From, f.Query.To = p.window()
	return f, p.result()
}

// MgmtFields are the members of management audits, in the order of their columns in CSV.
func MgmtFields() []string {
	return []string{"time", "type", "username", "sourceIP", "api", "status", "failure", "diff"}
}

// ParseWindow reads from and to; a zero time is open. Errors have [autodefend.CodeInvalid].
func ParseWindow(query url.Values) (time.Time, time.Time, error) {
	p := &params{query: query}
	from, to := p.window()
	return from, to, p.result()
}

// Acknowledgement is the body of a request that acknowledges an incident, or takes that back.
type Acknowledgement struct {
	Acknowledged bool `json:"acknowledged"`
}

// MgmtFilters is Prisma's types.MgmtAuditFilters.
type MgmtFilters struct {
	Type     []string `json:"type"`
	Username []string `json:"username"`
}
