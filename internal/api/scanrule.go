package api

import "encoding/json"

// CloudScanRule is Prisma's shared.CloudScanRule: what is looked for with one credential. Parts that mean nothing for
// functions are kept as they were.
type CloudScanRule struct {
	AgentlessAccountState       json.RawMessage    `json:"agentlessAccountState,omitempty"`
	AgentlessScanSpec           json.RawMessage    `json:"agentlessScanSpec,omitempty"`
	AWSRegionType               string             `json:"awsRegionType,omitempty"` // regular, gov, china or all
	ComplianceCheckIDs          []int              `json:"complianceCheckIDs,omitempty"`
	Credential                  *Credential        `json:"credential,omitempty"` // filled in on reading, without secrets
	CredentialID                string             `json:"credentialId"`
	Deleted                     bool               `json:"deleted,omitempty"`
	DiscoverAllFunctionVersions bool               `json:"discoverAllFunctionVersions,omitempty"`
	DiscoveryEnabled            bool               `json:"discoveryEnabled"`
	Modified                    int64              `json:"modified"` // Unix seconds
	OrganizationName            string             `json:"organizationName,omitempty"`
	PrismaLastModified          int64              `json:"prismaLastModified,omitempty"`
	ServerlessRadarCap          int                `json:"serverlessRadarCap"`
	ServerlessRadarEnabled      bool               `json:"serverlessRadarEnabled"`
	ServerlessScanSpec          ServerlessScanSpec `json:"serverlessScanSpec"`
	VMTagsEnabled               bool               `json:"vmTagsEnabled,omitempty"`
}

// ServerlessScanSpec is Prisma's shared.ServerlessScanSpecification.
type ServerlessScanSpec struct {
	Cap             int  `json:"cap,omitempty"` // the most recently modified functions that are looked at; 0 is all
	Enabled         bool `json:"enabled"`
	ScanAllVersions bool `json:"scanAllVersions,omitempty"`
	ScanLayers      bool `json:"scanLayers,omitempty"`
}

// ServerlessScan is one element of the older /settings/serverless-scan.
type ServerlessScan struct {
	AWSRegionType string `json:"awsRegionType,omitempty"`
	Cap           int    `json:"cap"` // the most recently modified functions that are looked at; 0 is all
	// Credential is filled in on reading, without secrets.
	Credential      *Credential `json:"credential,omitempty"`
	CredentialID    string      `json:"credentialID"`
	Provider        string      `json:"provider"`
	ScanAllVersions bool        `json:"scanAllVersions"`
	ScanLayers      bool        `json:"scanLayers"`
}
