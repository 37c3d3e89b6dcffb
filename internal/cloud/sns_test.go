package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
)

// service is a strict SNS or EventBridge on this machine: what isn't a request as AWS documents it fails the test.
func service(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, body string)) {
	t.Helper()
	credentials(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		if auth := r.Header.Get("Authorization"); !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=") {
			t.Errorf("Authorization %q", auth)
		}
		answer(w, r, string(body))
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
}

func publisher(t *testing.T, cfg PublisherConfig) *Publisher {
	t.Helper()
	cfg.Region = ireland
	cfg.Base.Jitter = func() float64 { return 0 }
	p, err := OpenPublisher(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const topic = "arn:aws:sns:eu-west-1:111111111111:alerts"

func TestPublishSNS(t *testing.T) {
	var got url.Values
	service(t, func(w http.ResponseWriter, r *http.Request, body string) {
		if ct := r.Header.Get("Content-Type"); ct != "application/x-www-form-urlencoded" {
			t.Errorf("Content-Type %q", ct)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIAOTHER/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/sns/") {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		var err error
		if got, err = url.ParseQuery(body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId></PublishResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></PublishResponse>`)
	})
	p := publisher(t, PublisherConfig{Base: Config{AccessKey: AccessKey{ID: "AKIAOTHER", Secret: "secret"}}})
	if err := p.PublishSNS(t.Context(), topic, "Subject", `{"a":"b&c=d"}`, map[string]string{"effect": "prevent"}); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {topic}, "Subject": {"Subject"}, "Message": {`{"a":"b&c=d"}`},
		"MessageAttributes.entry.1.Name": {"effect"}, "MessageAttributes.entry.1.Value.DataType": {"String"},
		"MessageAttributes.entry.1.Value.StringValue": {"prevent"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPublishSNSFailures(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
		code         autodefend.Code
		calls        int
	}{
		{"denied", `<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>`, 403, autodefend.CodeDenied, 1},
		{"no topic", `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>`, 404, autodefend.CodeNotFound, 1},
		{"throttled", `<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error><RequestId>r</RequestId></ErrorResponse>`, 400, autodefend.CodeThrottled, 3},
		{"down", `oops`, 500, autodefend.CodeUnavailable, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			service(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
				calls++
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.answer)
			})
			err := publisher(t, PublisherConfig{}).PublishSNS(t.Context(), topic, "", "m", nil)
			if autodefend.ErrorCode(err) != tt.code || calls != tt.calls {
				t.Errorf("%v after %d calls, want code %s after %d", err, calls, tt.code, tt.calls)
			}
		})
	}
}

func TestOpenPublisherRefuses(t *testing.T) {
	credentials(t)
	for _, cfg := range []PublisherConfig{{Region: ""}, {Region: "evil.example/"}, {Region: ireland, AssumeRole: AssumeRole{ARN: "x"}}} {
		if _, err := OpenPublisher(t.Context(), cfg); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestPublisherAssumesRole(t *testing.T) {
	var actions []string
	service(t, func(w http.ResponseWriter, r *http.Request, body string) {
		form, _ := url.ParseQuery(body)
		actions = append(actions, form.Get("Action"))
		if form.Get("Action") == "AssumeRole" {
			if form.Get("RoleArn") != "arn:aws:iam::222222222222:role/alerts" || form.Get("ExternalId") != "x-1" {
				t.Errorf("AssumeRole %v", form)
			}
			fmt.Fprint(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
			return
		}
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=ASIAROLE/") {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		fmt.Fprint(w, `<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>`)
	})
	p := publisher(t, PublisherConfig{AssumeRole: AssumeRole{ARN: "arn:aws:iam::222222222222:role/alerts", ExternalID: "x-1"}})
	for range 2 {
		if err := p.PublishSNS(t.Context(), topic, "", "m", nil); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"AssumeRole", "Publish", "Publish"}, actions); diff != "" {
		t.Error(diff)
	}
}

// putEvents is the request of PutEvents.
type putEvents struct {
	Entries []struct {
		EventBusName, Source, DetailType, Detail string
		Resources                                []string
		Time                                     float64
	}
}

// bus answers PutEvents and keeps what it was sent.
func bus(t *testing.T, answer func(call int, in putEvents) string) *[]putEvents {
	t.Helper()
	var got []putEvents
	service(t, func(w http.ResponseWriter, r *http.Request, body string) {
		if r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("headers %v", r.Header)
		}
		dec := json.NewDecoder(strings.NewReader(body))
		dec.DisallowUnknownFields()
		var in putEvents
		if err := dec.Decode(&in); err != nil {
			t.Error(err)
		}
		got = append(got, in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprint(w, answer(len(got), in))
	})
	return &got
}

func someEvents(n int) []Event {
	var all []Event
	for i := range n {
		all = append(all, Event{
			Source: "autodefend", DetailType: "Alert", Detail: fmt.Sprintf(`{"n":%d}`, i), Resources: []string{"arn:aws:lambda:eu-west-1:111111111111:function:f"},
			Time: time.Unix(1795348800, 0),
		})
	}
	return all
}

func TestPutEvents(t *testing.T) {
	got := bus(t, func(int, putEvents) string {
		return `{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"EventId":"2"}]}`
	})
	if err := publisher(t, PublisherConfig{}).PutEvents(t.Context(), "security", someEvents(2)); err != nil {
		t.Fatal(err)
	}
	e := (*got)[0].Entries
	if len(*got) != 1 || len(e) != 2 || e[1].EventBusName != "security" || e[1].Detail != `{"n":1}` || e[1].Time != 1795348800 || e[0].Source != "autodefend" || len(e[0].Resources) != 1 {
		t.Errorf("%+v", *got)
	}
}

func TestPutEventsAgain(t *testing.T) {
	got := bus(t, func(call int, _ putEvents) string {
		if call == 1 {
			return `{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure","ErrorMessage":"x"},{"EventId":"3"}]}`
		}
		return `{"FailedEntryCount":0,"Entries":[{"EventId":"2"}]}`
	})
	if err := publisher(t, PublisherConfig{}).PutEvents(t.Context(), "b", someEvents(3)); err != nil {
		t.Fatal(err)
	}
	if len(*got) != 2 || len((*got)[1].Entries) != 1 || (*got)[1].Entries[0].Detail != `{"n":1}` {
		t.Errorf("only the refused one is sent again: %+v", *got)
	}
}

func TestPutEventsRefused(t *testing.T) {
	tests := []struct {
		code string
		want autodefend.Code
	}{
		{"ThrottlingException", autodefend.CodeThrottled},
		{"InternalFailure", autodefend.CodeUnavailable},
		{"MalformedDetail", autodefend.CodeInvalid},
		{"AccessDeniedException", autodefend.CodeDenied},
	}
	for _, tt := range tests {
		got := bus(t, func(int, putEvents) string {
			return `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"` + tt.code + `","ErrorMessage":"x"}]}`
		})
		err := publisher(t, PublisherConfig{}).PutEvents(t.Context(), "b", someEvents(1))
		if autodefend.ErrorCode(err) != tt.want || len(*got) != publishAttempts {
			t.Errorf("%s: %v after %d calls", tt.code, err, len(*got))
		}
	}
	if err := publisher(t, PublisherConfig{}).PutEvents(t.Context(), "b", someEvents(11)); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("11 events: %v", err)
	}
	if e, ok := errors.AsType[*autodefend.Error](refusedError("b", strings.Repeat("x", 500))); !ok || len(e.Message) > 200 {
		t.Errorf("%v", e)
	}
}
