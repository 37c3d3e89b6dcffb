package lambdasim

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestFormList(t *testing.T) {
	for _, tt := range []struct {
		form string
		want []string
	}{
		{"", nil},
		{"A.member.1=x&A.member.2=y", []string{"x", "y"}},
		{"A.1=x&A.2=y", []string{"x", "y"}},
		{"A.member.1=x&A.member.3=z", []string{"x"}},
		{"A.member.2=y", nil},
		{"B.member.1=x", nil},
		{"A.member.1=", []string{""}},
		{"A.member.1=x&A.2=y", []string{"x"}},
		{"A.member.1=a%26b&A.member.2=%2B+", []string{"a&b", "+ "}},
	} {
		form, err := url.ParseQuery(tt.form)
		if err != nil {
			t.Fatal(err)
		}
		if got := formList(form, "A"); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.form, got, tt.want)
		}
	}
}

func TestQueryErrorIsXMLOfTheNamespace(t *testing.T) {
	answer := renderQuery(stsNamespace)(newError(http.StatusForbidden, "AccessDeniedException", "<a> & b"), "id-1")
	var got queryError
	if err := xml.Unmarshal(answer.body, &got); err != nil {
		t.Fatalf("%v in %s", err, answer.body)
	}
	if got.XMLName.Space != stsNamespace || got.Code != "AccessDenied" || got.Message != "<a> & b" || got.Type != "Sender" || got.RequestID != "id-1" {
		t.Errorf("got %+v", got)
	}
}

func TestPagesOfAList(t *testing.T) {
	all := []int{1, 2, 3, 4, 5}
	var got [][]int
	marker := ""
	for {
		page, next, err := pageOf(all, 2, marker)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page)
		if next == "" {
			break
		}
		marker = next
	}
	if !slices.EqualFunc(got, [][]int{{1, 2}, {3, 4}, {5}}, slices.Equal) {
		t.Errorf("pages %v", got)
	}
	for _, marker := range []string{"!", encodeToken("-1"), encodeToken("6"), encodeToken("x")} {
		if _, _, err := pageOf(all, 2, marker); err == nil {
			t.Errorf("marker %q was accepted", marker)
		}
	}
}

// FuzzQueryCalls sends any form to every query operation: none may panic, and
// every answer is XML.
func FuzzQueryCalls(f *testing.F) {
	for _, seed := range []string{
		"Action=GetCallerIdentity&Version=2011-06-15",
		"Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fr&RoleSessionName=run&DurationSeconds=900&ExternalId=x",
		"Action=AssumeRole&RoleArn=arn:::::::::::::::::::::::&RoleSessionName=run",
		"Action=GetSessionToken&DurationSeconds=-1",
		"Action=GetRole&RoleName=r",
		"Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::111111111111:role/r&ActionNames.member.1=a:b&ResourceArns.member.1=*&MaxItems=1&Marker=MQ",
		"Action=DescribeRegions&RegionName.1=us-east-1&Filter.1.Name=endpoint&Filter.1.Value.1=*us*&AllRegions=true",
		"Action=%00&%zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := New(Options{})
		w.AddAccount(Account{ID: "111111111111", Regions: []string{"us-east-1"}, Roles: []Role{{Name: "r", TrustedAccounts: []string{"111111111111"}}}})
		for _, name := range []string{"sts", "iam", "ec2"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://aws.invalid/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM111111111111/20260101/us-east-1/"+name+"/aws4_request, SignedHeaders=host, Signature=0")
			answer, err := w.serve(r)
			if err != nil {
				t.Fatal(err)
			}
			var any struct{ XMLName xml.Name }
			if err := xml.Unmarshal(answer.body, &any); err != nil {
				t.Errorf("%s: %v in %s", name, err, answer.body)
			}
		}
	})
}

// FuzzRPCCalls sends any body to every operation in JSON and CBOR: none may
// panic or fail of itself.
func FuzzRPCCalls(f *testing.F) {
	f.Add([]byte(`{"ResourcesPerPage":1,"TagFilters":[{"Key":"a","Values":["b"]}],"ResourceTypeFilters":["lambda"],"PaginationToken":"MQ"}`))
	f.Add([]byte(`{"ResourceARNList":["arn:aws:lambda:us-east-1:111111111111:function:f","arn:::::::",""],"Tags":{"a":"b"},"TagKeys":["a"]}`))
	f.Add([]byte(`{"MetricDataQueries":[{"Id":"m1","MetricStat":{"Metric":{"Namespace":"AWS/Lambda","MetricName":"Errors","Dimensions":[{"Name":"FunctionName","Value":"f"}]},"Period":60,"Stat":"Sum"}}],"StartTime":1,"EndTime":2}`))
	f.Add([]byte(`{"MaxResults":1,"NextToken":"MQ","RegionOptStatusContains":["ENABLED"]}`))
	f.Add([]byte("\xa1\x71MetricDataQueries\x81\xa1\x62Id\x62m1"))
	f.Add([]byte("\xa1\x69StartTime\xc1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := New(Options{})
		w.AddAccount(Account{ID: "111111111111", Regions: []string{"us-east-1"}})
		w.SetObserved("111111111111", "us-east-1", "f", Observed{Invocations: 1, MaxMemoryMB: 1})
		for _, at := range []struct{ service, path, target, smithy string }{
			{"tagging", "/", "T.GetResources", ""},
			{"tagging", "/", "T.TagResources", ""},
			{"tagging", "/", "T.UntagResources", ""},
			{"monitoring", "/", "GraniteServiceVersion20100801.GetMetricData", ""},
			{"monitoring", "/service/GraniteServiceVersion20100801/operation/GetMetricData", "", "rpc-v2-cbor"},
			{"account", "/listRegions", "", ""},
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://aws.invalid"+at.path, strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM111111111111/20260101/us-east-1/"+at.service+"/aws4_request, SignedHeaders=host, Signature=0")
			if at.target != "" {
				r.Header.Set("X-Amz-Target", at.target)
			}
			if at.smithy != "" {
				r.Header.Set("Smithy-Protocol", at.smithy)
			}
			answer, err := w.serve(r)
			if err != nil {
				t.Fatal(err)
			}
			if answer.status != http.StatusOK && (answer.status < 400 || answer.status > 499) {
				t.Errorf("%s answers %d: %s", at.service, answer.status, answer.body)
			}
		}
	})
}
