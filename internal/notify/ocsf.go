package notify

import (
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// Numbers of OCSF 1.3.0's Detection Finding.
const (
	ocsfVersion    = "1.3.0"
	ocsfCategory   = 2    // Findings
	ocsfClass      = 2004 // Detection Finding
	ocsfCreate     = 1
	ocsfNew        = 1
	ocsfAWSAccount = 10
	ocsfRule       = 1

	ocsfAllowed = 1 // action
	ocsfDenied  = 2

	ocsfBlocked = 2 // disposition
	ocsfLogged  = 17
)

// ocsfFinding is a Detection Finding with the profiles cloud and security_control.
type ocsfFinding struct {
	ActivityID    int             `json:"activity_id"`
	ActivityName  string          `json:"activity_name"`
	CategoryUID   int             `json:"category_uid"`
	CategoryName  string          `json:"category_name"`
	ClassUID      int             `json:"class_uid"`
	ClassName     string          `json:"class_name"`
	TypeUID       int             `json:"type_uid"`
	Time          int64           `json:"time"` // Unix milliseconds
	Message       string          `json:"message,omitempty"`
	SeverityID    int             `json:"severity_id"`
	Severity      string          `json:"severity"`
	StatusID      int             `json:"status_id"`
	Status        string          `json:"status"`
	Count         int             `json:"count,omitempty"`
	ActionID      int             `json:"action_id"`
	DispositionID int             `json:"disposition_id"`
	Metadata      ocsfMetadata    `json:"metadata"`
	FindingInfo   ocsfFindingInfo `json:"finding_info"`
	Cloud         ocsfCloud       `json:"cloud"`
	Resources     []ocsfResource  `json:"resources"`
	Evidences     []ocsfEvidence  `json:"evidences,omitempty"`
	Attacks       []ocsfAttack    `json:"attacks,omitempty"`
	RawData       string          `json:"raw_data,omitempty"`
}

type ocsfMetadata struct {
	Version       string      `json:"version"`
	Profiles      []string    `json:"profiles"`
	UID           string      `json:"uid"`
	CorrelationID string      `json:"correlation_uid,omitempty"`
	LoggedTime    int64       `json:"logged_time,omitempty"`
	Product       ocsfProduct `json:"product"`
}

type ocsfProduct struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version,omitempty"`
}

type ocsfFindingInfo struct {
	UID         string       `json:"uid"`
	Title       string       `json:"title"`
	Desc        string       `json:"desc,omitempty"`
	CreatedTime int64        `json:"created_time"`
	Types       []string     `json:"types,omitempty"`
	Analytic    ocsfAnalytic `json:"analytic"`
	Attacks     []ocsfAttack `json:"attacks,omitempty"`
}

type ocsfAnalytic struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
}

type ocsfCloud struct {
	Provider string       `json:"provider"`
	Region   string       `json:"region,omitempty"`
	Account  *ocsfAccount `json:"account,omitempty"`
}

type ocsfAccount struct {
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
}

type ocsfResource struct {
	UID    string `json:"uid,omitempty"`
	Name   string `json:"name,omitempty"`
	Type   string `json:"type"`
	Region string `json:"region,omitempty"`
}

type ocsfEvidence struct {
	Process     *ocsfProcess  `json:"process,omitempty"`
	File        *ocsfFile     `json:"file,omitempty"`
	Query       *ocsfQuery    `json:"query,omitempty"`
	SrcEndpoint *ocsfEndpoint `json:"src_endpoint,omitempty"`
	DstEndpoint *ocsfEndpoint `json:"dst_endpoint,omitempty"`
}

type ocsfProcess struct {
	CmdLine string    `json:"cmd_line,omitempty"`
	PID     int       `json:"pid,omitempty"`
	File    *ocsfFile `json:"file,omitempty"`
}

type ocsfFile struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	TypeID int    `json:"type_id"`
}

type ocsfQuery struct {
	Hostname string `json:"hostname"`
}

type ocsfEndpoint struct {
	IP       string `json:"ip,omitempty"`
	Port     int    `json:"port,omitempty"`
	Hostname string `json:"hostname,omitempty"`
}

type ocsfAttack struct {
	Technique ocsfTechnique `json:"technique"`
}

type ocsfTechnique struct {
	Name string `json:"name"`
}

