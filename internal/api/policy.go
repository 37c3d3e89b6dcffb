package api

import "encoding/json"

// RuntimePolicy is Prisma's runtime.ServerlessPolicy as its clients see it. The Console keeps members that aren't here.
type RuntimePolicy struct {
	ID               string        `json:"_id"` // "serverlessRuntime"
	LearningDisabled bool          `json:"learningDisabled"`
	Rules            []RuntimeRule `json:"rules"`
}

// RuntimeRule is Prisma's runtime.ServerlessPolicyRule.
type RuntimeRule struct {
	AdvancedProtection       bool            `json:"advancedProtection,omitempty"`
	CloudMetadataEnforcement bool            `json:"cloudMetadataEnforcement,omitempty"`
	Collections              []Collection    `json:"collections"`
	CustomRules              []CustomRuleRef `json:"customRules,omitempty"`
	Disabled                 bool            `json:"disabled,omitempty"`
	DNS                      DNSRule         `json:"dns,omitzero"`
	Filesystem               FilesystemRule  `json:"filesystem,omitzero"`
	KubernetesEnforcement    bool            `json:"kubernetesEnforcement,omitempty"`
	Modified                 string          `json:"modified"` // RFC 3339
	Name                     string          `json:"name"`
	Network                  NetworkRule     `json:"network,omitzero"`
	Notes                    string          `json:"notes,omitempty"`
	Owner                    string          `json:"owner"`
	PreviousName             string          `json:"previousName,omitempty"`
	Processes                ProcessesRule   `json:"processes,omitzero"`
	SkipExecSessions         bool            `json:"skipExecSessions,omitempty"`
	WildFireAnalysis         string          `json:"wildFireAnalysis,omitempty"`
	// Autodefend is our part of the rule: see docs/policy.md.
	Autodefend json.RawMessage `json:"autodefend,omitempty"`
}

// ProcessesRule is Prisma's runtime.ProcessesRule.
type ProcessesRule struct {
	Blacklist            []string `json:"blacklist,omitempty"`
	BlockAllBinaries     bool     `json:"blockAllBinaries,omitempty"`
	CheckCryptoMiners    bool     `json:"checkCryptoMiners,omitempty"`
	CheckLateralMovement bool     `json:"checkLateralMovement,omitempty"`
	CheckNewBinaries     bool     `json:"checkNewBinaries,omitempty"`
	Effect               string   `json:"effect,omitempty"` // disable, alert, prevent or block
	SkipModified         bool     `json:"skipModified,omitempty"`
	Whitelist            []string `json:"whitelist,omitempty"`
}

// NetworkRule is Prisma's runtime.NetworkRule.
type NetworkRule struct {
	BlacklistIPs            []string    `json:"blacklistIPs,omitempty"`
	BlacklistListeningPorts []PortRange `json:"blacklistListeningPorts,omitempty"`
	BlacklistOutboundPorts  []PortRange `json:"blacklistOutboundPorts,omitempty"`
	Effect                  string      `json:"effect,omitempty"`
	WhitelistIPs            []string    `json:"whitelistIPs,omitempty"`
	WhitelistListeningPorts []PortRange `json:"whitelistListeningPorts,omitempty"`
	WhitelistOutboundPorts  []PortRange `json:"whitelistOutboundPorts,omitempty"`
}

// PortRange is Prisma's common.PortRange.
type PortRange struct {
	Deny  bool `json:"deny,omitempty"`
	End   int  `json:"end"`
	Start int  `json:"start"`
}

// DNSRule is Prisma's runtime.DNSRule.
type DNSRule struct {
	Blacklist []string `json:"blacklist,omitempty"`
	Effect    string   `json:"effect,omitempty"`
	Whitelist []string `json:"whitelist,omitempty"`
}

