package api

import "time"

// ServerlessAutoDeploySpecification documents the members of an [AutoDeployRule] for the API's description. Rules
// themselves keep members that aren't here.
type ServerlessAutoDeploySpecification struct {
	AWSRegionType RegionType `json:"awsRegionType"`
	// Region is what 21.04 had in place of awsRegionType.
	Region string `json:"region"`
	// Collections are names, or objects of which the name counts.
	Collections  []any         `json:"collections"`
	ConsoleAddr  string        `json:"consoleAddr"`
	CredentialID string        `json:"credentialID"`
	LastModified time.Time     `json:"lastModified"`
	Name         string        `json:"name"`
	Proxy        ProxySettings `json:"proxy"`
	// Runtimes is a list of texts; a single text is taken too.
	Runtimes any               `json:"runtimes"`
	Own      AutoDeployOptions `json:"autodefend"`
}
