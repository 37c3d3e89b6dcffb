package audits

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) defenderRoutes() []route.Route {
	query := queryOf(api.DefenderParams())
	const layers = "Defenders of functions come in a layer: POST /api/v1/images/twistlock_defender_layer.zip"
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/defenders", Permission: api.PermManageDefenders, List: true, Prisma: true, Query: query,
			Summary: "Lists Defenders: one for each function that was heard of.", Response: []api.Defender{}, Handle: s.listDefenders,
		},
		{
			Method: http.MethodGet, Path: "/defenders/names", Permission: api.PermManageDefenders, List: true, Prisma: true, Query: query,
			Summary: "Lists the names of Defenders: the ARNs of their functions.", Response: []string{}, Handle: s.defenderNames,
		},
		{
			Method: http.MethodGet, Path: "/defenders/summary", Permission: api.PermManageDefenders, Prisma: true,
			Summary: "Counts Defenders.", Response: []api.DefenderSummary{}, Handle: s.defenderSummary,
		},
		{
			Method: http.MethodGet, Path: "/defenders/download", Permission: api.PermManageDefenders, List: true, Prisma: true, Query: query,
			Summary: "Downloads the list of Defenders as CSV.", Response: "", Media: mediaCSV, Handle: s.downloadDefenders,
		},
		{
			Method: http.MethodGet, Path: "/defenders/image-name", Permission: api.PermManageDefenders, Prisma: true,
			Summary: "Answers that there is no image: Defenders of functions come in a layer.",
			Handle: func(context.Context, *route.Call) (route.Answer, error) {
				return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there is no Defender image").WithHint(layers)
			},
		},
		{
			Method: http.MethodGet, Path: "/defenders/install-bundle", Permission: api.PermManageDefenders, Prisma: true,
			Summary: "Answers that there is no install bundle: Defenders of functions come in a layer.",
			Handle: func(context.Context, *route.Call) (route.Answer, error) {
				return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "there is no install bundle for functions").WithHint(layers)
			},
		},
		{
			Method: http.MethodDelete, Path: "/defenders/{id}", Permission: api.PermManageDefenders, Write: true, Prisma: true,
			Summary: "Forgets a Defender until it is heard of again.", Handle: s.forgetDefender,
		},
	}
}

// connectedSince is when a Defender must have been heard of to be connected. Functions sleep, so the time is a day unless
// the settings say otherwise.
func (s *Service) connectedSince(ctx context.Context) (time.Time, error) {
	const day, daysMax = 24 * time.Hour, 3650
	days := 1
	document, err := s.Documents.Document(ctx, api.KindSettings, "defender")
	switch autodefend.ErrorCode(err) {
	case "":
		var settings struct{ DisconnectPeriodDays int }
		if err := json.Unmarshal(document.Body, &settings); err != nil {
			s.Log.Warn("read the Defenders' settings", slog.Any("error", err))
		}
		if settings.DisconnectPeriodDays > 0 {
			days = min(settings.DisconnectPeriodDays, daysMax)
		}
	case autodefend.CodeNotFound:
	default:
		return time.Time{}, err
	}
	return s.Now().UTC().Add(-time.Duration(days) * day), nil
}

// countDefenders returns how many are connected, and all, of those that the caller may see.
func (s *Service) countDefenders(ctx context.Context, c *route.Call) (int, int, error) {
	since, err := s.connectedSince(ctx)
	if err != nil {
		return 0, 0, err
	}
	scopes, err := s.scopes(ctx, c, nil)
	if err != nil {
		return 0, 0, err
	}
	if scopes == nil {
		return s.Defenders.CountDefenders(ctx, since)
	}
	one := api.Page{Limit: 1}
	_, connected, err := s.Defenders.Defenders(ctx, api.DefenderQuery{Scopes: scopes, SeenSince: since, Page: one})
	if err != nil {
		return 0, 0, err
	}
	_, all, err := s.Defenders.Defenders(ctx, api.DefenderQuery{Scopes: scopes, Page: one})
	return connected, all, err
}

