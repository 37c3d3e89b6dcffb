package cloud

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

const (
	home    = "111111111111"
	foreign = "222222222222"
	ireland = "eu-west-1"
	oregon  = "us-west-2"
)

// credentials gives the SDK the keys of the home account and nothing of this
// machine's own configuration.
func credentials(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIASIM" + home, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_REGION": ireland, "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "", "AWS_NEW_RETRIES_2026": "",
	} {
		t.Setenv(name, value)
	}
}

// newWorld returns a world with the home account.
func newWorld(opts lambdasim.Options) *lambdasim.World {
	w := lambdasim.New(opts)
	w.AddAccount(lambdasim.Account{ID: home, Regions: []string{ireland, oregon}})
	return w
}

// openHome opens the home account's first region.
func openHome(t *testing.T, client HTTPClient, cfg Config) *Region {
	t.Helper()
	credentials(t)
	cfg.HTTPClient = client
	regions, scopes, err := Open(t.Context(), cfg)
	if err != nil || len(scopes) > 0 || len(regions) == 0 {
		t.Fatalf("Open = %d regions, %v, %v", len(regions), scopes, err)
	}
	return regions[0]
}

// doFunc is an HTTP client made of a function.
type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// openThen opens the home account's first region, whose calls from then on go
// to another client.
func openThen(t *testing.T, cfg Config, then HTTPClient) *Region {
	t.Helper()
	world := newWorld(lambdasim.Options{}).Client()
	opened := false
	r := openHome(t, doFunc(func(r *http.Request) (*http.Response, error) {
		if !opened {
			return world.Do(r)
		}
		return then.Do(r)
	}), cfg)
	opened = true
	return r
}

// answering answers every call in the same way.
func answering(status int, header http.Header, body string) HTTPClient {
	return doFunc(func(r *http.Request) (*http.Response, error) { return response(r, status, header, body), nil })
}

func response(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Header: header.Clone(), Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}
}
