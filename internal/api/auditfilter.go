package api

import (
	"net/url"
	"slices"
	"strings"
)

// AuditFilter is what the query parameters of the endpoints of audits ask for.
type AuditFilter struct {
	Query AuditQuery
	// Aggregate merges audits that are equal but for their time.
	Aggregate bool
	// Fields are the members that are wanted; nil for all.
	Fields []string
	// Buckets is the number of slices of a timeslice.
	Buckets int
	// Collections restrict to functions in any of these; nil doesn't restrict.
	Collections []string
}

// AuditSortable lists, between spaces, the members by which audits can be sorted.
const AuditSortable = " time type attackType effect ruleName severity function functionID region accountID runtime provider "

// defaultBuckets is how many slices a timeslice has when nobody says.
const defaultBuckets = 100

// auditParam is a parameter that filters audits.
type auditParam struct {
	name, summary string
	// list is the enumeration that values belong to; "" for texts.
	list string
	// whole values aren't divided at commas.
	whole bool
	// into is where values of columns go; nil for those that are compared with the member of the name member.
	into   func(q *AuditQuery) *[]string
	member string
}

// commonAuditParams filter audits of both streams.
func commonAuditParams() []auditParam {
	return []auditParam{
		{name: "id", summary: "Ids of audits.", into: func(q *AuditQuery) *[]string { return &q.IDs }},
		{name: "ruleName", summary: "Names of rules.", into: func(q *AuditQuery) *[]string { return &q.Rules }},
		{name: "function", summary: "Names of functions.", into: func(q *AuditQuery) *[]string { return &q.Functions }},
		{name: "functionID", summary: "ARNs of functions.", into: func(q *AuditQuery) *[]string { return &q.FunctionIDs }},
		{name: "region", summary: "Regions of functions.", into: func(q *AuditQuery) *[]string { return &q.Regions }},
		{name: "cluster", summary: "Regions of functions: they have no clusters.", into: func(q *AuditQuery) *[]string { return &q.Regions }},
		{name: "runtime", summary: "Runtimes of functions.", into: func(q *AuditQuery) *[]string { return &q.Runtimes }},
		{name: "requestID", summary: "Ids of requests.", into: func(q *AuditQuery) *[]string { return &q.RequestIDs }},
		{name: "attackTechniques", summary: "MITRE's techniques.", list: techniques, into: func(q *AuditQuery) *[]string { return &q.Techniques }},
		{name: "msg", summary: "Texts in the message.", whole: true, into: func(q *AuditQuery) *[]string { return &q.Msgs }},
		{name: "appID", summary: "Ids of apps.", member: "appID"},
		{name: "hostname", summary: "Names of hosts; functions have none.", member: "hostname"},
		{name: "imageName", summary: "Names of images; functions have none.", member: "imageName"},
		{name: "os", summary: "Operating systems; functions have none.", member: "os"},
	}
}

// runtimeAuditParams are those of the runtime's audits only.
func runtimeAuditParams() []auditParam {
	return []auditParam{
		{name: "type", summary: "Types of audits.", list: runtimeTypes, into: func(q *AuditQuery) *[]string { return &q.Types }},
		{name: "effect", summary: "Effects.", list: runtimeEffects, into: func(q *AuditQuery) *[]string { return &q.Effects }},
		{name: "attackType", summary: "Types of attacks.", list: runtimeAttacks, into: func(q *AuditQuery) *[]string { return &q.AttackTypes }},
		{name: "severity", summary: "Severities.", list: runtimeSeverities, into: func(q *AuditQuery) *[]string { return &q.Severities }},
		{name: "processPath", summary: "Paths of programs.", whole: true, member: "processPath"},
		{name: "profileID", summary: "Ids of profiles; functions have none.", member: "profileId"},
		{name: "container", summary: "Names of containers; functions have none.", member: "containerName"},
		{name: "containerID", summary: "Ids of containers; functions have none.", member: "containerId"},
		{name: "user", summary: "Users.", member: "user"},
		{name: "namespace", summary: "Namespaces; functions have none.", member: "namespace"},
		{name: "app", summary: "Apps; functions have none.", member: "app"},
	}
}

