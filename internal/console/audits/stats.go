package audits

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) statRoutes() []route.Route {
	window := []route.Param{
		{Name: "from", Summary: "Not before this time.", Type: "time"},
		{Name: "to", Summary: "Not after this time.", Type: "time"},
	}
	scope := []route.Param{
		{Name: "collections", Summary: "Only functions in these collections.", Type: "string", Many: true},
		{Name: "accountIDs", Summary: "Only functions of these accounts.", Type: "string", Many: true},
		{Name: "attackTechniques", Summary: "MITRE's techniques.", Type: "string", Many: true},
	}
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/stats/events", Permission: api.PermAccessUI, Prisma: true, Query: append(scope, window...),
			Summary: "Counts audits by their kind.", Response: api.EventStats{}, Handle: s.eventStats,
		},
		{
			Method: http.MethodGet, Path: "/stats/app-firewall/count", Permission: api.PermAccessUI, Prisma: true,
			Summary: "Counts the firewalls that the policy defines.", Response: 0, Handle: s.firewallCount,
		},
		{
			Method: http.MethodGet, Path: "/stats/daily", Permission: api.PermAccessUI, Prisma: true,
			Summary: "Counts audits and incidents of each of the last 30 days.", Response: []api.DailyStats{}, Handle: s.dailyStats,
		},
		{
			Method: http.MethodGet, Path: "/stats/dashboard", Permission: api.PermAccessUI, Prisma: true,
			Summary: "Counts the Defenders that are connected.", Response: api.Trends{}, Handle: s.dashboard,
		},
		{
			Method: http.MethodGet, Path: "/stats/license", Permission: api.PermAccessUI, Prisma: true,
			Summary: "Tells what is used of the license: nothing is metered.", Response: api.LicenseStats{}, Handle: s.licenseStats,
		},
		{
			Method: http.MethodGet, Path: "/audits/overview", Permission: api.PermAccessUI, Query: append(scope, window...),
			Summary:  "Counts audits by type, effect, function, region, account and rule, of the last 7 days unless asked otherwise.",
			Response: api.Overview{}, Handle: s.overview,
		},
	}
}

// streams are what a query for both asks of each.
func (s *Service) streams(ctx context.Context, c *route.Call) (map[api.Stream]api.AuditQuery, error) {
	both := make(map[api.Stream]api.AuditQuery, 2)
	for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
		f, err := s.filter(ctx, c, stream)
		if err != nil {
			return nil, err
		}
		both[stream] = api.AuditQuery{
			Stream: stream, From: f.Query.From, To: f.Query.To, Scopes: f.Query.Scopes, Accounts: f.Query.Accounts,
			Techniques: f.Query.Techniques,
		}
	}
	return both, nil
}

func (s *Service) eventStats(ctx context.Context, c *route.Call) (route.Answer, error) {
	both, err := s.streams(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	var stats api.EventStats
	for stream, into := range map[api.Stream]*int{api.StreamRuntime: &stats.ServerlessRuntime, api.StreamFirewall: &stats.ServerlessAppFirewall} {
		if *into, err = s.totalOf(ctx, both[stream]); err != nil {
			return route.Answer{}, err
		}
	}
	return route.Answer{JSON: stats}, nil
}

// totalOf counts the audits that a query finds, from rollups where the store has some.
func (s *Service) totalOf(ctx context.Context, q api.AuditQuery) (int, error) {
	tallies, err := s.Audits.Tally(ctx, q, "type", filtersLimit)
	total := 0
	for _, t := range tallies {
		total += t.Count
	}
	return total, err
}

// firewallCount counts the apps of the firewall's rules that aren't disabled.
func (s *Service) firewallCount(ctx context.Context, _ *route.Call) (route.Answer, error) {
	document, err := s.Documents.Document(ctx, api.KindFirewallPolicy, "")
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return route.Answer{JSON: 0}, nil
	}
	if err != nil {
		return route.Answer{}, err
	}
	var policy struct {
		Rules []struct {
			Disabled         bool
			ApplicationsSpec []json.RawMessage
		}
	}
	if err := json.Unmarshal(document.Body, &policy); err != nil {
		return route.Answer{}, &autodefend.Error{Code: autodefend.CodeInternal, Message: "read the firewall's policy", Err: err}
	}
	count := 0
	for _, rule := range policy.Rules {
		if !rule.Disabled {
			count += len(rule.ApplicationsSpec)
		}
	}
	return route.Answer{JSON: count}, nil
}

// statDays is how many days there are in the daily statistics, the last one being today in UTC.
const statDays = 30

