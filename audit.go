package autodefend

import "time"

// AuditType is Prisma's shared.RuntimeType.
type AuditType string

// The types of audits. DNS audits have AuditNetwork.
const (
	AuditProcesses  AuditType = "processes"
	AuditNetwork    AuditType = "network"
	AuditFilesystem AuditType = "filesystem"
)

// AttackType is Prisma's shared.RuntimeAttackType.
type AttackType string

// The attack types a serverless function raises.
const (
	AttackDeniedProcess       AttackType = "explicitlyDeniedProcess"
	AttackCryptoMiner         AttackType = "cryptoMinerProcess"
	AttackPolicyHijacked      AttackType = "policyHijacked"
	AttackDeniedIP            AttackType = "explicitlyDeniedIP"
	AttackDeniedOutboundPort  AttackType = "explicitlyDeniedOutboundPort"
	AttackDeniedListeningPort AttackType = "explicitlyDeniedListeningPort"
	AttackDeniedDNS           AttackType = "explicitlyDeniedDNS"
	AttackFileAccess          AttackType = "regFileAccess"
	AttackCustomRule          AttackType = "customRule"
	// AttackTmpfsProcess: a program without a file, or below a directory that
	// the function can write.
	AttackTmpfsProcess AttackType = "tmpfsProcess"
)

// Severity is Prisma's shared.RuntimeSeverity.
type Severity string

// The severities.
const (
	SeverityLow    Severity = "low"
	SeverityMedium Severity = "medium"
	SeverityHigh   Severity = "high"
)

// Audit is one recorded detection: the fields of Prisma's shared.RuntimeAudit
// that mean something for a function, in their order, then ours. It is one line
// of the function's log and one element of a batch to the Console. Command never
// holds a variable's value, and is at most 1,024 bytes.
type Audit struct {
	ID               string     `json:"_id,omitempty" yaml:"_id,omitempty"`
	AccountID        string     `json:"accountID,omitempty" yaml:"accountID,omitempty"`
	AttackTechniques []string   `json:"attackTechniques,omitempty" yaml:"attackTechniques,omitempty"`
	AttackType       AttackType `json:"attackType,omitempty" yaml:"attackType,omitempty"`
	Command          string     `json:"command,omitempty" yaml:"command,omitempty"`
	Count            int        `json:"count,omitempty" yaml:"count,omitempty"`
	Domain           string     `json:"domain,omitempty" yaml:"domain,omitempty"`
	Effect           Effect     `json:"effect" yaml:"effect"`
	Err              string     `json:"err,omitempty" yaml:"err,omitempty"`
	Filepath         string     `json:"filepath,omitempty" yaml:"filepath,omitempty"`
	FQDN             string     `json:"fqdn" yaml:"fqdn"`
	Function         string     `json:"function,omitempty" yaml:"function,omitempty"`
	FunctionID       string     `json:"functionID,omitempty" yaml:"functionID,omitempty"`
	IP               string     `json:"ip,omitempty" yaml:"ip,omitempty"`
	Msg              string     `json:"msg" yaml:"msg"`
	PID              int        `json:"pid,omitempty" yaml:"pid,omitempty"`
	Port             int        `json:"port,omitempty" yaml:"port,omitempty"`
	ProcessPath      string     `json:"processPath,omitempty" yaml:"processPath,omitempty"`
	Provider         string     `json:"provider,omitempty" yaml:"provider,omitempty"`
	Region           string     `json:"region,omitempty" yaml:"region,omitempty"`
	RequestID        string     `json:"requestID,omitempty" yaml:"requestID,omitempty"`
	RuleName         string     `json:"ruleName" yaml:"ruleName"`
	Runtime          string     `json:"runtime,omitempty" yaml:"runtime,omitempty"`
	Severity         Severity   `json:"severity,omitempty" yaml:"severity,omitempty"`
	Time             time.Time  `json:"time" yaml:"time"`
	Type             AuditType  `json:"type" yaml:"type"`
	Version          string     `json:"version,omitempty" yaml:"version,omitempty"`

	// Tier tells who saw the act, Coverage whether it was stopped in time.
	Tier     Tier     `json:"tier,omitempty" yaml:"tier,omitempty"`
	Coverage Coverage `json:"coverage,omitempty" yaml:"coverage,omitempty"`
}
