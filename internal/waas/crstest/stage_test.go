package crstest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	crs "github.com/corazawaf/coraza-coreruleset/v4/tests"
	"go.yaml.in/yaml/v3"
)

// stage is one request of a regression test and what is expected of it.
type stage struct {
	name   string // "932100-1"
	rule   int    // the rule under test
	family int    // 932
	attack bool   // the rule must fire; otherwise it must not
	ids    []int  // that must or must not fire
	event  functionURL
}

// functionURL is the event of a function URL, as far as it matters.
type functionURL struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	RequestContext  requestContext    `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID  string      `json:"accountId"`
	DomainName string      `json:"domainName"`
	HTTP       httpContext `json:"http"`
	RequestID  string      `json:"requestId"`
	RouteKey   string      `json:"routeKey"`
	Stage      string      `json:"stage"`
	Time       string      `json:"time"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// The files of the module, as far as we read them.
type (
	testFile struct {
		RuleID int        `yaml:"-"`
		Tests  []testCase `yaml:"tests"`
	}
	testCase struct {
		ID     int `yaml:"test_id"`
		Stages []struct {
			Input  testInput  `yaml:"input"`
			Output testOutput `yaml:"output"`
		} `yaml:"stages"`
	}
	testInput struct {
		Method         string            `yaml:"method"`
		URI            string            `yaml:"uri"`
		Version        string            `yaml:"version"`
		Headers        map[string]string `yaml:"headers"`
		Data           string            `yaml:"data"`
		EncodedRequest string            `yaml:"encoded_request"`
		AutoComplete   *bool             `yaml:"autocomplete_headers"`
	}
	testOutput struct {
		Log struct {
			Expect   []int `yaml:"expect_ids"`
			NoExpect []int `yaml:"no_expect_ids"`
		} `yaml:"log"`
	}
)

// stages reads all tests of requests that can be events.
func stages(t testing.TB) []stage {
	t.Helper()
	var all []stage
	err := fs.WalkDir(crs.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		data, err := fs.ReadFile(crs.FS, name)
		if err != nil {
			return err
		}
		var file testFile
		if err := yaml.Unmarshal(data, &file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// One file names another rule inside than its name does; the tests are about the name's.
		if file.RuleID, err = strconv.Atoi(strings.TrimSuffix(path.Base(name), ".yaml")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, file.stages()...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 4000 {
		t.Fatalf("only %d stages", len(all))
	}
	return all
}

func (f *testFile) stages() []stage {
	var all []stage
	for _, test := range f.Tests {
		for _, s := range test.Stages {
			if s.Input.EncodedRequest != "" {
				continue // raw HTTP, which a gateway has parsed before there is an event
			}
			out := stage{
				name: fmt.Sprintf("%d-%d", f.RuleID, test.ID), rule: f.RuleID, family: f.RuleID / 1000,
				event: s.Input.event(),
			}
			switch {
			case slices.Contains(s.Output.Log.Expect, f.RuleID):
				out.attack, out.ids = true, s.Output.Log.Expect
			case slices.Contains(s.Output.Log.NoExpect, f.RuleID):
				out.ids = s.Output.Log.NoExpect
			default:
				continue
			}
			all = append(all, out)
		}
	}
	return all
}

// event is what a function URL makes of a request.
func (in *testInput) event() functionURL {
	e := functionURL{Version: "2.0", RouteKey: "$default", Headers: map[string]string{}}
	for name, value := range in.Headers {
		name = strings.ToLower(name)
		if name == "cookie" {
			e.Cookies = strings.Split(value, "; ")
			continue
		}
		e.Headers[name] = strings.TrimSpace(value)
	}
	data := in.Data
	if data != "" && (in.AutoComplete == nil || *in.AutoComplete) {
		data = in.complete(e.Headers)
	}
	uri := in.URI
	if i := strings.Index(uri, "://"); i > 0 && !strings.HasPrefix(uri, "/") {
		_, uri, _ = strings.Cut(uri[i+3:], "/")
		uri = "/" + uri
	}
	uri, _, _ = strings.Cut(uri, "#")
	e.RawPath, e.RawQueryString, _ = strings.Cut(uri, "?")
	protocol := in.Version
	if protocol == "" {
		protocol = "HTTP/1.1"
	}
	method := in.Method
	if method == "" {
		method = "GET"
	}
	e.RequestContext = requestContext{
		AccountID: "anonymous", DomainName: "abcdefghij.lambda-url.eu-central-1.on.aws", RequestID: "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
		RouteKey: "$default", Stage: "$default", Time: "12/Mar/2020:19:03:58 +0000",
		HTTP: httpContext{Method: method, Path: e.RawPath, Protocol: protocol, SourceIP: "203.0.113.7", UserAgent: e.Headers["user-agent"]},
	}
	e.setBody(data)
	return e
}

// complete does what the runner of these tests does to data before it sends them: a form's values are encoded
// unless they are already.
func (in *testInput) complete(headers map[string]string) string {
	if headers["content-type"] == "" {
		headers["content-type"] = "application/x-www-form-urlencoded"
	}
	if _, ok := headers["content-length"]; !ok {
		defer func() { headers["content-length"] = fmt.Sprint(len(in.Data)) }()
	}
	if headers["content-type"] != "application/x-www-form-urlencoded" {
		return in.Data
	}
	if plain, err := url.QueryUnescape(in.Data); err != nil || plain != in.Data {
		return in.Data
	}
	values, err := url.ParseQuery(in.Data)
	if err != nil {
		return in.Data
	}
	for _, v := range values {
		if v[0] != "" {
			return values.Encode()
		}
	}
	return in.Data
}

// setBody encodes a body as AWS does: base64 for all but text, JSON, XML and JavaScript.
func (e *functionURL) setBody(data string) {
	kind := strings.ToLower(e.Headers["content-type"])
	readable := strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json") ||
		strings.HasPrefix(kind, "application/xml") || strings.HasPrefix(kind, "application/javascript")
	e.Body = data
	if e.IsBase64Encoded = data != "" && (!readable || !utf8.ValidString(data)); e.IsBase64Encoded {
		e.Body = base64.StdEncoding.EncodeToString([]byte(data))
	}
}

func (e *functionURL) body() string {
	if !e.IsBase64Encoded {
		return e.Body
	}
	data, _ := base64.StdEncoding.DecodeString(e.Body)
	return string(data)
}

func (e *functionURL) json() []byte {
	data, _ := json.Marshal(e)
	return data
}
