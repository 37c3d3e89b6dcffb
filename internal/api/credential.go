package api

import "time"

// CredentialSecret is Prisma's common.Secret. Plain is only written; Encrypted is only read and tells that there is one, so that
// what was read can be written again without changing it.
type CredentialSecret struct {
	Encrypted string `json:"encrypted,omitempty"`
	Plain     string `json:"plain,omitempty"`
}

// ProxySettings is Prisma's common.ProxySettings.
type ProxySettings struct {
	CA        string           `json:"ca"` // PEM
	HTTPProxy string           `json:"httpProxy"`
	NoProxy   string           `json:"noProxy"`
	Password  CredentialSecret `json:"password"`
	User      string           `json:"user"`
}

// CredentialType is Prisma's cred.Type.
type CredentialType string

// The types of credentials.
const (
	CredentialAWS         CredentialType = "aws"
	CredentialAzure       CredentialType = "azure"
	CredentialGCP         CredentialType = "gcp"
	CredentialIBM         CredentialType = "ibmCloud"
	CredentialOCI         CredentialType = "oci"
	CredentialAPIToken    CredentialType = "apiToken"
	CredentialBasic       CredentialType = "basic"
	CredentialDTR         CredentialType = "dtr"
	CredentialKubeconfig  CredentialType = "kubeconfig"
	CredentialCertificate CredentialType = "certificate"
	CredentialGitLab      CredentialType = "gitlabToken"
)

// CredentialTypes returns the types of credentials.
func CredentialTypes() []CredentialType {
	return []CredentialType{
		CredentialAWS, CredentialAzure, CredentialGCP, CredentialIBM, CredentialOCI, CredentialAPIToken, CredentialBasic,
		CredentialDTR, CredentialKubeconfig, CredentialCertificate, CredentialGitLab,
	}
}

// Credential is Prisma's cred.Credential. Its member tokens is never written: clients disagree on what it is.
type Credential struct {
	ID                     string           `json:"_id"` // the credential's name
	AccountGUID            string           `json:"accountGUID,omitempty"`
	AccountID              string           `json:"accountID,omitempty"` // the access key's id for AWS
	AccountName            string           `json:"accountName,omitempty"`
	APIToken               CredentialSecret `json:"apiToken"`
	AzureSPInfo            *AzureSPInfo     `json:"azureSPInfo,omitempty"`
	CACert                 string           `json:"caCert,omitempty"`
	CloudProviderAccountID string           `json:"cloudProviderAccountID,omitempty"`
	Created                time.Time        `json:"created,omitzero"`
	Description            string           `json:"description,omitempty"`
	External               bool             `json:"external,omitempty"`
	Global                 bool             `json:"global,omitempty"`
	LastModified           time.Time        `json:"lastModified"`
	OCICred                *OCICred         `json:"ociCred,omitempty"`
	Owner                  string           `json:"owner"`
	PrismaLastModified     int64            `json:"prismaLastModified,omitempty"`
	RoleARN                string           `json:"roleArn,omitempty"` // to be assumed
	Secret                 CredentialSecret `json:"secret"`
	SkipVerify             bool             `json:"skipVerify"`
	STSEndpoints           []string         `json:"stsEndpoints,omitempty"`
	Type                   CredentialType   `json:"type"`
	URL                    string           `json:"url,omitempty"`
	UseAWSRole             bool             `json:"useAWSRole"` // what the Console runs with
	UseSTSRegionalEndpoint bool             `json:"useSTSRegionalEndpoint,omitempty"`
}

// AzureSPInfo is Prisma's cred.AzureSPInfo.
type AzureSPInfo struct {
	ClientID       string `json:"clientId"`
	MIType         string `json:"miType"`
	SubscriptionID string `json:"subscriptionId"`
	TenantID       string `json:"tenantId"`
}

// OCICred is Prisma's cred.OCICred.
type OCICred struct {
	Fingerprint string `json:"fingerprint"`
	TenancyID   string `json:"tenancyId"`
}

// CredentialUsage is Prisma's types.CredentialUsage: what needs a credential. Type is one of cred.UsageType, such as
// "Cloud Scan" or "Serverless Auto-Deploy".
type CredentialUsage struct {
	Description string `json:"description"`
	Type        string `json:"type"`
}