// ocsf writes one audit.
func (n *Notifier) ocsf(alert api.Alert, a api.AlertAudit) ocsfFinding {
	severity, id := ocsfSeverity(a)
	f := ocsfFinding{
		ActivityID: ocsfCreate, ActivityName: "Create", CategoryUID: ocsfCategory, CategoryName: "Findings", ClassUID: ocsfClass,
		ClassName: "Detection Finding", TypeUID: ocsfClass*100 + ocsfCreate, Time: a.Time.UnixMilli(), Message: a.Msg,
		SeverityID: id, Severity: severity, StatusID: ocsfNew, Status: "New", Count: max(a.Count, 1),
		ActionID: ocsfAllowed, DispositionID: ocsfLogged,
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Profiles: []string{"cloud", "security_control"}, UID: a.ID, CorrelationID: a.RequestID,
			LoggedTime: millis(a), Product: ocsfProduct{Name: "Autodefend", VendorName: "Autodefend", Version: n.version},
		},
		FindingInfo: ocsfFindingInfo{
			UID: a.ID, Title: title(alert, a), Desc: a.Msg, CreatedTime: a.Time.UnixMilli(), Types: types(a),
			Analytic: ocsfAnalytic{Name: a.Rule, TypeID: ocsfRule},
		},
		Cloud:     ocsfCloud{Provider: "AWS", Region: a.Region},
		Resources: []ocsfResource{{UID: a.FunctionID, Name: a.Function, Type: "AWS::Lambda::Function", Region: a.Region}},
		Evidences: evidences(a, alert.Kind),
		RawData:   string(whole(a)),
	}
	if a.Account != "" {
		f.Cloud.Account = &ocsfAccount{UID: a.Account, TypeID: ocsfAWSAccount}
	}
	if a.Blocked() {
		f.ActionID, f.DispositionID = ocsfDenied, ocsfBlocked
	}
	for _, technique := range a.Techniques {
		f.Attacks = append(f.Attacks, ocsfAttack{Technique: ocsfTechnique{Name: technique}})
	}
	f.FindingInfo.Attacks = f.Attacks
	return f
}

func millis(a api.AlertAudit) int64 {
	if a.Received.IsZero() {
		return a.Time.UnixMilli()
	}
	return a.Received.UnixMilli()
}

// title is one audit in one line.
func title(alert api.Alert, a api.AlertAudit) string {
	alert.Audits = []api.AlertAudit{a}
	return subject(alert)
}

func types(a api.AlertAudit) []string {
	var all []string
	for _, t := range []string{a.Type, a.AttackType} {
		if t != "" {
			all = append(all, t)
		}
	}
	return all
}

func ocsfSeverity(a api.AlertAudit) (string, int) {
	switch severityOf(a) {
	case "low":
		return "Low", 2
	case "high":
		return "High", 4
	default:
		return "Medium", 3
	}
}

// evidences are what happened: the process, the file, the query and the endpoints.
func evidences(a api.AlertAudit, kind api.AlertKind) []ocsfEvidence {
	d := detailsOf(a)
	var e ocsfEvidence
	if d.Command != "" || d.PID != 0 || d.ProcessPath != "" {
		e.Process = &ocsfProcess{CmdLine: d.Command, PID: d.PID, File: fileOf(d.ProcessPath)}
	}
	e.File = fileOf(d.Filepath)
	if d.Domain != "" {
		e.Query = &ocsfQuery{Hostname: d.Domain}
	}
	if kind == api.AlertServerlessAppFirewall {
		e.SrcEndpoint = endpointOf(d.Subnet, 0, "")
		e.DstEndpoint = endpointOf("", 0, d.RequestHost)
	} else {
		e.DstEndpoint = endpointOf(d.IP, d.Port, d.Domain)
	}
	if e == (ocsfEvidence{}) {
		return nil
	}
	return []ocsfEvidence{e}
}

func endpointOf(ip string, port int, host string) *ocsfEndpoint {
	if ip == "" && port == 0 && host == "" {
		return nil
	}
	return &ocsfEndpoint{IP: ip, Port: port, Hostname: host}
}

// fileOf is a regular file at a path.
func fileOf(path string) *ocsfFile {
	if path == "" {
		return nil
	}
	return &ocsfFile{Name: path[strings.LastIndexByte(path, '/')+1:], Path: path, TypeID: 1}
}