// defenderFilter reads what is asked for, adds what the caller may see, and returns since when Defenders are connected.
func (s *Service) defenderFilter(ctx context.Context, c *route.Call) (api.DefenderFilter, time.Time, error) {
	f, err := api.ParseDefenderFilter(c.Query)
	if err != nil {
		return f, time.Time{}, err
	}
	since, err := s.connectedSince(ctx)
	if err != nil {
		return f, since, err
	}
	if f.Connected != nil && *f.Connected {
		f.Query.SeenSince = since
	} else if f.Connected != nil {
		f.Query.NotSeenSince = since
	}
	f.Query.Page.Sort = defenderColumn(f.Query.Page.Sort)
	f.Query.Scopes, err = s.scopes(ctx, c, f.Collections)
	return f, since, err
}

// defenderColumn is what the store calls a member that the list is sorted by.
func defenderColumn(member string) string {
	switch member {
	case "hostname":
		return "functionID"
	case "fqdn":
		return "function"
	case "lastModified":
		return "lastSeen"
	default:
		return member
	}
}

// readDefenders reads one page.
func (s *Service) readDefenders(ctx context.Context, f api.DefenderFilter, since time.Time, page api.Page) ([]api.Defender, int, error) {
	if f.Nothing {
		return nil, 0, nil
	}
	q := f.Query
	q.Page = page
	records, total, err := s.Defenders.Defenders(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	members := s.collectionsOf(ctx)
	defenders := make([]api.Defender, len(records))
	for i, r := range records {
		defenders[i] = api.NewDefender(r, since)
		defenders[i].Collections = members.names(r.Account, r.Region, r.Function)
	}
	return defenders, total, nil
}

func (s *Service) listDefenders(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, since, err := s.defenderFilter(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	defenders, total, err := s.readDefenders(ctx, f, since, f.Query.Page)
	if err != nil {
		return route.Answer{}, err
	}
	return listedValues(defenders, f.Fields, total)
}

func (s *Service) defenderNames(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, since, err := s.defenderFilter(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	defenders, total, err := s.readDefenders(ctx, f, since, f.Query.Page)
	if err != nil {
		return route.Answer{}, err
	}
	names := make([]string, len(defenders))
	for i, d := range defenders {
		names[i] = d.Hostname
	}
	return listedValues(names, nil, total)
}

func (s *Service) defenderSummary(ctx context.Context, c *route.Call) (route.Answer, error) {
	connected, all, err := s.countDefenders(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	return route.Answer{JSON: []api.DefenderSummary{{Category: api.CategoryServerless, Connected: connected, Deployed: all, Licensed: all}}}, nil
}

func (s *Service) downloadDefenders(ctx context.Context, c *route.Call) (route.Answer, error) {
	f, since, err := s.defenderFilter(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	return writeCSV(c, columns(f.Fields, api.DefenderFields()), allPages(func(page api.Page) ([]api.Defender, int, error) {
		page.Sort = defenderColumn("hostname") // an order that doesn't change while the pages are read
		return s.readDefenders(ctx, f, since, page)
	}))
}

func (s *Service) forgetDefender(ctx context.Context, c *route.Call) (route.Answer, error) {
	id := c.Path["id"]
	scopes, err := s.scopes(ctx, c, nil)
	if err != nil {
		return route.Answer{}, err
	}
	found, _, err := s.Defenders.Defenders(ctx, api.DefenderQuery{IDs: []string{id}, Scopes: scopes, Page: api.Page{Limit: 1}})
	if err != nil {
		return route.Answer{}, err
	}
	if len(found) == 0 {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there is no Defender %.300q", id).
			WithHint("the id is the member hostname of GET /defenders")
	}
	if err := s.MgmtAudits.AddMgmt(ctx, s.mgmt(c, api.MgmtSettings, "Defender "+id+" is forgotten")); err != nil {
		return route.Answer{}, err
	}
	return route.Answer{}, s.Defenders.ForgetDefender(ctx, id)
}
