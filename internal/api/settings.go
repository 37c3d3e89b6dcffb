package api

import "time"

// DefenderSettings is Prisma's defender.Settings. For functions only DisconnectPeriodDays means something.
type DefenderSettings struct {
	AdmissionControlEnabled             bool   `json:"admissionControlEnabled"`
	AdmissionControlWebhookSuffix       string `json:"admissionControlWebhookSuffix"`
	AppEmbeddedFileSystemTracingEnabled bool   `json:"appEmbeddedFileSystemTracingEnabled"`
	AutomaticUpgrade                    bool   `json:"automaticUpgrade"`
	DisconnectPeriodDays                int    `json:"disconnectPeriodDays"` // after which a silent Defender is left out of lists
	HostCustomComplianceEnabled         bool   `json:"hostCustomComplianceEnabled"`
	ListeningPort                       int    `json:"listeningPort"`
}

// ScanSettings is Prisma's shared.ScanSettings: how often is looked for what, in milliseconds. For functions only
// ServerlessScanPeriodMS and CloudPlatformsScanPeriodMS mean something.
type ScanSettings struct {
	AgentlessScanPeriodMS         int64 `json:"agentlessScanPeriodMs"`
	CloudPlatformsScanPeriodMS    int64 `json:"cloudPlatformsScanPeriodMs"`
	ContainersScanPeriodMS        int64 `json:"containersScanPeriodMs"`
	ExtractArchive                bool  `json:"extractArchive"`
	ImagesScanPeriodMS            int64 `json:"imagesScanPeriodMs"`
	IncludeJSDependencies         bool  `json:"includeJsDependencies"`
	RegistryScanPeriodMS          int64 `json:"registryScanPeriodMs"`
	RegistryScanRetentionDays     int   `json:"registryScanRetentionDays"`
	ScanRunningImages             bool  `json:"scanRunningImages"`
	ServerlessScanPeriodMS        int64 `json:"serverlessScanPeriodMs"`
	ShowInfraContainers           bool  `json:"showInfraContainers"`
	ShowNegligibleVulnerabilities bool  `json:"showNegligibleVulnerabilities"`
	SystemScanPeriodMS            int64 `json:"systemScanPeriodMs"`
	TASDropletsScanPeriodMS       int64 `json:"tasDropletsScanPeriodMs"`
	VMScanPeriodMS                int64 `json:"vmScanPeriodMs"`
}

// CertSettings is Prisma's types.CertSettings: the names that the Console's own certificate is made for, besides the
// Console's address.
type CertSettings struct {
	CAExpiration            time.Time `json:"caExpiration,omitzero"`
	ConsoleSAN              []string  `json:"consoleSAN"`
	DefenderOldCAExpiration time.Time `json:"defenderOldCAExpiration,omitzero"`
}

// License is Prisma's shared.License. Nothing here needs one: it tells clients that theirs is valid.
type License struct {
	AccessToken    string    `json:"access_token"`
	ContractID     string    `json:"contract_id"`
	ContractType   string    `json:"contract_type"`
	Credits        int       `json:"credits"`
	CustomerID     string    `json:"customer_id"`
	Defenders      int       `json:"defenders"`
	ExpirationDate time.Time `json:"expiration_date"`
	IssueDate      time.Time `json:"issue_date"`
	Type           string    `json:"type"`
	Workloads      int       `json:"workloads"`
}
