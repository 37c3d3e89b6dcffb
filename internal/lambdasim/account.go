package lambdasim

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// accountService returns the operations of Account Management, which has one
// endpoint for every region.
func accountService() service {
	return service{
		name:   "account",
		global: true,
		operations: []operation{
			{name: "ListRegions", method: http.MethodPost, path: "/listRegions", quota: quotaNone, handle: listRegions},
		},
	}
}

// servicesState is the state of the services beside Lambda; World.mu guards it.
type servicesState struct {
	// sessions counts the credentials that STS has handed out.
	sessions int
	// observed is what CloudWatch knows of functions.
	observed map[metricsKey]Observed
}

// regionStatus is an account's view of one region.
type regionStatus struct {
	// RegionName and RegionOptStatus are spelt as Account Management does.
	RegionName, RegionOptStatus string
	// optIn is true for regions that are off until an account asks for them.
	optIn bool
}

// listRegions answers the regions of the caller's account and their status.
func listRegions(_ *World, c *call) (reply, error) {
	var in struct {
		AccountID               string `json:"AccountId"`
		MaxResults              *int
		NextToken               string
		RegionOptStatusContains []string
	}
	if err := decodeInput(c.body, &in); err != nil {
		return reply{}, err
	}
	if in.AccountID != "" && in.AccountID != c.account.spec.ID {
		return reply{}, newError(http.StatusForbidden, "AccessDeniedException",
			"User: %s is not authorized to perform: account:ListRegions on resource: arn:%s:account::%s:account",
			c.principal, c.account.partition(), in.AccountID)
	}
	size := 50
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if size < 1 || size > 50 {
		return reply{}, newError(http.StatusBadRequest, "ValidationException", "MaxResults must be between 1 and 50.")
	}
	start, err := decodeToken(in.NextToken)
	if err != nil {
		return reply{}, newError(http.StatusBadRequest, "ValidationException", "The provided NextToken is invalid.")
	}
	regions := slices.DeleteFunc(c.account.regionStatuses(), func(r regionStatus) bool {
		unwanted := len(in.RegionOptStatusContains) > 0 && !slices.Contains(in.RegionOptStatusContains, r.RegionOptStatus)
		return unwanted || r.RegionName <= start
	})
	out := struct {
		NextToken string `json:",omitempty"`
		Regions   []regionStatus
	}{Regions: regions}
	if len(regions) > size {
		out.Regions = regions[:size]
		out.NextToken = encodeToken(regions[size-1].RegionName)
	}
	return jsonReply(http.StatusOK, out)
}

// regionStatuses returns every region of the account's partition and those the
// account enables besides, by name.
func (a *account) regionStatuses() []regionStatus {
	byDefault, optIn := partitionRegions(a.partition())
	var all []regionStatus
	for _, name := range byDefault {
		status := "DISABLED"
		if slices.Contains(a.spec.Regions, name) {
			status = "ENABLED_BY_DEFAULT"
		}
		all = append(all, regionStatus{RegionName: name, RegionOptStatus: status})
	}
	for _, name := range optIn {
		status := "DISABLED"
		if slices.Contains(a.spec.Regions, name) {
			status = "ENABLED"
		}
		all = append(all, regionStatus{RegionName: name, RegionOptStatus: status, optIn: true})
	}
	for _, name := range a.spec.Regions {
		if !slices.Contains(byDefault, name) && !slices.Contains(optIn, name) {
			all = append(all, regionStatus{RegionName: name, RegionOptStatus: "ENABLED", optIn: true})
		}
	}
	slices.SortFunc(all, func(x, y regionStatus) int { return strings.Compare(x.RegionName, y.RegionName) })
	return all
}

// partitionRegions returns the regions of a partition: those that accounts
// have from the start and those they must opt in to.
func partitionRegions(partition string) ([]string, []string) {
	byDefault := []string{
		"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
		"ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
		"us-east-1", "us-east-2", "us-west-1", "us-west-2",
	}
	optIn := []string{
		"af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4",
		"ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1",
		"eu-south-2", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
	}
	switch partition {
	case "aws":
		return byDefault, optIn
	case "aws-us-gov":
		return []string{"us-gov-east-1", "us-gov-west-1"}, nil
	case "aws-cn":
		return []string{"cn-north-1", "cn-northwest-1"}, nil
	default:
		return nil, nil
	}
}

// encodeToken makes an opaque paging token of the last name on a page.
func encodeToken(last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(last))
}

// decodeToken is the reverse of encodeToken; no token means the beginning.
func decodeToken(token string) (string, error) {
	last, err := base64.RawURLEncoding.DecodeString(token)
	return string(last), err
}
