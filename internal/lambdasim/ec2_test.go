package lambdasim

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// describe calls DescribeRegions with further parameters, as the given account.
func describe(t *testing.T, w *World, account, parameters string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://ec2.invalid/",
		strings.NewReader("Action=DescribeRegions&Version=2016-11-15"+parameters))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM"+account+"/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := w.serve(r)
	if err != nil {
		t.Fatal(err)
	}
	return answer.status, answer.body
}

func TestDescribeRegions(t *testing.T) {
	const account = "111111111111"
	w := New(Options{})
	w.AddAccount(Account{ID: account, Regions: []string{"us-east-1", "eu-west-1", "eu-south-1"}})
	for _, tt := range []struct {
		name, parameters string
		want             []string
		code             string
	}{
		{"enabled", "", []string{"eu-south-1 opted-in", "eu-west-1 opt-in-not-required", "us-east-1 opt-in-not-required"}, ""},
		{"by name", "&RegionName.1=us-east-1", []string{"us-east-1 opt-in-not-required"}, ""},
		{"by status", "&Filter.1.Name=opt-in-status&Filter.1.Value.1=opted-in", []string{"eu-south-1 opted-in"}, ""},
		{
			"by wildcard and endpoint", "&Filter.1.Name=region-name&Filter.1.Value.1=eu-*&Filter.2.Name=endpoint&Filter.2.Value.1=*west*.com",
			[]string{"eu-west-1 opt-in-not-required"},
			"",
		},
		{
			"all that are off", "&AllRegions=true&Filter.1.Name=region-name&Filter.1.Value.1=af-*&Filter.1.Value.2=eu-south-2",
			[]string{"af-south-1 not-opted-in", "eu-south-2 not-opted-in"},
			"",
		},
		{"unknown name", "&RegionName.1=mars-north-1", nil, "InvalidParameterValue"},
		{"unknown filter", "&Filter.1.Name=planet&Filter.1.Value.1=mars", nil, "InvalidParameterValue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := describe(t, w, account, tt.parameters)
			var got struct {
				Regions []ec2Region `xml:"regionInfo>item"`
				Code    string      `xml:"Errors>Error>Code"`
			}
			if err := xml.Unmarshal(body, &got); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			var names []string
			for _, r := range got.Regions {
				names = append(names, r.Name+" "+r.OptInStatus)
			}
			if !slices.Equal(names, tt.want) || got.Code != tt.code || (status == http.StatusOK) != (tt.code == "") {
				t.Errorf("%d: got %v %s, want %v %s", status, names, got.Code, tt.want, tt.code)
			}
		})
	}
}

func TestDescribeRegionsErrorsAreEC2s(t *testing.T) {
	w := New(Options{})
	w.AddAccount(Account{ID: "111111111111", Regions: []string{"us-east-1"}})
	w.Deny("111111111111", "ec2:DescribeRegions", "SCP")
	for account, want := range map[string]string{
		"111111111111": "<Response><Errors><Error><Code>UnauthorizedOperation</Code>",
		"999999999999": "<Response><Errors><Error><Code>AuthFailure</Code>",
	} {
		if _, body := describe(t, w, account, ""); !strings.HasPrefix(string(body), want) {
			t.Errorf("%s: got %s, want %s…", account, body, want)
		}
	}
}

func TestWildcards(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"us-east-1", "us-east-1", true},
		{"us-east", "us-east-1", false},
		{"us-*", "us-east-1", true},
		{"*", "", true},
		{"*-1", "us-east-1", true},
		{"*-1", "us-east-11", false},
		{"*a*a*", "banana", true},
		{"*a*a*a*a*", "banana", false},
	} {
		if got := wildcardMatch(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%s on %s: %v", tt.pattern, tt.text, got)
		}
	}
}
