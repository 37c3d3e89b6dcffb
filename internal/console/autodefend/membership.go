package autodefend

import (
	"context"
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

// membership are collections and whom they hold, as they are now.
type membership []policy.Collection

// membership reads the collections that a caller may know of: all, or those that he is limited to.
func (s *Service) membership(ctx context.Context, c *route.Call) (membership, error) {
	known, err := s.cfg.Collections.Collections(ctx)
	if err != nil {
		return nil, err
	}
	mine := c.Principal.Collections
	var visible membership
	for _, k := range known {
		if len(mine) == 0 || slices.Contains(mine, api.AllCollection) || slices.Contains(mine, k.Name) {
			visible = append(visible, policy.Collection{Name: k.Name, Functions: k.Functions, Labels: k.Labels, AccountIDs: k.AccountIDs})
		}
	}
	return visible, nil
}

// names are the collections that hold a function: those that a list restricted to one of them would have it in.
func (m membership) names(f *autodefend.Function) []string {
	target := policy.Target{Function: f.ARN.Name, Region: f.ARN.Region, AccountID: f.ARN.Account, Provider: "aws", Labels: f.Tags}
	names := []string{}
	for i := range m {
		accounts := api.FunctionScope{Accounts: m[i].AccountIDs}
		if accounts.Holds(f.ARN.Account, f.ARN.Region, f.ARN.Name) && m[i].Holds(target) {
			names = append(names, m[i].Name)
		}
	}
	return names
}

// of are the collections that hold a function of the inventory, and the function as it was seen.
func (m membership) of(r api.FunctionRecord) (api.FunctionInfo, error) {
	f, info, err := functionOf(r)
	info.Collections = m.names(&f)
	return info, err
}