func (s *Service) dailyStats(ctx context.Context, c *route.Call) (route.Answer, error) {
	scopes, err := s.scopes(ctx, c, nil)
	if err != nil {
		return route.Answer{}, err
	}
	const day = 24 * time.Hour
	today := s.Now().UTC().Truncate(day)
	days := make([]api.DailyStats, statDays)
	for i := range days {
		start := today.Add(time.Duration(i-statDays+1) * day)
		if days[i], err = s.dayStats(ctx, start, start.Add(day-time.Millisecond), scopes); err != nil {
			return route.Answer{}, err
		}
	}
	return route.Answer{JSON: days}, nil
}

func (s *Service) dayStats(ctx context.Context, from, to time.Time, scopes []api.FunctionScope) (api.DailyStats, error) {
	d := api.DailyStats{ID: from.Format(time.DateOnly), AppFirewall: map[string]int{}, Time: from.Unix()}
	runtime, err := s.Audits.Tally(ctx, api.AuditQuery{Stream: api.StreamRuntime, From: from, To: to, Scopes: scopes}, "type", filtersLimit)
	if err != nil {
		return d, err
	}
	for _, t := range runtime {
		switch t.Value {
		case string(autodefend.AuditProcesses):
			d.Serverless.Processes = t.Count
		case string(autodefend.AuditNetwork):
			d.Serverless.Network = t.Count
		case string(autodefend.AuditFilesystem):
			d.Serverless.Filesystem = t.Count
		case "kubernetes":
			d.Serverless.Kubernetes = t.Count
		}
	}
	firewall, err := s.Audits.Tally(ctx, api.AuditQuery{Stream: api.StreamFirewall, From: from, To: to, Scopes: scopes}, "type", filtersLimit)
	if err != nil {
		return d, err
	}
	for _, t := range firewall {
		d.AppFirewall[t.Value] = t.Count
	}
	_, d.IncidentsCount, err = s.Incidents.Incidents(ctx, api.IncidentQuery{From: from, To: to, Scopes: scopes, Page: api.Page{Limit: 1}})
	return d, err
}

func (s *Service) dashboard(ctx context.Context, c *route.Call) (route.Answer, error) {
	connected, _, err := s.countDefenders(ctx, c)
	return route.Answer{JSON: api.Trends{
		ComplianceTrend: []any{}, DefendersSummary: map[string]int{api.CategoryServerless: connected}, VulnerabilitySummary: map[string]int{},
	}}, err
}

func (s *Service) licenseStats(ctx context.Context, c *route.Call) (route.Answer, error) {
	connected, _, err := s.countDefenders(ctx, c)
	return route.Answer{JSON: api.LicenseStats{MonthlyUsage: []any{}, ProtectedFunctions: connected}}, err
}

const (
	// overviewTime is what an overview shows unless asked otherwise.
	overviewTime = 7 * 24 * time.Hour
	// overviewLimit is how many values of a column it shows.
	overviewLimit = 10
)

func (s *Service) overview(ctx context.Context, c *route.Call) (route.Answer, error) {
	both, err := s.streams(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	var o api.Overview
	for stream, into := range map[api.Stream]*api.StreamOverview{api.StreamRuntime: &o.Runtime, api.StreamFirewall: &o.Firewall} {
		q := both[stream]
		if q.To.IsZero() {
			q.To = s.Now().UTC().Truncate(time.Millisecond)
		}
		if q.From.IsZero() {
			q.From = q.To.Add(-overviewTime)
		}
		o.From, o.To = q.From, q.To
		if *into, err = s.streamOverview(ctx, q); err != nil {
			return route.Answer{}, err
		}
	}
	return route.Answer{JSON: o}, nil
}

func (s *Service) streamOverview(ctx context.Context, q api.AuditQuery) (api.StreamOverview, error) {
	var o api.StreamOverview
	for _, column := range []struct {
		name  string
		limit int
		into  *[]api.Tally
	}{
		{"type", filtersLimit, &o.Types},
		{"effect", filtersLimit, &o.Effects},
		{"function", overviewLimit, &o.Functions},
		{"region", overviewLimit, &o.Regions},
		{"account", overviewLimit, &o.Accounts},
		{"rule", overviewLimit, &o.Rules},
	} {
		tallies, err := s.Audits.Tally(ctx, q, column.name, column.limit)
		if err != nil {
			return o, err
		}
		*column.into = append([]api.Tally{}, tallies...)
	}
	for _, t := range o.Types {
		o.Total += t.Count
	}
	return o, nil
}
