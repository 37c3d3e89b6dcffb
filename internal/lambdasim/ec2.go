package lambdasim

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ec2Service returns the operations of EC2.
func ec2Service() service {
	return service{
		name:        "ec2",
		renderError: renderEC2,
		operations:  []operation{{name: "DescribeRegions", quota: quotaNone, handle: describeRegions}},
	}
}

// ec2Region is one region in EC2's answer.
type ec2Region struct {
	Name        string `xml:"regionName"`
	Endpoint    string `xml:"regionEndpoint"`
	OptInStatus string `xml:"optInStatus"`
}

// describeRegions answers the enabled regions, or with AllRegions every one.
func describeRegions(_ *World, c *call) (reply, error) {
	regions := slices.DeleteFunc(c.account.ec2Regions(), func(r ec2Region) bool {
		return c.form.Get("AllRegions") != "true" && r.OptInStatus == "not-opted-in"
	})
	if names := formList(c.form, "RegionName"); len(names) > 0 {
		for _, name := range names {
			if !slices.ContainsFunc(regions, func(r ec2Region) bool { return r.Name == name }) {
				return reply{}, newError(http.StatusBadRequest, "InvalidParameterValue", "Invalid region provided: %s", name)
			}
		}
		regions = slices.DeleteFunc(regions, func(r ec2Region) bool { return !slices.Contains(names, r.Name) })
	}
	regions, err := filterRegions(regions, c.form)
	if err != nil {
		return reply{}, err
	}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name    `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeRegionsResponse"`
		RequestID string      `xml:"requestId"`
		Regions   []ec2Region `xml:"regionInfo>item"`
	}{RequestID: c.requestID, Regions: regions})
	if err != nil {
		return reply{}, fmt.Errorf("encode answer: %w", err)
	}
	return xmlReply(http.StatusOK, body), nil
}

// ec2Regions returns the account's regions in EC2's words.
func (a *account) ec2Regions() []ec2Region {
	suffix := ".amazonaws.com"
	if a.partition() == "aws-cn" {
		suffix += ".cn"
	}
	var regions []ec2Region
	for _, r := range a.regionStatuses() {
		status := "opt-in-not-required"
		switch {
		case r.RegionOptStatus == "DISABLED":
			status = "not-opted-in"
		case r.optIn:
			status = "opted-in"
		}
		regions = append(regions, ec2Region{Name: r.RegionName, Endpoint: "ec2." + r.RegionName + suffix, OptInStatus: status})
	}
	return regions
}

// filterRegions applies Filter.N.Name and Filter.N.Value.M; every filter must
// match by one of its values.
func filterRegions(regions []ec2Region, form url.Values) ([]ec2Region, error) {
	for i := 1; form.Has(fmt.Sprintf("Filter.%d.Name", i)); i++ {
		filter := "Filter." + strconv.Itoa(i)
		field, err := regionField(form.Get(filter + ".Name"))
		if err != nil {
			return nil, err
		}
		values := formList(form, filter+".Value")
		regions = slices.DeleteFunc(regions, func(r ec2Region) bool {
			return !slices.ContainsFunc(values, func(v string) bool { return wildcardMatch(v, field(r)) })
		})
	}
	return regions, nil
}

// regionField returns what a filter of the given name looks at.
func regionField(filter string) (func(ec2Region) string, error) {
	switch filter {
	case "region-name":
		return func(r ec2Region) string { return r.Name }, nil
	case "endpoint":
		return func(r ec2Region) string { return r.Endpoint }, nil
	case "opt-in-status":
		return func(r ec2Region) string { return r.OptInStatus }, nil
	default:
		return nil, newError(http.StatusBadRequest, "InvalidParameterValue", "The filter '%s' is invalid", filter)
	}
}

// wildcardMatch matches a filter value, in which * stands for any text.
func wildcardMatch(pattern, text string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for at := len(head); at <= len(text); at++ {
		if wildcardMatch(rest, text[at:]) {
			return true
		}
	}
	return false
}

// renderEC2 writes an error as EC2 does.
func renderEC2(e *apiError, requestID string) reply {
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Response"`
		Code      string   `xml:"Errors>Error>Code"`
		Message   string   `xml:"Errors>Error>Message"`
		RequestID string   `xml:"RequestID"`
	}{Code: ec2Code(e.code), Message: e.message, RequestID: requestID})
	if err != nil {
		body = []byte("<Response/>")
	}
	return xmlReply(e.status, body)
}

// ec2Code translates the codes that every service can answer into EC2's.
func ec2Code(code string) string {
	switch code {
	case "AccessDeniedException":
		return "UnauthorizedOperation"
	case "ExpiredTokenException", "ExpiredToken":
		return "RequestExpired"
	case "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationTokenException":
		return "AuthFailure"
	case "ThrottlingException", "TooManyRequestsException":
		return "RequestLimitExceeded"
	case "ServiceException":
		return "InternalError"
	case "UnknownOperationException":
		return "InvalidAction"
	default:
		return code
	}
}
