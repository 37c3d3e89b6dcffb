package cloud

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/account/types"

	"github.com/autodefend/autodefend"
)

const (
	// regionsPage is the most regions AWS returns on a page.
	regionsPage = 50
	// lookupTimeout bounds the check of regions' names, which can be done
	// without.
	lookupTimeout = 10 * time.Second
)

// chooseRegions returns the names of the account's regions that are meant, the
// errors of those that aren't enabled, and the mistake of one that doesn't
// exist.
func chooseRegions(ctx context.Context, cfg Config, base aws.Config, who identity) ([]string, []scopedError, error) {
	switch {
	case len(cfg.Regions) == 0:
		return []string{base.Region}, nil, nil
	case cfg.Regions[0] == allRegions:
		known, err := listRegions(ctx, cfg, base, who)
		if err != nil {
			return nil, []scopedError{{err: err}}, nil
		}
		return enabled(known), nil, nil
	}
	lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	known, err := listRegions(lookup, cfg, base, who)
	if err != nil {
		if ctx.Err() != nil {
			return nil, []scopedError{{err: err}}, nil
		}
		// Without the permission to ask, names of the right form are taken.
		return cfg.Regions, nil, nil
	}
	return checkRegions(cfg.Regions, known, who.account)
}

// listRegions returns all regions of the account's partition and whether the
// account enables them.
func listRegions(ctx context.Context, cfg Config, base aws.Config, who identity) (map[string]bool, error) {
	q := request{operation: "ListRegions", action: "account:ListRegions"}
	client := account.NewFromConfig(paced(cfg, base, who.account, base.Region), func(o *account.Options) {
		o.RetryMaxAttempts = openAttempts
	})
	known := map[string]bool{}
	pages := account.NewListRegionsPaginator(client, &account.ListRegionsInput{MaxResults: aws.Int32(regionsPage)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, q.fail(ctx, err)
		}
		for _, region := range page.Regions {
			known[aws.ToString(region.RegionName)] = region.RegionOptStatus == types.RegionOptStatusEnabled ||
				region.RegionOptStatus == types.RegionOptStatusEnabledByDefault
		}
	}
	if len(enabled(known)) == 0 {
		return nil, autodefend.Errorf(autodefend.CodeUnavailable, "ListRegions: the answer has no enabled region").
			WithHint("name the regions: --region eu-west-1,us-east-1")
	}
	return known, nil
}

// enabled returns the enabled regions, sorted.
func enabled(known map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(name string) bool { return !known[name] })
}

// checkRegions splits the names into those the account enables and the rest.
func checkRegions(names []string, known map[string]bool, accountID string) ([]string, []scopedError, error) {
	var (
		usable []string
		errs   []scopedError
	)
	for _, name := range names {
		on, exists := known[name]
		switch {
		case on:
			usable = append(usable, name)
		case exists:
			errs = append(errs, scopedError{name, autodefend.Errorf(autodefend.CodeInvalid,
				"option --region: account %s doesn't enable the region %s", accountID, name).
				WithHint("enable it in the account's settings, or leave it out")})
		default:
			return nil, nil, autodefend.Errorf(autodefend.CodeInvalid, "option --region: there is no region %q", name).
				WithHint("did you mean %s?", strings.Join(nearest(name, enabled(known)), ", "))
		}
	}
	return usable, errs, nil
}

// nearest returns the up to three names that differ least from a word.
func nearest(word string, names []string) []string {
	const most = 3
	near := slices.Clone(names)
	slices.SortStableFunc(near, func(a, b string) int {
		return cmp.Compare(autodefend.EditDistance(word, a), autodefend.EditDistance(word, b))
	})
	return near[:min(most, len(near))]
}
