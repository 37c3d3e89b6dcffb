package lambdasim_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/account/types"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestAccountListsRegions(t *testing.T) {
	pager := account.NewListRegionsPaginator(account.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")), &account.ListRegionsInput{
		MaxResults:              aws.Int32(2),
		RegionOptStatusContains: []types.RegionOptStatus{types.RegionOptStatusEnabled, types.RegionOptStatusEnabledByDefault},
	})
	var pages [][]string
	for pager.HasMorePages() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range page.Regions {
			names = append(names, *r.RegionName+" "+string(r.RegionOptStatus))
		}
		pages = append(pages, names)
	}
	want := [][]string{{"eu-south-1 ENABLED", "eu-west-1 ENABLED_BY_DEFAULT"}, {"us-east-1 ENABLED_BY_DEFAULT"}}
	if !slices.EqualFunc(pages, want, slices.Equal) {
		t.Errorf("got %v, want %v", pages, want)
	}
}

func TestAccountListsDisabledRegions(t *testing.T) {
	out, err := account.NewFromConfig(sdkConfig(twoAccounts(), staging, "us-east-1")).ListRegions(t.Context(), &account.ListRegionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]types.RegionOptStatus{}
	for _, r := range out.Regions {
		status[*r.RegionName] = r.RegionOptStatus
	}
	if status["us-east-1"] != types.RegionOptStatusEnabledByDefault || status["eu-west-1"] != types.RegionOptStatusDisabled || status["eu-south-1"] != types.RegionOptStatusDisabled {
		t.Errorf("got %v", status)
	}
	if out.NextToken != nil {
		t.Errorf("next token %q", *out.NextToken)
	}
}

func TestAccountRegionsOfOtherPartitions(t *testing.T) {
	w := lambdasim.New(lambdasim.Options{})
	w.AddAccount(lambdasim.Account{ID: production, Partition: "aws-us-gov", Regions: []string{"us-gov-west-1"}})
	w.AddAccount(lambdasim.Account{ID: staging, Partition: "aws-iso", Regions: []string{"us-iso-east-1"}})
	for id, want := range map[string]string{production: "us-gov-west-1", staging: "us-iso-east-1"} {
		out, err := account.NewFromConfig(sdkConfig(w, id, want)).ListRegions(t.Context(), &account.ListRegionsInput{
			RegionOptStatusContains: []types.RegionOptStatus{types.RegionOptStatusEnabled, types.RegionOptStatusEnabledByDefault},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Regions) != 1 || *out.Regions[0].RegionName != want {
			t.Errorf("regions of %s: %v", id, out.Regions)
		}
	}
}

func TestAccountRefusesBadInput(t *testing.T) {
	for name, tt := range map[string]struct {
		in   account.ListRegionsInput
		want string
	}{
		"other account": {account.ListRegionsInput{AccountId: aws.String(staging)}, "AccessDeniedException"},
		"big page":      {account.ListRegionsInput{MaxResults: aws.Int32(51)}, "ValidationException"},
		"bad token":     {account.ListRegionsInput{NextToken: aws.String("%%")}, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := account.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")).ListRegions(t.Context(), &tt.in)
			wantAPIError(t, err, tt.want)
		})
	}
}
