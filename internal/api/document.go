package api

import "time"

// Kind is a kind of configuration document.
type Kind string

// The kinds of documents. A kind with one document only has the id "".
const (
	KindRuntimePolicy   Kind = "policy.runtime.serverless"
	KindFirewallPolicy  Kind = "policy.firewall.app.serverless"
	KindNetworkList     Kind = "networkList"
	KindCollection      Kind = "collection"
	KindCredential      Kind = "credential"
	KindCloudScanRule   Kind = "cloudScanRule"
	KindCustomRule      Kind = "customRule"
	KindAutoDeploy      Kind = "autoDeploy"
	KindAlertProfile    Kind = "alertProfile"
	KindUser            Kind = "user"
	KindGroup           Kind = "group"
	KindRole            Kind = "role"
	KindAPIToken        Kind = "apiToken"
	KindSession         Kind = "session"
	KindSettings        Kind = "settings"        // by name: logon, defender, scan, ...
	KindRevokedFunction Kind = "revokedFunction" // by function: Defender tokens issued before a time are refused
	KindPreferences     Kind = "preferences"     // by user
	KindIdentity        Kind = "identity"        // by user: whose the name is at the OpenID Connect provider
	KindRun             Kind = "run"             // by run id: one apply, plan, roll-back or removal
	KindRunDetail       Kind = "runDetail"       // by run id: its receipts and its plan, which are large
	KindRuleStatus      Kind = "ruleStatus"      // by auto-defend rule: its last evaluation
)

// Document is one piece of configuration: JSON under a kind and an id.
type Document struct {
	Kind Kind
	ID   string
	// Version counts the writes of this document from 1.
	Version  int64
	Modified time.Time
	// Body is JSON, stored and returned byte for byte.
	Body []byte
}

// Any as a [DocumentChange].Version writes whatever the stored version is.
const Any int64 = -1

// DocumentChange writes or deletes one document.
type DocumentChange struct {
	Kind Kind
	ID   string
	// Version is the one that the change was made from: 0 means that the document must not exist yet, [Any] doesn't matter.
	// Another one stored is a conflict.
	Version int64
	// Body is the new JSON; nil deletes.
	Body []byte
}

// MgmtType is Prisma's shared.MgmtType.
type MgmtType string

// The types of management audits.
const (
	MgmtLogin      MgmtType = "login"
	MgmtProfile    MgmtType = "profile"
	MgmtSettings   MgmtType = "settings"
	MgmtRule       MgmtType = "rule"
	MgmtUser       MgmtType = "user"
	MgmtGroup      MgmtType = "group"
	MgmtCredential MgmtType = "credential"
	MgmtTag        MgmtType = "tag"
	MgmtRole       MgmtType = "role"
)

// MgmtAudit is Prisma's shared.MgmtAudit: who changed what, from where. Diff never holds a secret.
type MgmtAudit struct {
	API      string    `json:"api,omitempty"`
	Diff     string    `json:"diff,omitempty"`
	Failure  bool      `json:"failure,omitempty"`
	SourceIP string    `json:"sourceIP,omitempty"`
	Status   string    `json:"status,omitempty"`
	Time     time.Time `json:"time"`
	Type     MgmtType  `json:"type"`
	Username string    `json:"username"`
}
