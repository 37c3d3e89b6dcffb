package alerting

import (
	"context"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// list returns the profiles as they were written, with the Console's last error in place of secrets.
func (s *Service) list(ctx context.Context, c *route.Call) (route.Answer, error) {
	page, err := pageOf(c.Query, maxProfiles)
	if err != nil {
		return route.Answer{}, err
	}
	all, err := s.loadProfiles(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	statuses, err := s.statuses(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	search := strings.ToLower(c.Query.Get("search"))
	shown := make([]map[string]any, 0, len(all))
	for _, p := range all {
		if !strings.Contains(strings.ToLower(p.Name), search) {
			continue
		}
		members := maps.Clone(p.members)
		members["lastError"] = statuses[p.Name].text(channels(p))
		shown = append(shown, members)
	}
	return listed(cutPage(shown, page), len(shown)), nil
}

// names returns the profiles' names.
func (s *Service) names(ctx context.Context, _ *route.Call) (route.Answer, error) {
	all, err := s.loadProfiles(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	names := make([]string, 0, len(all))
	for _, p := range all {
		names = append(names, p.Name)
	}
	return listed(names, len(names)), nil
}

// listed answers with a page of a list.
func listed(page any, total int) route.Answer {
	return route.Answer{JSON: page, Header: map[string]string{"Total-Count": strconv.Itoa(total)}}
}

// cutPage returns a part of a list.
func cutPage[T any](all []T, page api.Page) []T {
	from := min(page.Offset, len(all))
	return all[from:min(from+page.Limit, len(all))]
}

// pageOf reads offset and limit; without a limit it's the largest.
func pageOf(query url.Values, most int) (api.Page, error) {
	page := api.Page{Limit: most}
	for name, into := range map[string]*int{"offset": &page.Offset, "limit": &page.Limit} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return api.Page{}, autodefend.Errorf(autodefend.CodeInvalid, "%s: isn't a number from 0 on", name)
		}
		*into = n
	}
	if page.Limit == 0 || page.Limit > most {
		page.Limit = most
	}
	return page, nil
}
