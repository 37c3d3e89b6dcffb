package audits

import (
	"context"
	"net/http"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// oldAuditRoutes are endpoints that newer versions of Prisma's API don't have.
func (s *Service) oldAuditRoutes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/audits/runtime/serverless/filters", Permission: api.PermMonitorRuntimeServerless, Prisma: true,
			Query:   queryOf(api.AuditParams(api.StreamRuntime)),
			Summary: "Lists the values that parameters of /audits/runtime/serverless have in stored audits.", Response: api.AuditFilters{},
			Handle: s.filters,
		},
		{
			Method: http.MethodDelete, Path: "/audits/runtime/serverless", Permission: api.PermMonitorRuntimeServerless, Write: true, Prisma: true,
			Summary: "Removes all audits of the runtime.", Handle: s.removeAll,
		},
	}
}

// filtersLimit is how many values of one parameter are listed.
const filtersLimit = 100

func (s *Service) filters(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, err := s.filter(ctx, c, api.StreamRuntime)
	if err != nil {
		return route.Answer{}, err
	}
	var all api.AuditFilters
	for _, column := range []struct {
		name string
		into *[]string
	}{
		{"attackType", &all.AttackType},
		{"effect", &all.Effect},
		{"function", &all.Function},
		{"region", &all.Region},
		{"rule", &all.RuleName},
		{"runtime", &all.Runtime},
		{"severity", &all.Severity},
		{"type", &all.Type},
		{"account", &all.AccountID},
	} {
		tallies, err := s.Audits.Tally(ctx, f.Query, column.name, filtersLimit)
		if err != nil {
			return route.Answer{}, err
		}
		*column.into = []string{}
		for _, t := range tallies {
			if t.Value != "" {
				*column.into = append(*column.into, t.Value)
			}
		}
	}
	return route.Answer{JSON: all}, nil
}

// removeAll removes the audits that there are now.
func (s *Service) removeAll(ctx context.Context, c *route.Call) (route.Answer, error) {
	if c.Principal.Limited() {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "you may see some collections only, and this removes audits of all").
			WithHint("ask somebody without collections")
	}
	now := s.Now().UTC()
	if err := s.MgmtAudits.AddMgmt(ctx, s.mgmt(c, api.MgmtSettings, "all audits of the runtime are removed")); err != nil {
		return route.Answer{}, err
	}
	for {
		n, err := s.Retention.Expire(ctx, api.StreamRuntime, now, expireBatch)
		if err != nil || n == 0 {
			return route.Answer{}, err
		}
	}
}

// mgmt is the management audit of a request.
func (s *Service) mgmt(c *route.Call, t api.MgmtType, diff string) api.MgmtAudit {
	return api.MgmtAudit{
		API: c.API, Diff: diff, SourceIP: c.SourceIP, Time: s.Now().UTC(), Type: t, Username: c.Principal.Username,
	}
}
