package report

// The part of SARIF 2.1.0 (OASIS standard, section numbers in comments) that
// reports use.

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// sarifLog is §3.13.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

// sarifRun is §3.14.
type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	ColumnKind  string            `json:"columnKind"`
	Results     []sarifResult     `json:"results"`
}

// sarifTool is §3.18.
type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

// sarifDriver is §3.19.
type sarifDriver struct {
	Name           string      `json:"name"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

// sarifRule is §3.49.
type sarifRule struct {
	ID      string             `json:"id"`
	Short   sarifMessage       `json:"shortDescription"`
	Full    sarifMessage       `json:"fullDescription"`
	Help    sarifMessage       `json:"help"`
	Default sarifConfiguration `json:"defaultConfiguration"`
}

// sarifConfiguration is §3.50.
type sarifConfiguration struct {
	Level level `json:"level"`
}

// sarifMessage is §3.11 and §3.12.
type sarifMessage struct {
	Text string `json:"text"`
}

// sarifInvocation is §3.20.
type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications"`
}

// sarifNotification is §3.58.
type sarifNotification struct {
	Level   level        `json:"level"`
	Message sarifMessage `json:"message"`
}

// sarifResult is §3.27.
type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Kind         kind              `json:"kind"`
	Level        level             `json:"level"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

// sarifLocation is §3.28.
type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations"`
}

// sarifPhysical is §3.29.
type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

// sarifArtifact is §3.4.
type sarifArtifact struct {
	URI string `json:"uri"`
}

// sarifRegion is §3.30. Functions have no lines; viewers want one.
type sarifRegion struct {
	StartLine int `json:"startLine"`
}

// sarifLogical is §3.33.
type sarifLogical struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}
