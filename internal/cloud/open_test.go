package cloud

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim"
)

// estate is a world with two accounts that trust the home account.
func estate() *lambdasim.World {
	w := newWorld(lambdasim.Options{})
	w.AddAccount(lambdasim.Account{ID: foreign, Regions: []string{ireland, "eu-north-1"}, Roles: []lambdasim.Role{
		{Name: "guarded", TrustedAccounts: []string{home}, ExternalID: "s3cret-id"},
	}})
	w.AddAccount(lambdasim.Account{ID: "333333333333", Partition: "aws-us-gov", Regions: []string{"us-gov-west-1"}, Roles: []lambdasim.Role{
		{Name: "open", Path: "/team/", TrustedAccounts: []string{home}},
	}})
	return w
}

// names renders regions as account/region/partition.
func names(regions []*Region) []string {
	var all []string
	for _, r := range regions {
		all = append(all, r.Account+"/"+r.Name+"/"+r.Partition)
	}
	return all
}

func TestOpen(t *testing.T) {
	guarded := AssumeRole{ARN: "arn:aws:iam::" + foreign + ":role/guarded", ExternalID: "s3cret-id", SessionName: "nightly"}
	gov := AssumeRole{ARN: "arn:aws-us-gov:iam::333333333333:role/team/open"}
	wrong := guarded
	wrong.ExternalID = "wrong"
	tests := []struct {
		name   string
		cfg    Config
		want   []string
		scopes []string // account, region, code and a part of the message of each
		err    []string // code and parts of message and hint
	}{
		{name: "default region", want: []string{home + "/eu-west-1/aws"}},
		{name: "named regions", cfg: Config{Regions: []string{oregon, ireland, oregon}}, want: []string{home + "/eu-west-1/aws", home + "/us-west-2/aws"}},
		{name: "all regions", cfg: Config{Regions: []string{"all"}}, want: []string{home + "/eu-west-1/aws", home + "/us-west-2/aws"}},
		{name: "role with external id", cfg: Config{AssumeRoles: []AssumeRole{guarded}}, want: []string{foreign + "/eu-west-1/aws"}},
		{
			name: "two accounts, all regions", cfg: Config{Regions: []string{"all"}, AssumeRoles: []AssumeRole{gov, guarded}},
			want: []string{foreign + "/eu-north-1/aws", foreign + "/eu-west-1/aws", "333333333333/us-gov-west-1/aws-us-gov"},
		},
		{
			name: "one account fails", cfg: Config{Regions: []string{"all"}, AssumeRoles: []AssumeRole{gov, wrong}},
			want:   []string{"333333333333/us-gov-west-1/aws-us-gov"},
			scopes: []string{foreign, "", "denied", "AssumeRole " + guarded.ARN},
		},
		{
			name: "every account fails", cfg: Config{AssumeRoles: []AssumeRole{wrong}},
			err: []string{"denied", "AssumeRole " + guarded.ARN, "external id"},
		},
		{
			name: "a region that isn't enabled", cfg: Config{Regions: []string{ireland, "eu-north-1"}},
			want: []string{home + "/eu-west-1/aws"}, scopes: []string{home, "eu-north-1", "invalid", "doesn't enable"},
		},
		{
			name: "no region enabled", cfg: Config{Regions: []string{"eu-north-1", "eu-west-3"}},
			err: []string{"invalid", "none of 2", "doesn't enable the region eu-north-1", "--region"},
		},
		{
			name: "unknown region", cfg: Config{Regions: []string{ireland, "eu-wset-1"}},
			err: []string{"invalid", `--region: there is no region "eu-wset-1"`, "eu-west-1"},
		},
		{name: "malformed region", cfg: Config{Regions: []string{"Ireland"}}, err: []string{"invalid", "--region", `"Ireland"`}},
		{name: "all and another", cfg: Config{Regions: []string{"all", ireland}}, err: []string{"invalid", "--region", "alone"}},
		{name: "malformed role", cfg: Config{AssumeRoles: []AssumeRole{{ARN: "guarded"}}}, err: []string{"invalid", "--assume-role", "arn:aws:iam::"}},
		{name: "role of a user", cfg: Config{AssumeRoles: []AssumeRole{{ARN: "arn:aws:iam::222222222222:user/u"}}}, err: []string{"invalid", "--assume-role"}},
		{name: "two roles of one account", cfg: Config{AssumeRoles: []AssumeRole{guarded, wrong}}, err: []string{"invalid", "two roles of account " + foreign}},
		{name: "missing profile", cfg: Config{Profile: "prod"}, err: []string{"invalid", "--profile", `"prod"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			credentials(t)
			tt.cfg.HTTPClient = estate().Client()
			regions, scopes, err := Open(t.Context(), tt.cfg)
			if diff := cmp.Diff(tt.want, names(regions)); diff != "" {
				t.Errorf("regions (-want +got):\n%s", diff)
			}
			checkError(t, err, tt.err)
			var got []string
			for _, s := range scopes {
				got = append(got, s.Account, s.Region, string(s.Code), s.Message)
			}
			if tt.err != nil {
				return
			}
			if len(got) != len(tt.scopes) {
				t.Fatalf("scope errors = %q, want %q", got, tt.scopes)
			}
			for i, want := range tt.scopes {
				if want == "" && got[i] != "" || !strings.Contains(got[i], want) {
					t.Errorf("scope error part %d = %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

// checkError compares an error with its code and the parts of its text and
// hint; no parts mean no error.
func checkError(t *testing.T, err error, want []string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Fatalf("error: %v", err)
		}
		return
	}
	if string(autodefend.ErrorCode(err)) != want[0] {
		t.Errorf("code = %q, want %q: %v", autodefend.ErrorCode(err), want[0], err)
	}
	if err == nil {
		return
	}
	text := err.Error() + "\n" + autodefend.ErrorHint(err)
	for _, part := range want[1:] {
		if !strings.Contains(text, part) {
			t.Errorf("error lacks %q:\n%s", part, text)
		}
	}
}

func TestOpenTellsTheCaller(t *testing.T) {
	credentials(t)
	regions, _, err := Open(t.Context(), Config{
		HTTPClient:  estate().Client(),
		AssumeRoles: []AssumeRole{{ARN: "arn:aws:iam::" + foreign + ":role/guarded", ExternalID: "s3cret-id", SessionName: "nightly"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:sts::" + foreign + ":assumed-role/guarded/nightly"; regions[0].Caller != want {
		t.Errorf("caller = %q, want %q", regions[0].Caller, want)
	}
	if _, _, err := regions[0].ListFunctions(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestOpenWithoutPermissionToListRegions(t *testing.T) {
	credentials(t)
	w := newWorld(lambdasim.Options{})
	w.Deny(home, "account:ListRegions", "not allowed")
	regions, scopes, err := Open(t.Context(), Config{HTTPClient: w.Client(), Regions: []string{"xx-nowhere-9"}})
	if err != nil || len(scopes) > 0 || len(regions) != 1 {
		t.Errorf("named region: %d regions, %v, %v; want the name to be taken", len(regions), scopes, err)
	}
	_, _, err = Open(t.Context(), Config{HTTPClient: w.Client(), Regions: []string{"all"}})
	checkError(t, err, []string{"denied", "ListRegions", `"Action":["account:ListRegions"]`})
}

func TestOpenWithoutRegion(t *testing.T) {
	credentials(t)
	t.Setenv("AWS_REGION", "")
	_, _, err := Open(t.Context(), Config{HTTPClient: newWorld(lambdasim.Options{}).Client()})
	checkError(t, err, []string{"invalid", "no region", "--region", "AWS_REGION"})
	regions, _, err := Open(t.Context(), Config{HTTPClient: newWorld(lambdasim.Options{}).Client(), Regions: []string{"all"}})
	if err != nil || len(regions) != 2 {
		t.Errorf("all regions without a default one: %d regions, %v", len(regions), err)
	}
}

func TestOpenWithUnusableCredentials(t *testing.T) {
	tests := []struct {
		name, key string
		want      []string
	}{
		{"expired", "AKIAEXPIRED" + home, []string{"denied", "GetCallerIdentity: ExpiredToken", "aws sso login"}},
		{"unknown", "AKIASIM999999999999", []string{"denied", "GetCallerIdentity: InvalidClientTokenId", "check the credentials"}},
		{"none", "", []string{"denied", "there are no AWS credentials", "--profile"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			credentials(t)
			t.Setenv("AWS_ACCESS_KEY_ID", tt.key)
			_, _, err := Open(t.Context(), Config{HTTPClient: newWorld(lambdasim.Options{}).Client()})
			checkError(t, err, tt.want)
		})
	}
}

func TestOpenNamesTheProfile(t *testing.T) {
	credentials(t)
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[profile prod]\nregion = us-west-2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_CONFIG_FILE": file, "AWS_REGION": "", "AWS_ACCESS_KEY_ID": "AKIAEXPIRED" + home} {
		t.Setenv(name, value)
	}
	client := newWorld(lambdasim.Options{}).Client()
	_, _, err := Open(t.Context(), Config{HTTPClient: client, Profile: "prod"})
	checkError(t, err, []string{"denied", "profile prod: "})
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASIM"+home)
	regions, _, err := Open(t.Context(), Config{HTTPClient: client})
	checkError(t, err, []string{"invalid", "no region"})
	if len(regions) > 0 {
		t.Errorf("regions = %q", names(regions))
	}
}

// TestOpenUnreachable dials a port that nobody listens on any more.
func TestOpenUnreachable(t *testing.T) {
	credentials(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	t.Setenv("AWS_ENDPOINT_URL", "http://"+address)
	_, _, err = Open(t.Context(), Config{Regions: []string{ireland}})
	checkError(t, err, []string{"unavailable", "GetCallerIdentity", "http://" + address, "connection refused", "AWS_ENDPOINT_URL"})
	_, _, err = Open(t.Context(), Config{AssumeRoles: []AssumeRole{{ARN: "arn:aws:iam::222222222222:role/r"}}})
	checkError(t, err, []string{"unavailable", "AssumeRole arn:aws:iam::222222222222:role/r", "http://" + address, "connection refused"})
}

func TestOpenOverASocket(t *testing.T) {
	credentials(t)
	w := estate()
	w.PutFunction(home, ireland, lambdasim.FunctionSpec{Name: "fn", Runtime: "python3.13", Handler: "a.b"})
	server := &http.Server{Handler: w}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Setenv("AWS_ENDPOINT_URL", "http://"+listener.Addr().String())
	regions, scopes, err := Open(t.Context(), Config{Regions: []string{ireland}})
	if err != nil || len(scopes) > 0 {
		t.Fatal(err, scopes)
	}
	functions, next, err := regions[0].ListFunctions(t.Context(), "")
	if err != nil || len(functions) != 1 || next != "" {
		t.Errorf("ListFunctions = %v, %q, %v", functions, next, err)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	credentials(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := Open(ctx, Config{HTTPClient: estate().Client()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestNearest(t *testing.T) {
	all := []string{"ap-south-1", "eu-central-1", "eu-west-1", "eu-west-2", "us-east-1", "us-west-2"}
	for word, want := range map[string]string{"eu-wset-1": "eu-west-1", "us-est-1": "us-east-1", "eu-centrall-1": "eu-central-1"} {
		if got := nearest(word, all); got[0] != want {
			t.Errorf("nearest(%s) = %q, want %s first", word, got, want)
		}
	}
}
