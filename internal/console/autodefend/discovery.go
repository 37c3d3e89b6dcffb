package autodefend

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// lambdaOnly reports whether the filters of a discovery ask for AWS Lambda at all.
func lambdaOnly(c *route.Call) bool {
	for name, only := range map[string]string{"provider": "aws", "serviceType": api.ServiceLambda} {
		if wanted := texts(c.Query, name); len(wanted) > 0 && !slices.Contains(wanted, only) {
			return false
		}
	}
	for _, name := range []string{"registry", "zone", "project"} {
		if len(texts(c.Query, name)) > 0 {
			return false
		}
	}
	agentless, err := flag(c.Query, "agentless")
	return err == nil && (agentless == nil || !*agentless)
}

// results are the sites that a discovery asks for. Without restriction they come from what was summed up when they were
// listed; a caller who sees some functions only gets the counts of those.
func (s *Service) results(ctx context.Context, c *route.Call) ([]api.CloudDiscoveryResult, error) {
	out := []api.CloudDiscoveryResult{}
	if !lambdaOnly(c) {
		return out, nil
	}
	st, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := s.counts(ctx, c, st)
	if err != nil {
		return nil, err
	}
	for _, site := range st.sites {
		n, some := counts[site.Account+"/"+site.Region]
		if !some || !wanted(c, site) {
			continue
		}
		r := api.CloudDiscoveryResult{
			AccountID: site.Account, AccountName: site.Account, Collections: []string{}, CredentialID: site.Credential, Err: site.Error,
			Provider: "aws", Region: site.Region, ServiceType: api.ServiceLambda,
			Total: n.Count, Defended: n.Defended, Undefended: n.Count - n.Defended,
		}
		if n.Count > 0 {
			r.DefenseCoverage = 100 * n.Defended / n.Count
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b api.CloudDiscoveryResult) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Region, b.Region))
	})
	return out, nil
}

// wanted applies the filters of sites.
func wanted(c *route.Call, site siteSummary) bool {
	for name, have := range map[string]string{
		"credentialID": site.Credential, "accountName": site.Account, "accountIDs": site.Account, "region": site.Region,
	} {
		if list := texts(c.Query, name); len(list) > 0 && !slices.Contains(list, have) {
			return false
		}
	}
	return true
}

// counts are the functions of each site that the caller sees.
func (s *Service) counts(ctx context.Context, c *route.Call, st *state) (map[string]api.CoverageCount, error) {
	scopes, err := s.seen(ctx, c)
	if err != nil {
		return nil, err
	}
	counts := map[string]api.CoverageCount{}
	if scopes == nil {
		for _, site := range st.sites {
			counts[site.Account+"/"+site.Region] = api.CoverageCount{Count: site.Report.Functions, Defended: site.Report.Defended}
		}
		return counts, nil
	}
	err = s.eachFunction(ctx, api.FunctionQuery{Scopes: scopes}, func(r api.FunctionRecord) error {
		n := counts[r.Account+"/"+r.Region]
		n.Count++
		if r.Defended {
			n.Defended++
		}
		counts[r.Account+"/"+r.Region] = n
		return nil
	})
	return counts, err
}

