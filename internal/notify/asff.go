package notify

import (
	"cmp"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Bounds of the AWS Security Finding Format, in characters.
const (
	asffTitle       = 256
	asffDescription = 1024
	asffField       = 2048
	noAccount       = "000000000000"
)

// asffFinding is a finding of AWS Security Hub.
type asffFinding struct {
	SchemaVersion string
	ID            string `json:"Id"`
	ProductARN    string `json:"ProductArn"`
	ProductName   string
	CompanyName   string
	GeneratorID   string `json:"GeneratorId"`
	AwsAccountID  string `json:"AwsAccountId"`
	Types         []string
	CreatedAt     string
	UpdatedAt     string
	Severity      struct{ Label string }
	Title         string
	Description   string
	Resources     []asffResource
	ProductFields map[string]string
	Process       *asffProcess `json:",omitempty"`
	Network       *asffNetwork `json:",omitempty"`
	Workflow      struct{ Status string }
	RecordState   string
}

type asffResource struct {
	Type      string
	ID        string `json:"Id"`
	Partition string
	Region    string       `json:",omitempty"`
	Details   *asffDetails `json:",omitempty"`
}

type asffDetails struct {
	AwsLambdaFunction asffFunction
}

type asffFunction struct {
	FunctionName string `json:",omitempty"`
	Runtime      string `json:",omitempty"`
}

type asffProcess struct {
	Name string `json:",omitempty"`
	Path string `json:",omitempty"`
	PID  int    `json:"Pid,omitempty"`
}

type asffNetwork struct {
	Direction         string
	DestinationDomain string `json:",omitempty"`
	DestinationIPV4   string `json:"DestinationIpV4,omitempty"`
	DestinationIPV6   string `json:"DestinationIpV6,omitempty"`
	DestinationPort   int    `json:",omitempty"`
}

// asff writes one audit. Security Hub takes findings in the account of the function only.
func (n *Notifier) asff(alert api.Alert, a api.AlertAudit) asffFinding {
	partition, region, account := place(a)
	f := asffFinding{
		SchemaVersion: "2018-10-08",
		ID:            cut(account+"/autodefend/"+string(alert.Kind)+"/"+a.ID, 512),
		ProductARN:    "arn:" + partition + ":securityhub:" + region + ":" + account + ":product/" + account + "/default",
		ProductName:   "Autodefend", CompanyName: "Autodefend",
		GeneratorID:  cut("autodefend/"+cmp.Or(a.Rule, string(alert.Kind)), 512),
		AwsAccountID: account, Types: []string{asffType(alert.Kind)},
		CreatedAt: asffTime(a.Time), UpdatedAt: asffTime(a.Time),
		Title:       cut(title(alert, a), asffTitle),
		Description: cut(cmp.Or(clean(a.Msg, asffDescription), title(alert, a)), asffDescription),
		Resources: []asffResource{{
			Type: "AwsLambdaFunction", ID: cut(cmp.Or(a.FunctionID, a.Function, "unknown"), 512), Partition: partition, Region: region,
			Details: &asffDetails{AwsLambdaFunction: asffFunction{FunctionName: a.Function, Runtime: a.Runtime}},
		}},
		ProductFields: productFields(a),
		RecordState:   "ACTIVE",
	}
	f.Severity.Label = strings.ToUpper(severityOf(a))
	f.Workflow.Status = "NEW"
	if alert.Kind == api.AlertServerlessRuntime {
		f.Process, f.Network = happened(detailsOf(a))
	}
	return f
}

// place is where the function is: of its ARN where the audit doesn't say.
func place(a api.AlertAudit) (string, string, string) {
	at, err := autodefend.ParseFunctionARN(a.FunctionID)
	if err != nil {
		return "aws", cmp.Or(a.Region, "us-east-1"), cmp.Or(a.Account, noAccount)
	}
	return at.Partition, cmp.Or(a.Region, at.Region), cmp.Or(a.Account, at.Account)
}

func asffType(kind api.AlertKind) string {
	if kind == api.AlertServerlessAppFirewall {
		return "TTPs/Initial Access"
	}
	return "Unusual Behaviors/Serverless"
}

func asffTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// productFields are the audit's members that have no place of their own.
func productFields(a api.AlertAudit) map[string]string {
	fields := make(map[string]string)
	for name, value := range map[string]string{
		"autodefend/effect": a.Effect, "autodefend/rule": a.Rule, "autodefend/type": a.Type, "autodefend/attackType": a.AttackType,
		"autodefend/requestId": a.RequestID, "autodefend/techniques": strings.Join(a.Techniques, ","), "autodefend/runtime": a.Runtime,
	} {
		if value != "" {
			fields[name] = cut(value, asffField)
		}
	}
	return fields
}

// happened are the process and the connection of an audit.
func happened(d details) (*asffProcess, *asffNetwork) {
	var process *asffProcess
	if d.ProcessPath != "" || d.PID != 0 {
		process = &asffProcess{Path: cut(d.ProcessPath, 512), PID: d.PID}
		process.Name = cut(d.ProcessPath[strings.LastIndexByte(d.ProcessPath, '/')+1:], 64)
	}
	if d.IP == "" && d.Domain == "" && d.Port == 0 {
		return process, nil
	}
	network := &asffNetwork{Direction: "OUT", DestinationDomain: cut(d.Domain, 128), DestinationPort: d.Port}
	if strings.Contains(d.IP, ":") {
		network.DestinationIPV6 = d.IP
	} else {
		network.DestinationIPV4 = d.IP
	}
	return process, network
}
