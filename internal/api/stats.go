package api

import "time"

// EventStats is Prisma's types.EventStats.
type EventStats struct {
	AdmissionAudits          int `json:"admissionAudits"`
	AgentlessAppFirewall     int `json:"agentlessAppFirewall"`
	AppEmbeddedAppFirewall   int `json:"appEmbeddedAppFirewall"`
	AppEmbeddedRuntime       int `json:"appEmbeddedRuntime"`
	ContainerAppFirewall     int `json:"containerAppFirewall"`
	ContainerNetworkFirewall int `json:"containerNetworkFirewall"`
	ContainerRuntime         int `json:"containerRuntime"`
	ContainerSecurityEvents  int `json:"containerSecurityEvents"`
	DockerAccess             int `json:"dockerAccess"`
	FileIntegrity            int `json:"fileIntegrity"`
	HostActivities           int `json:"hostActivities"`
	HostAppFirewall          int `json:"hostAppFirewall"`
	HostNetworkFirewall      int `json:"hostNetworkFirewall"`
	HostRuntime              int `json:"hostRuntime"`
	HostSecurityEvents       int `json:"hostSecurityEvents"`
	KubernetesAudits         int `json:"kubernetesAudits"`
	LogInspection            int `json:"logInspection"`
	ServerlessAppFirewall    int `json:"serverlessAppFirewall"`
	ServerlessRuntime        int `json:"serverlessRuntime"`
	TrustAudits              int `json:"trustAudits"`
}

// DailyStats is Prisma's types.Stats as far as it concerns functions: the audits of one day.
type DailyStats struct {
	ID             string         `json:"_id"`
	IncidentsCount int            `json:"incidentsCount"`
	Serverless     RuntimeStats   `json:"serverless"`
	AppFirewall    map[string]int `json:"serverlessAppFirewall"`
	// Time is the day's beginning, Unix seconds.
	Time int64 `json:"time"`
}

// RuntimeStats is Prisma's types.RuntimeStats.
type RuntimeStats struct {
	Filesystem int `json:"filesystem"`
	Kubernetes int `json:"kubernetes"`
	Network    int `json:"network"`
	Processes  int `json:"processes"`
}

// Trends is Prisma's types.Trends as far as it concerns functions.
type Trends struct {
	ComplianceTrend      []any          `json:"complianceTrend"`
	DefendersSummary     map[string]int `json:"defendersSummary"`
	VulnerabilitySummary map[string]int `json:"vulnerabilitySummary"`
}

// LicenseStats is Prisma's types.LicenseStats as far as it concerns functions. Nothing is metered.
type LicenseStats struct {
	Avg                float64 `json:"avg"`
	Exceeded           bool    `json:"exceeded"`
	MonthlyUsage       []any   `json:"monthlyUsage"`
	OnDemandCredits    int     `json:"onDemandCredits"`
	ProtectedFunctions int     `json:"protectedFunctions"`
	TotalCreditUsage   int     `json:"totalCreditUsage"`
}

// Overview counts the audits of a time.
type Overview struct {
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Runtime  StreamOverview `json:"runtime"`
	Firewall StreamOverview `json:"firewall"`
}

// StreamOverview counts the audits of one stream, the most frequent values first.
type StreamOverview struct {
	Total     int     `json:"total"`
	Types     []Tally `json:"types"`
	Effects   []Tally `json:"effects"`
	Functions []Tally `json:"functions"`
	Regions   []Tally `json:"regions"`
	Accounts  []Tally `json:"accounts"`
	Rules     []Tally `json:"rules"`
}

// AuditFilters are the values that the parameters of the runtime's audits have in those that are stored, the most
// frequent first.
type AuditFilters struct {
	AttackType []string `json:"attackType"`
	Effect     []string `json:"effect"`
	Function   []string `json:"function"`
	Region     []string `json:"region"`
	RuleName   []string `json:"ruleName"`
	Runtime    []string `json:"runtime"`
	Severity   []string `json:"severity"`
	Type       []string `json:"type"`
	AccountID  []string `json:"accountIDs"`
}

// KindPosition is the kind of the documents that say up to which audit a reader has come.
const KindPosition Kind = "position"

// Position is up to which audit of each stream a reader has come.
type Position struct {
	Runtime  int64 `json:"runtime"`
	Firewall int64 `json:"firewall"`
}

// Of is the position in a stream.
func (p Position) Of(stream Stream) int64 {
	if stream == StreamFirewall {
		return p.Firewall
	}
	return p.Runtime
}

// With is the position after it moved in a stream.
func (p Position) With(stream Stream, sequence int64) Position {
	if stream == StreamFirewall {
		p.Firewall = sequence
		return p
	}
	p.Runtime = sequence
	return p
}