// FilesystemRule is Prisma's runtime.FilesystemRule.
type FilesystemRule struct {
	BackdoorFiles         bool     `json:"backdoorFiles,omitempty"`
	Blacklist             []string `json:"blacklist,omitempty"`
	CheckNewFiles         bool     `json:"checkNewFiles,omitempty"`
	Effect                string   `json:"effect,omitempty"`
	SkipEncryptedBinaries bool     `json:"skipEncryptedBinaries,omitempty"`
	SuspiciousELFHeaders  bool     `json:"suspiciousELFHeaders,omitempty"`
	Whitelist             []string `json:"whitelist,omitempty"`
}

// FirewallPolicy is Prisma's waas.Policy for functions. The Console keeps members that aren't here.
type FirewallPolicy struct {
	ID      string         `json:"_id"` // "serverlessAppFirewall"
	MaxPort int            `json:"maxPort,omitempty"`
	MinPort int            `json:"minPort,omitempty"`
	Rules   []FirewallRule `json:"rules"`
}

// FirewallRule is Prisma's waas.Rule.
type FirewallRule struct {
	ApplicationsSpec   []FirewallApplication `json:"applicationsSpec,omitempty"`
	Collections        []Collection          `json:"collections"`
	Disabled           bool                  `json:"disabled,omitempty"`
	Modified           string                `json:"modified"` // RFC 3339
	Name               string                `json:"name"`
	Notes              string                `json:"notes,omitempty"`
	Owner              string                `json:"owner"`
	PreviousName       string                `json:"previousName,omitempty"`
	ReadTimeoutSeconds int                   `json:"readTimeoutSeconds,omitempty"`
	// Autodefend is our part of the rule: see docs/waas.md.
	Autodefend json.RawMessage `json:"autodefend,omitempty"`
}

// FirewallApplication is what of Prisma's waas.ApplicationSpec means something for a function.
type FirewallApplication struct {
	AppID               string             `json:"appID,omitempty"`
	AttackTools         FirewallProtection `json:"attackTools,omitzero"`
	Body                FirewallBody       `json:"body,omitzero"`
	CMDi                FirewallProtection `json:"cmdi,omitzero"`
	CodeInjection       FirewallProtection `json:"codeInjection,omitzero"`
	CustomBlockResponse BlockResponse      `json:"customBlockResponse,omitzero"`
	CustomRules         []CustomRuleRef    `json:"customRules,omitempty"`
	LFI                 FirewallProtection `json:"lfi,omitzero"`
	MalformedReq        FirewallProtection `json:"malformedReq,omitzero"`
	Shellshock          FirewallProtection `json:"shellshock,omitzero"`
	SQLi                FirewallProtection `json:"sqli,omitzero"`
	XSS                 FirewallProtection `json:"xss,omitzero"`
}

// FirewallProtection is Prisma's waas.ProtectionConfig.
type FirewallProtection struct {
	Effect          string                   `json:"effect,omitempty"` // disable, alert, prevent, ban or allow
	ExceptionFields []FirewallExceptionField `json:"exceptionFields,omitempty"`
}

// FirewallExceptionField is Prisma's waas.ExceptionField.
type FirewallExceptionField struct {
	Key          string `json:"key"`
	KeyPattern   bool   `json:"keyPattern,omitempty"`
	Location     string `json:"location"`
	Response     bool   `json:"response,omitempty"`
	ValuePattern bool   `json:"valuePattern,omitempty"`
}

// FirewallBody is Prisma's waas.BodyConfig.
type FirewallBody struct {
	InspectionLimitExceededEffect string `json:"inspectionLimitExceededEffect,omitempty"`
	InspectionSizeBytes           int    `json:"inspectionSizeBytes,omitempty"`
	Skip                          bool   `json:"skip,omitempty"`
}

// BlockResponse is Prisma's waas.CustomBlockResponseConfig.
type BlockResponse struct {
	Body    string `json:"body,omitempty"`
	Code    int    `json:"code,omitempty"`
	Enabled bool   `json:"enabled,omitempty"`
}