// discovery answers how many functions of each account and region are defended.
func (s *Service) discovery(ctx context.Context, c *route.Call) (route.Answer, error) {
	p, err := page(c.Query, pageLimit)
	if err != nil {
		return route.Answer{}, err
	}
	all, err := s.results(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	total := len(all)
	return list(cut(all, p), total), nil
}

// discoveryTable answers the discovery as CSV.
func (s *Service) discoveryTable(ctx context.Context, c *route.Call) (route.Answer, error) {
	all, err := s.results(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	t := newTable("Provider", "Account", "Region", "Service", "Credential", "Total", "Defended", "Undefended", "Coverage", "Error")
	for _, r := range all {
		t.add(
			r.Provider, r.AccountID, r.Region, r.ServiceType, r.CredentialID, strconv.Itoa(r.Total), strconv.Itoa(r.Defended),
			strconv.Itoa(r.Undefended), fmt.Sprintf("%d%%", r.DefenseCoverage), r.Err,
		)
	}
	return t.answer()
}

// entities answers the functions of a discovery.
func (s *Service) entities(ctx context.Context, c *route.Call) (route.Answer, error) {
	p, err := page(c.Query, pageLimit)
	if err != nil {
		return route.Answer{}, err
	}
	out := []api.CloudDiscoveryEntity{}
	if !lambdaOnly(c) {
		return list(out, 0), nil
	}
	accounts, err := s.accountsOf(ctx, c)
	if err != nil || accounts != nil && len(accounts) == 0 {
		return list(out, 0), err
	}
	if accounts != nil {
		c.Query["accountIDs"] = accounts
	}
	records, total, err := s.find(ctx, c, p)
	if err != nil {
		return route.Answer{}, err
	}
	collections, err := s.membership(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	for _, r := range records {
		info, err := collections.of(r)
		if err != nil {
			return route.Answer{}, err
		}
		out = append(out, api.CloudDiscoveryEntity{
			AccountID: r.Account, ARN: r.ARN, Collections: info.Collections, Defended: r.Defended, LastModified: r.Modified, Name: r.Name,
			Provider: "aws", Region: r.Region, Runtime: r.Runtime, ServiceType: api.ServiceLambda, Timestamp: r.Seen, Version: "$LATEST",
		})
	}
	return list(out, total), nil
}

// accountsOf are the accounts that the filters of a discovery leave of those that are known; nil when there is no such filter.
func (s *Service) accountsOf(ctx context.Context, c *route.Call) ([]string, error) {
	if len(texts(c.Query, "accountName"))+len(texts(c.Query, "credentialID")) == 0 {
		return nil, nil
	}
	st, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	accounts := []string{}
	for _, site := range st.sites {
		if wanted(c, site) {
			accounts = append(accounts, site.Account)
		}
	}
	return accounts, nil
}

// noVMs answers the virtual machines of a discovery: there are none.
func noVMs(context.Context, *route.Call) (route.Answer, error) { return list([]struct{}{}, 0), nil }

// radar answers the functions for the map of them.
func (s *Service) radar(ctx context.Context, c *route.Call) (route.Answer, error) {
	st, err := s.load(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	credentials := map[string]string{}
	for _, site := range st.sites {
		credentials[site.Account+"/"+site.Region] = site.Credential
	}
	collections, err := s.membership(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	data := api.RadarData{ServerlessRadar: []api.RadarEntity{}}
	err = s.eachFound(ctx, c, api.Page{}, func(r api.FunctionRecord) error {
		info, err := collections.of(r)
		if err != nil {
			return err
		}
		data.ServerlessRadar = append(data.ServerlessRadar, api.RadarEntity{
			ID: r.ARN, AccountID: r.Account, ApplicationName: info.ApplicationName, Collections: info.Collections, Description: info.Description,
			CredentialID: credentials[r.Account+"/"+r.Region], Defended: r.Defended, LastModified: r.Modified, Name: r.Name,
			Permissions: []struct{}{}, Provider: "aws", Region: r.Region, Runtime: r.Runtime, Scanned: true,
			Tags: info.FunctionTags, Triggers: []struct{}{}, Version: info.Version,
		})
		return nil
	})
	return route.Answer{JSON: data}, err
}

// coverage answers what of the estate is defended, and what keeps the rest from it.
func (s *Service) coverage(ctx context.Context, c *route.Call) (route.Answer, error) {
	q, err := s.functionQuery(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	t := newTally()
	whole := api.FunctionQuery{Accounts: q.Accounts, Regions: q.Regions} // which sites are summed up by
	if filter := filterOf(c); reflect.DeepEqual(q, whole) && !filter.scans() && !filter.nothing {
		st, err := s.load(ctx)
		if err != nil {
			return route.Answer{}, err
		}
		for _, site := range st.sites {
			if wanted(c, site) {
				t.merge(site.Report)
			}
		}
		return route.Answer{JSON: t.report()}, nil
	}
	err = s.eachFound(ctx, c, api.Page{}, func(r api.FunctionRecord) error {
		_, info, err := functionOf(r)
		if err == nil {
			t.add(info)
		}
		return err
	})
	return route.Answer{JSON: t.report()}, err
}