// firewallAuditParams are those of the firewall's audits only.
func firewallAuditParams() []auditParam {
	all := []auditParam{
		{name: "type", summary: "Types of attacks.", list: firewallAttacks, into: func(q *AuditQuery) *[]string { return &q.Types }},
		{name: "effect", summary: "Effects.", list: firewallEffects, into: func(q *AuditQuery) *[]string { return &q.Effects }},
		{name: "protection", summary: "Protections.", list: protections, member: "protection"},
		{name: "owaspTop10", summary: "Categories of OWASP's Top 10.", list: owaspTop10, member: "owaspTop10"},
		{name: "owaspAPITop10", summary: "Categories of OWASP's API Security Top 10.", list: owaspAPITop10, member: "owaspAPITop10"},
		{name: "containerName", summary: "Names of containers; functions have none.", member: "containerName"},
		{name: "ns", summary: "Namespaces; functions have none.", member: "ns"},
		{name: "subnet", summary: "Addresses of clients.", member: "subnet"},
		{name: "connectingIPs", summary: "Addresses that connected.", member: "connectingIPs"},
		{name: "requestHeaderNames", summary: "Names of request headers.", member: "requestHeaderNames"},
		{name: "method", summary: "HTTP methods.", member: "method"},
		{name: "requestHost", summary: "Hosts of requests.", member: "requestHost"},
	}
	for _, name := range []string{"ruleAppID", "country", "eventID", "additionalHash", "modelPath"} {
		all = append(all, auditParam{name: name, summary: "Values of " + name + ".", member: name})
	}
	for _, name := range []string{"userAgentHeader", "url", "urlPath", "urlQuery"} {
		all = append(all, auditParam{name: name, summary: "Values of " + name + ".", whole: true, member: name})
	}
	return all
}

func auditParams(stream Stream) []auditParam {
	if stream == StreamFirewall {
		return slices.Concat(commonAuditParams(), firewallAuditParams())
	}
	return slices.Concat(commonAuditParams(), runtimeAuditParams())
}

// AuditParams describes the parameters of the endpoints of audits, besides those of every list.
func AuditParams(stream Stream) []Param {
	all := []Param{
		{Name: "from", Summary: "Not before this time.", Type: "time"},
		{Name: "to", Summary: "Not after this time.", Type: "time"},
		{Name: "time", Summary: "At this time.", Type: "time"},
		{Name: "aggregate", Summary: "Merge audits that are equal but for their time, of the newest 20,000.", Type: "boolean"},
		{Name: "interactive", Summary: "Interactive processes; functions have none.", Type: "boolean"},
	}
	for _, p := range auditParams(stream) {
		all = append(all, Param{Name: p.name, Summary: p.summary, Type: "string", Many: true})
	}
	return all
}

// ParseAuditFilter reads the query parameters of the endpoints of audits. Unknown ones are ignored; errors have
// [autodefend.CodeInvalid] and name the parameter.
func ParseAuditFilter(stream Stream, query url.Values) (AuditFilter, error) {
	p := &params{query: query}
	f := AuditFilter{
		Query:     AuditQuery{Stream: stream, Page: p.page(AuditSortable), Search: p.one("search"), Accounts: p.many("accountIDs")},
		Aggregate: p.is("aggregate"), Fields: p.fields(), Collections: p.many("collections"),
		Buckets: p.number("buckets", defaultBuckets, 1, 100),
	}
	f.Query.From, f.Query.To = p.window()
	if at := p.when("time"); !at.IsZero() {
		f.Query.From, f.Query.To = at, at
	}
	for _, known := range auditParams(stream) {
		known.read(p, &f.Query)
	}
	if p.is("interactive") {
		f.Query.equal("interactive", "true")
	}
	for i, id := range f.Query.FunctionIDs {
		f.Query.FunctionIDs[i] = Unqualified(id)
	}
	return f, p.result()
}

func (a auditParam) read(p *params, q *AuditQuery) {
	var found []string
	switch {
	case a.list != "":
		found = p.words(a.name, a.list)
	case a.whole:
		found = p.whole(a.name)
	default:
		found = p.many(a.name)
	}
	if len(found) == 0 {
		return
	}
	if a.into != nil {
		into := a.into(q)
		*into = append(*into, found...)
		return
	}
	q.equal(a.member, found...)
}

// equal asks for audits with a member that equals one of some values.
func (q *AuditQuery) equal(member string, values ...string) {
	if q.Body == nil {
		q.Body = make(map[string][]string)
	}
	q.Body[member] = append(q.Body[member], values...)
}

// RuntimeAuditFields are the members of the runtime's audits, in the order of their columns in CSV.
func RuntimeAuditFields() []string {
	return strings.Fields("time type attackType effect severity ruleName msg count function functionID region accountID runtime provider" +
		" processPath command pid domain ip port filepath err requestID attackTechniques collections fqdn tier coverage version _id")
}

// FirewallAuditFields are the members of the firewall's audits, in the order of their columns in CSV.
func FirewallAuditFields() []string {
	return strings.Fields("time type effect ruleName protection msg count function functionID region accountID runtime provider method url" +
		" requestHost urlPath urlQuery statusCode subnet connectingIPs userAgentHeader requestHeaderNames requestHeaders attackField rawEvent" +
		" eventID requestID attackTechniques owaspTop10 owaspAPITop10 appID ruleAppID rule match record trigger collections fqdn version _id")
}
