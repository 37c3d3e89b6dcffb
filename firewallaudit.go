package autodefend

import "time"

// AttackClass is Prisma's waas.AttackType: what kind of attack the firewall saw in an event.
type AttackClass string

// The classes, as audits and policies name them.
const (
	ClassSQLi             AttackClass = "sqli"
	ClassXSS              AttackClass = "xss"
	ClassCMDi             AttackClass = "cmdi"
	ClassCodeInjection    AttackClass = "codeInjection"
	ClassLFI              AttackClass = "lfi"
	ClassAttackTools      AttackClass = "attackTools"
	ClassShellshock       AttackClass = "shellshock"
	ClassMalformedRequest AttackClass = "malformedRequest"
	// ClassCustomRule: a rule of the policy's own.
	ClassCustomRule AttackClass = "customRule"
	// ClassLimitExceeded: a part of the event wasn't inspected, for its size or
	// for want of time.
	ClassLimitExceeded AttackClass = "inspectionLimitExceeded"
)

// AttackClasses returns the classes that the firewall has rules for.
func AttackClasses() []AttackClass {
	return []AttackClass{
		ClassSQLi, ClassXSS, ClassCMDi, ClassCodeInjection, ClassLFI,
		ClassAttackTools, ClassShellshock, ClassMalformedRequest,
	}
}

// Title returns the class's name in an audit's message, such as "Local File
// Inclusion".
func (c AttackClass) Title() string {
	switch c {
	case ClassSQLi:
		return "SQL Injection"
	case ClassXSS:
		return "Cross-Site Scripting"
	case ClassCMDi:
		return "OS Command Injection"
	case ClassCodeInjection:
		return "Code Injection"
	case ClassLFI:
		return "Local File Inclusion"
	case ClassAttackTools:
		return "Attack Tool"
	case ClassShellshock:
		return "Shellshock"
	case ClassMalformedRequest:
		return "Malformed Request"
	case ClassCustomRule:
		return "Custom Rule"
	case ClassLimitExceeded:
		return "Inspection Limit Exceeded"
	default:
		return string(c)
	}
}

// Effects that only the firewall's rules have.
const (
	// Ban shuts a client out for a while. It needs a memory that functions
	// don't share, so it's done as Prevent.
	Ban Effect = "ban"
	// Allow lets an event pass that other rules object to.
	Allow Effect = "allow"
)

// FirewallProtection is Prisma's waas.Protection: which part of a rule objected.
type FirewallProtection string

// The protections.
const (
	// ProtectionFirewall: one of [AttackClasses], or a limit.
	ProtectionFirewall FirewallProtection = "firewall"
	// ProtectionCustom: a custom rule.
	ProtectionCustom FirewallProtection = "custom"
)

// AttackField is Prisma's waas.HTTPField: where in an event an attack stood.
type AttackField struct {
	Key string `json:"key,omitempty" yaml:"key,omitempty"`
	// Type is one of Prisma's waas.HTTPFieldType: method, xmlBody, jsonBody,
	// formBody, multipartBody, rawBody, query, queryParamName, cookie, header
	// or url.
	Type  string `json:"type,omitempty" yaml:"type,omitempty"`
	Value string `json:"value,omitempty" yaml:"value,omitempty"`
}

// FirewallAudit is one recorded detection of the firewall: the fields of
// Prisma's shared.AppFirewallAudit that mean something for a function, in their
// order, then ours. RawEvent, RequestHeaders and the attack's value have no
// secrets and no more bytes than the Defender's limits.
type FirewallAudit struct {
	ID                 string             `json:"_id,omitempty" yaml:"_id,omitempty"`
	AccountID          string             `json:"accountID,omitempty" yaml:"accountID,omitempty"`
	AppID              string             `json:"appID,omitempty" yaml:"appID,omitempty"`
	AttackField        AttackField        `json:"attackField,omitzero" yaml:"attackField,omitempty"`
	AttackTechniques   []string           `json:"attackTechniques,omitempty" yaml:"attackTechniques,omitempty"`
	ConnectingIPs      []string           `json:"connectingIPs,omitempty" yaml:"connectingIPs,omitempty"`
	Count              int                `json:"count,omitempty" yaml:"count,omitempty"`
	Effect             Effect             `json:"effect" yaml:"effect"`
	EventID            string             `json:"eventID,omitempty" yaml:"eventID,omitempty"`
	FQDN               string             `json:"fqdn" yaml:"fqdn"`
	Function           string             `json:"function,omitempty" yaml:"function,omitempty"`
	FunctionID         string             `json:"functionID,omitempty" yaml:"functionID,omitempty"`
	Method             string             `json:"method,omitempty" yaml:"method,omitempty"`
	Msg                string             `json:"msg" yaml:"msg"`
	OWASPAPITop10      string             `json:"owaspAPITop10,omitempty" yaml:"owaspAPITop10,omitempty"`
	OWASPTop10         string             `json:"owaspTop10,omitempty" yaml:"owaspTop10,omitempty"`
	Protection         FirewallProtection `json:"protection" yaml:"protection"`
	Provider           string             `json:"provider,omitempty" yaml:"provider,omitempty"`
	RawEvent           string             `json:"rawEvent,omitempty" yaml:"rawEvent,omitempty"`
	Region             string             `json:"region,omitempty" yaml:"region,omitempty"`
	RequestHeaderNames []string           `json:"requestHeaderNames,omitempty" yaml:"requestHeaderNames,omitempty"`
	RequestHeaders     string             `json:"requestHeaders,omitempty" yaml:"requestHeaders,omitempty"`
	RequestHost        string             `json:"requestHost,omitempty" yaml:"requestHost,omitempty"`
	RequestID          string             `json:"requestID,omitempty" yaml:"requestID,omitempty"`
	RuleAppID          string             `json:"ruleAppID,omitempty" yaml:"ruleAppID,omitempty"`
	RuleName           string             `json:"ruleName" yaml:"ruleName"`
	Runtime            string             `json:"runtime,omitempty" yaml:"runtime,omitempty"`
	StatusCode         int                `json:"statusCode,omitempty" yaml:"statusCode,omitempty"`
	Subnet             string             `json:"subnet,omitempty" yaml:"subnet,omitempty"` // the client's address
	Time               time.Time          `json:"time" yaml:"time"`
	Type               AttackClass        `json:"type" yaml:"type"`
	URL                string             `json:"url,omitempty" yaml:"url,omitempty"`
	URLPath            string             `json:"urlPath,omitempty" yaml:"urlPath,omitempty"`
	URLQuery           string             `json:"urlQuery,omitempty" yaml:"urlQuery,omitempty"`
	UserAgentHeader    string             `json:"userAgentHeader,omitempty" yaml:"userAgentHeader,omitempty"`
	Version            string             `json:"version,omitempty" yaml:"version,omitempty"`

	// Trigger is what kind of event it was, such as "apiGateway" or "sqs".
	Trigger string `json:"trigger,omitempty" yaml:"trigger,omitempty"`
	// Rule is the id of the rule that found the attack, or the custom rule's name.
	Rule string `json:"rule,omitempty" yaml:"rule,omitempty"`
	// Match is the part of the value that the rule objects to.
	Match string `json:"match,omitempty" yaml:"match,omitempty"`
	// Record names the record of a batch, as its trigger does.
	Record string `json:"record,omitempty" yaml:"record,omitempty"`
}
