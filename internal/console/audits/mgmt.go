package audits

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) mgmtRoutes() []route.Route {
	query := queryOf(api.MgmtParams())
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/audits/mgmt", Permission: api.PermSystemLogs, List: true, Prisma: true, Query: query,
			Summary: "Lists management audits: who changed what, the newest first.", Response: []api.MgmtAudit{}, Handle: s.listMgmt,
		},
		{
			Method: http.MethodGet, Path: "/audits/mgmt/download", Permission: api.PermSystemLogs, List: true, Prisma: true, Query: query,
			Summary: "Downloads management audits as CSV.", Response: "", Media: mediaCSV, Handle: s.downloadMgmt,
		},
		{
			Method: http.MethodGet, Path: "/audits/mgmt/filters", Permission: api.PermSystemLogs, Prisma: true, Query: query,
			Summary: "Lists the types and users of management audits.", Response: api.MgmtFilters{}, Handle: s.mgmtFilters,
		},
	}
}

func (s *Service) listMgmt(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, err := api.ParseMgmtFilter(c.Query)
	if err != nil {
		return route.Answer{}, err
	}
	audits, total, err := s.MgmtAudits.MgmtAudits(ctx, f.Query)
	if err != nil {
		return route.Answer{}, err
	}
	return listedValues(audits, f.Fields, total)
}

func (s *Service) downloadMgmt(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, err := api.ParseMgmtFilter(c.Query)
	if err != nil {
		return route.Answer{}, err
	}
	if f.Query.To.IsZero() {
		f.Query.To = s.Now().UTC() // what comes meanwhile would move the pages
	}
	return writeCSV(c, columns(f.Fields, api.MgmtFields()), allPages(func(page api.Page) ([]api.MgmtAudit, int, error) {
		q := f.Query
		q.Page = page
		return s.MgmtAudits.MgmtAudits(ctx, q)
	}))
}

// mgmtFiltersMax is how many management audits are looked at for their values, the newest.
const mgmtFiltersMax = 10_000

func (s *Service) mgmtFilters(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, err := api.ParseMgmtFilter(c.Query)
	if err != nil {
		return route.Answer{}, err
	}
	types, users := map[string]bool{}, map[string]bool{}
	for f.Query.Page = (api.Page{Limit: listPage}); f.Query.Page.Offset < mgmtFiltersMax; f.Query.Page.Offset += listPage {
		audits, _, err := s.MgmtAudits.MgmtAudits(ctx, f.Query)
		if err != nil {
			return route.Answer{}, err
		}
		for _, a := range audits {
			types[string(a.Type)], users[a.Username] = true, true
		}
		if len(audits) < listPage {
			break
		}
	}
	sorted := func(set map[string]bool) []string { return append([]string{}, slices.Sorted(maps.Keys(set))...) }
	return route.Answer{JSON: api.MgmtFilters{Type: sorted(types), Username: sorted(users)}}, nil
}
