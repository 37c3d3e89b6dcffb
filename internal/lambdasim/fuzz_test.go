package lambdasim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// FuzzRequest sends foreign paths, queries and bodies to every Lambda
// operation. Whatever comes, the answer is a well-formed one and never the
// simulator's own failure.
func FuzzRequest(f *testing.F) {
	const function = "/2015-03-31/functions"
	for _, seed := range []struct{ method, path, body string }{
		{"GET", function + "?MaxItems=3&Marker=xx&FunctionVersion=ALL", ""},
		{"GET", function + "/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aone%3A%24LATEST?Qualifier=1", ""},
		{"GET", function + "/one:live/configuration?Qualifier=%24LATEST", ""},
		{"POST", function, `{"FunctionName":"two","Role":"` + roleArn + `","Runtime":"python3.12","Handler":"a.b","Code":{"ZipFile":"UEsFBg=="}}`},
		{"PUT", function + "/one/configuration", `{"Environment":{"Variables":{"A1":"b","A2":null}},"Layers":["arn:aws:lambda:::awslayer:x"],"RevisionId":"x"}`},
		{"PUT", function + "/one/code", `{"ZipFile":"UEsDBA==","DryRun":true,"Architectures":[]}`},
		{"POST", function + "/one/aliases", `{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":1e300}}}`},
		{"POST", function + "/one/policy?Qualifier=live", `{"StatementId":"s","Action":"*","Principal":"*"}`},
		{"POST", function + "/one/versions", `{"CodeSha256":1}`},
		{"DELETE", function + "/one?Qualifier=1", ""},
		{"PUT", "/2017-10-31/functions/one/concurrency", `{"ReservedConcurrentExecutions":-1}`},
		{"POST", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aone", `{"Tags":{"a":"b"}}`},
		{"DELETE", "/2017-03-31/tags/arn:aws:lambda:eu-central-1:123456789012:layer:x?tagKeys=a", ""},
		{"GET", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:eu-central-1:123456789012:layer:l:99999999999", ""},
		{"GET", "/2018-10-31/layers/l/versions/-1", ""},
		{"POST", "/2018-10-31/layers/l/versions", `{"Content":{"ZipFile":"UEsFBg=="},"CompatibleRuntimes":["x"]}`},
		{"PUT", "/2020-04-22/code-signing-configs/csc", `{"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"x"}}`},
		{"GET", "/snapshots/123456789012/eu-central-1/function/one/$LATEST?X-Amz-Date=x", ""},
	} {
		f.Add(seed.method, seed.path, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASIM"+accountID+"/20260101/"+regionID+"/lambda/aws4_request")
		w := newWorld(lambdasim.Options{})
		w.PutLayerVersion(accountID, regionID, lambdasim.LayerSpec{Name: "l"})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) { f.Versions, f.Aliases = 1, map[string]string{"live": "1"} })
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, req)
		if rec.Code == http.StatusInternalServerError {
			t.Errorf("%s %q answers 500: %s", method, path, rec.Body)
		}
		if rec.Header().Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s %q: no request id", method, path)
		}
	})
}

// FuzzAuthorization holds the reader of the credential scope to not failing.
func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIASIM123456789012/20260101/eu-central-1/lambda/aws4_request, SignedHeaders=host, Signature=00")
	f.Add("AWS4-HMAC-SHA256 Credential=////")
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, header string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/2015-03-31/functions", http.NoBody)
		req.Header["Authorization"] = []string{header}
		rec := httptest.NewRecorder()
		newWorld(lambdasim.Options{}).ServeHTTP(rec, req)
		if rec.Code == http.StatusInternalServerError {
			t.Errorf("%q answers 500: %s", header, rec.Body)
		}
	})
}
