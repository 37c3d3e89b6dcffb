package api

import "time"

// ScanType is Prisma's shared.ScanType.
type ScanType string

// The scan types of functions.
const (
	ScanServerless       ScanType = "serverlessScan"
	ScanCloudDiscovery   ScanType = "cloudDiscovery"
	ScanServerlessRadar  ScanType = "serverlessRadar"
	ScanServerlessDeploy ScanType = "serverlessAutoDeploy"
)

// Progress is Prisma's shared.Progress: how far a scan is.
type Progress struct {
	Discovery bool      `json:"discovery,omitempty"`
	Error     string    `json:"error,omitempty"`
	ID        string    `json:"id,omitempty"`
	OnDemand  bool      `json:"onDemand"`
	ScanTime  time.Time `json:"scanTime"`
	Scanned   int       `json:"scanned"`
	Title     string    `json:"title"`
	Total     int       `json:"total"`
	Type      ScanType  `json:"type"`
}

// Status is Prisma's types.Status as far as it concerns functions.
type Status struct {
	ID                   string                      `json:"_id"`
	LastModified         time.Time                   `json:"lastModified"`
	ServerlessAutoDeploy *ServerlessAutoDeployStatus `json:"serverlessAutoDeploy,omitempty"`
	ServerlessRadar      *ServerlessRadarStatus      `json:"serverlessRadar,omitempty"`
	Type                 string                      `json:"type"`
}

// ServerlessAutoDeployStatus is Prisma's types.ServerlessAutoDeployStatus.
type ServerlessAutoDeployStatus struct {
	Errors   []string                         `json:"errors"`
	Scanning bool                             `json:"scanning"`
	Specs    []ServerlessAutoDeploySpecStatus `json:"specs"`
}

// ServerlessAutoDeploySpecStatus is Prisma's types.ServerlessAutoDeploySpecStatus, with ours in the member autodefend.
type ServerlessAutoDeploySpecStatus struct {
	Defended   int    `json:"defended"`
	Discovered int    `json:"discovered"`
	Name       string `json:"name"`
	// Own says more than Prisma does.
	Own *AutoDeployState `json:"autodefend,omitempty"`
}

// ServerlessRadarStatus is Prisma's types.ServerlessRadarStatus.
type ServerlessRadarStatus struct {
	Err      string `json:"err,omitempty"`
	Scanning bool   `json:"scanning"`
}
