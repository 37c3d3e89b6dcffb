package api

import (
	"time"

	"github.com/autodefend/autodefend"
)

// Incident is Prisma's shared.Incident as far as it concerns functions.
type Incident struct {
	ID             string             `json:"_id"`
	AccountID      string             `json:"accountID,omitempty"`
	Acknowledged   bool               `json:"acknowledged"`
	AppID          string             `json:"appID,omitempty"`
	Audits         []autodefend.Audit `json:"audits"`
	Category       string             `json:"category"`
	Cluster        string             `json:"cluster,omitempty"`
	Collections    []string           `json:"collections,omitempty"`
	CustomRuleName string             `json:"customRuleName,omitempty"`
	FQDN           string             `json:"fqdn,omitempty"`
	Function       string             `json:"function,omitempty"`
	FunctionID     string             `json:"functionID,omitempty"`
	ProfileID      string             `json:"profileID,omitempty"`
	Provider       string             `json:"provider,omitempty"`
	Region         string             `json:"region,omitempty"`
	ResourceID     string             `json:"resourceID,omitempty"`
	Runtime        string             `json:"runtime,omitempty"`
	SerialNum      int64              `json:"serialNum"`
	Time           time.Time          `json:"time"`
	Type           string             `json:"type"`
}
