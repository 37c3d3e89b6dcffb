package audits

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// incidentWindow is the time whose audits of one function and category make one incident. Windows begin at full
	// hours, so that replicas and repetitions agree.
	incidentWindow = time.Hour
	// incidentAudits is how many audits an incident holds, the first ones.
	incidentAudits = 100
	// incidentFunction is the type of incidents of functions.
	incidentFunction = "function"
)

// category is the category of the incident that an audit of the runtime belongs to; "" when it makes none. What a rule
// denies is no incident: the rule's author expected it. Custom rules make none either, as their audits don't say
// whether the rule asks for one.
func category(attackType string) string {
	for _, c := range categories() {
		if slices.Contains(c.attacks, attackType) {
			return c.name
		}
	}
	return ""
}

// categories are those of incidents, with the attacks that make them.
func categories() []struct {
	name    string
	attacks []string
} {
	return []struct {
		name    string
		attacks []string
	}{
		{"cryptoMiner", []string{"cryptoMinerProcess"}},
		{"hijackedProcess", []string{"policyHijacked"}},
		{"executionFlowHijackAttempt", []string{"executionFlowHijackAttempt"}},
		{"reverseShell", []string{"reverseShell"}},
		{"suspiciousBinary", []string{"tmpfsProcess", "encryptedBinary", "suspiciousELFHeader", "unknownOriginBinary", "suidBinaries"}},
		{"malware", []string{
			"malwareProcessCustom", "malwareProcessFeed", "malwareFileCustom", "malwareFileFeed", "wildfireMalware", "malwareDownloaded", "webShell",
		}},
		{"alteredBinary", []string{"alteredBinary", "modifiedProcess"}},
		{"portScanning", []string{"horizontalPortScanning", "verticalPortScanning", "portScanProcess"}},
		{"lateralMovement", []string{"lateralMovementProcess"}},
		{"cloudProvider", []string{"cloudMetadataProbing"}},
		{"kubernetes", []string{"kubeletAPIAccess", "kubeletReadonlyAccess", "kubectlSpawned", "kubectlDownloaded"}},
		{"backdoorAdministrativeAccount", []string{"administrativeAccount"}},
		{"backdoorSSHAccess", []string{"sshAccess"}},
		{"dataExfiltration", []string{"feedIP", "customFeedIP", "feedDNS"}},
	}
}

// incidentID follows from what makes audits belong together, so that the same audits never make two incidents.
func incidentID(a *api.AuditRecord, category string) string {
	window := a.Time.UTC().Truncate(incidentWindow).Unix()
	who := a.FunctionID
	if who == "" {
		who = a.Account + "/" + a.Region + "/" + a.Function
	}
	sum := sha256.Sum256([]byte(who + "\x00" + category + "\x00" + strconv.FormatInt(window, 10)))
	return hex.EncodeToString(sum[:12])
}

// makeIncidents adds audits to their incidents.
func (s *Service) makeIncidents(ctx context.Context, audits []api.AuditRecord) error {
	incidents := make(map[string][]*api.AuditRecord)
	var order []string
	for i := range audits {
		a := &audits[i]
		c := category(a.AttackType)
		if c == "" {
			continue
		}
		id := incidentID(a, c)
		if incidents[id] == nil {
			order = append(order, id)
		}
		incidents[id] = append(incidents[id], a)
	}
	for _, id := range order {
		if err := s.addToIncident(ctx, id, incidents[id]); err != nil {
			return fmt.Errorf("make incident: %w", err)
		}
	}
	return nil
}

// addToIncident makes an incident or adds audits to it. Audits that it has already change nothing.
func (s *Service) addToIncident(ctx context.Context, id string, audits []*api.AuditRecord) error {
	found, _, err := s.Incidents.Incidents(ctx, api.IncidentQuery{IDs: []string{id}, Page: api.Page{Limit: 1}})
	if err != nil {
		return err
	}
	changed := len(found) == 0
	incident := api.Incident{}
	for _, record := range audits {
		var a api.RuntimeAudit
		if err := json.Unmarshal(record.Body, &a); err != nil {
			return &autodefend.Error{Code: autodefend.CodeInternal, Message: "read a stored audit", Err: err}
		}
		if len(found) == 0 {
			found = []api.Incident{newIncident(id, record, a)}
		}
		incident = found[0]
		has := slices.ContainsFunc(incident.Audits, func(known autodefend.Audit) bool { return known.ID == a.ID })
		if has || len(incident.Audits) >= incidentAudits {
			continue
		}
		incident.Audits = append(incident.Audits, a.Audit)
		if a.Time.Before(incident.Time) {
			incident.Time = a.Time
		}
		found[0], changed = incident, true
	}
	if !changed {
		return nil
	}
	return s.Incidents.PutIncident(ctx, incident)
}

// newIncident is one without its audits.
func newIncident(id string, record *api.AuditRecord, a api.RuntimeAudit) api.Incident {
	return api.Incident{
		ID: id, AccountID: record.Account, Category: category(record.AttackType), Cluster: record.Region, Collections: a.Collections,
		FQDN: a.FQDN, Function: record.Function, FunctionID: record.FunctionID, ProfileID: record.FunctionID, Provider: record.Provider,
		Region: record.Region, ResourceID: record.FunctionID, Runtime: record.Runtime, Time: a.Time, Type: incidentFunction,
	}
}
