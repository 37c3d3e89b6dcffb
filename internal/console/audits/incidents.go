package audits

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) incidentRoutes() []route.Route {
	query := queryOf(api.IncidentParams())
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/audits/incidents", Permission: api.PermMonitorRuntimeIncidents, List: true, Prisma: true, Query: query,
			Summary: "Lists incidents, the newest first.", Response: []api.Incident{}, Handle: s.listIncidents,
		},
		{
			Method: http.MethodGet, Path: "/audits/incidents/download", Permission: api.PermMonitorRuntimeIncidents, List: true, Prisma: true, Query: query,
			Summary: "Downloads incidents as CSV.", Response: "", Media: mediaCSV, Handle: s.downloadIncidents,
		},
		{
			Method: http.MethodPatch, Path: "/audits/incidents/acknowledge/{id}", Permission: api.PermMonitorRuntimeIncidents, Write: true, Prisma: true,
			Summary: "Acknowledges an incident, or takes that back.", Request: api.Acknowledgement{}, MaxBody: 4 << 10,
			Handle: s.acknowledge,
		},
	}
}

// incidentFilter reads what is asked for, and adds what the caller may see.
func (s *Service) incidentFilter(ctx context.Context, c *route.Call) (api.IncidentFilter, error) {
	f, err := api.ParseIncidentFilter(c.Query)
	if err != nil {
		return f, err
	}
	f.Query.Scopes, err = s.scopes(ctx, c, f.Collections)
	if len(f.AccountIDs) > 0 && err == nil {
		f.Query.Scopes = ofAccounts(f.Query.Scopes, f.AccountIDs)
	}
	return f, err
}

// ofAccounts leaves of scopes what belongs to some accounts: a scope can't hold both lists, so each account makes its
// own, and a scope that excludes the account, or names others, falls away.
func ofAccounts(scopes []api.FunctionScope, accounts []string) []api.FunctionScope {
	if scopes == nil {
		return []api.FunctionScope{{Accounts: accounts}}
	}
	left := []api.FunctionScope{}
	for _, scope := range scopes {
		for _, account := range accounts {
			if (api.FunctionScope{Accounts: scope.Accounts}).Holds(account, "", "") {
				left = append(left, api.FunctionScope{Accounts: []string{account}, Functions: scope.Functions, Regions: scope.Regions})
			}
		}
	}
	if len(left) == 0 {
		return nothing()
	}
	return left
}

// nothing is a scope without functions.
func nothing() []api.FunctionScope {
	return []api.FunctionScope{{Functions: []string{"no such function"}}}
}

func (s *Service) listIncidents(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, err := s.incidentFilter(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	if f.Nothing {
		return listed(nil, 0), nil
	}
	incidents, total, err := s.Incidents.Incidents(ctx, f.Query)
	if err != nil {
		return route.Answer{}, err
	}
	return listedValues(incidents, f.Fields, total)
}

func (s *Service) downloadIncidents(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, err := s.incidentFilter(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	read := func(page api.Page) ([]api.Incident, int, error) {
		if f.Nothing {
			return nil, 0, nil
		}
		q := f.Query
		q.Page = page
		return s.Incidents.Incidents(ctx, q)
	}
	if f.Query.To.IsZero() {
		f.Query.To = s.Now().UTC() // what comes meanwhile would move the pages
	}
	return writeCSV(c, columns(f.Fields, api.IncidentFields()), allPages(read))
}

func (s *Service) acknowledge(ctx context.Context, c *route.Call) (route.Answer, error) {
	var body struct{ Acknowledged *bool }
	if err := json.Unmarshal(c.Body, &body); err != nil || body.Acknowledged == nil {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "acknowledged: is missing, or neither true nor false").
			WithHint(`send {"acknowledged": true}`)
	}
	id := c.Path["id"]
	scopes, err := s.scopes(ctx, c, nil)
	if err != nil {
		return route.Answer{}, err
	}
	found, _, err := s.Incidents.Incidents(ctx, api.IncidentQuery{IDs: []string{id}, Scopes: scopes, Page: api.Page{Limit: 1}})
	if err != nil {
		return route.Answer{}, err
	}
	if len(found) == 0 {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there is no incident %.80q", id)
	}
	diff := fmt.Sprintf("incident %s: acknowledged %t -> %t", id, found[0].Acknowledged, *body.Acknowledged)
	audit := s.mgmt(c, api.MgmtSettings, diff)
	return route.Answer{}, s.Incidents.Acknowledge(ctx, id, *body.Acknowledged, &audit)
}
