package api

import "time"

// ServiceLambda is Prisma's shared.ScanResultType of AWS Lambda.
const ServiceLambda = "aws-lambda"

// CloudDiscoveryResult is Prisma's shared.CloudDiscoveryResult: the functions of one account and region.
type CloudDiscoveryResult struct {
	AccountID       string   `json:"accountID"`
	AccountName     string   `json:"accountName"`
	Collections     []string `json:"collections"`
	CredentialID    string   `json:"credentialId"`
	Defended        int      `json:"defended"`
	DefenseCoverage int      `json:"defenseCoverage"` // percent
	Err             string   `json:"err,omitempty"`
	Provider        string   `json:"provider"`
	Region          string   `json:"region"`
	ServiceType     string   `json:"serviceType"`
	Total           int      `json:"total"`
	Undefended      int      `json:"undefended"`
}

// CloudDiscoveryEntity is Prisma's shared.CloudDiscoveryEntity: one function.
type CloudDiscoveryEntity struct {
	AccountID    string    `json:"accountID"`
	ARN          string    `json:"arn"`
	Collections  []string  `json:"collections"`
	Defended     bool      `json:"defended"`
	LastModified time.Time `json:"lastModified,omitzero"`
	Name         string    `json:"name"`
	Provider     string    `json:"provider"`
	Region       string    `json:"region"`
	Runtime      string    `json:"runtime"`
	ServiceType  string    `json:"serviceType"`
	Timestamp    time.Time `json:"timestamp"`
	Version      string    `json:"version"`
}

// RadarData is Prisma's serverless.RadarData.
type RadarData struct {
	ServerlessRadar []RadarEntity `json:"serverlessRadar"`
}

// RadarEntity is Prisma's serverless.RadarEntity as far as the inventory knows a function. Triggers and permissions aren't
// read, so those lists are empty.
type RadarEntity struct {
	ID              string          `json:"_id"`
	AccountID       string          `json:"accountID"`
	ApplicationName string          `json:"applicationName"`
	Collections     []string        `json:"collections"`
	CredentialID    string          `json:"credentialId"`
	Defended        bool            `json:"defended"`
	Description     string          `json:"description"`
	IncidentCount   int             `json:"incidentCount"`
	LastModified    time.Time       `json:"lastModified,omitzero"`
	Name            string          `json:"name"`
	Permissions     []struct{}      `json:"permissions"`
	Provider        string          `json:"provider"`
	Region          string          `json:"region"`
	Runtime         string          `json:"runtime"`
	Scanned         bool            `json:"scanned"`
	Tags            []ExternalLabel `json:"tags"`
	Triggers        []struct{}      `json:"triggers"`
	Version         string          `json:"version"`
}
