package settings

import (
	"context"
	"slices"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/policy"
)

// maxTagged bounds how many functions a collection of tags may stand for. What is beyond isn't in scope.
const maxTagged = 5000

// Scopes returns what functions are in the collections of some names; nil, which is no limit, for no names and for one that
// holds everything. Names that don't exist hold nothing. Collections of tags are what the inventory says now.
func (s *Service) Scopes(ctx context.Context, names []string) ([]api.FunctionScope, error) {
	if len(names) == 0 || slices.Contains(names, api.AllCollection) {
		return nil, nil
	}
	known, err := s.collections(ctx)
	if err != nil {
		return nil, err
	}
	scopes := []api.FunctionScope{}
	for i, c := range known.list {
		if !slices.Contains(names, c.Name) {
			continue
		}
		if !c.HasTags() {
			scopes = append(scopes, c.Scope())
			continue
		}
		tagged, err := s.taggedScopes(ctx, &c, known.forPolicies()[i])
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, tagged...)
	}
	if len(scopes) == 0 {
		scopes = append(scopes, api.FunctionScope{Functions: []string{""}}) // no function has this name
	}
	return scopes, nil
}

// taggedScopes names the functions of the inventory that are in a collection.
func (s *Service) taggedScopes(ctx context.Context, c *api.Collection, matcher policy.Collection) ([]api.FunctionScope, error) {
	if s.Inventory == nil {
		return nil, nil
	}
	holds := policy.Policy{Rules: []policy.Rule{{Collections: []policy.Collection{matcher}}}}
	byPlace := make(map[functionKey]int)
	var scopes []api.FunctionScope
	q := api.FunctionQuery{Page: api.Page{Limit: simulationPage}, Scopes: []api.FunctionScope{{Accounts: c.AccountIDs, Functions: c.Functions}}}
	for found := 0; found < maxTagged; {
		page, _, err := s.Inventory.Functions(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, f := range page {
			tags, err := functionTags(f)
			if err != nil {
				return nil, err
			}
			t := policy.Target{Function: f.Name, Region: f.Region, AccountID: f.Account, Provider: "aws", Labels: tags}
			if holds.Resolve(t).Rule == nil || found == maxTagged {
				continue
			}
			found++
			key := functionKey{account: f.Account, region: f.Region}
			if _, ok := byPlace[key]; !ok {
				byPlace[key] = len(scopes)
				scopes = append(scopes, api.FunctionScope{Accounts: []string{f.Account}, Regions: []string{f.Region}})
			}
			at := byPlace[key]
			scopes[at].Functions = append(scopes[at].Functions, f.Name)
		}
		if len(page) < q.Page.Limit {
			break
		}
		q.Page.Offset += len(page)
	}
	return scopes, nil
}
