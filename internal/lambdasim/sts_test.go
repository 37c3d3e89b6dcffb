package lambdasim_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestSTSCallerIdentity(t *testing.T) {
	w := twoAccounts()
	for _, account := range []string{production, staging} {
		got, err := sts.NewFromConfig(sdkConfig(w, account, "us-east-1")).GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if *got.Account != account || *got.Arn != "arn:aws:iam::"+account+":user/simulated" || !strings.HasPrefix(*got.UserId, "AIDA") {
			t.Errorf("identity of %s: %s %s %s", account, *got.Account, *got.Arn, *got.UserId)
		}
	}
}

func TestSTSAssumeRole(t *testing.T) {
	const role = "arn:aws:iam::" + staging + ":role/"
	for _, tt := range []struct {
		name       string
		caller     string
		role       string
		session    string
		externalID *string
		seconds    *int32
		want       string
	}{
		{name: "trusted", role: role + "Open", session: "run-1"},
		{name: "external id", role: role + "Deployer", session: "run-1", externalID: aws.String("s3cret+id")},
		{name: "needless external id", role: role + "Open", session: "run-1", externalID: aws.String("anything")},
		{name: "no external id", role: role + "Deployer", session: "run-1", want: "AccessDenied"},
		{name: "external id in another case", role: role + "Deployer", session: "run-1", externalID: aws.String("S3cret+id"), want: "AccessDenied"},
		{name: "external id with a space", role: role + "Deployer", session: "run-1", externalID: aws.String("s3cret id"), want: "AccessDenied"},
		{name: "nobody trusted", role: role + "Closed", session: "run-1", want: "AccessDenied"},
		{name: "own account not trusted", caller: staging, role: role + "Open", session: "run-1", want: "AccessDenied"},
		{name: "no such role", role: role + "Absent", session: "run-1", want: "AccessDenied"},
		{name: "no such account", role: "arn:aws:iam::999999999999:role/Open", session: "run-1", want: "AccessDenied"},
		{name: "wrong path", role: role + "path/Open", session: "run-1", want: "AccessDenied"},
		{name: "not an ARN", role: "role/Open/of/the/staging", session: "run-1", want: "ValidationError"},
		{name: "bad session name", role: role + "Open", session: "run 1", want: "ValidationError"},
		{name: "short session name", role: role + "Open", session: "r", want: "ValidationError"},
		{name: "long session name", role: role + "Open", session: strings.Repeat("r", 65), want: "ValidationError"},
		{name: "shortest session", role: role + "Open", session: "run-1", seconds: aws.Int32(900)},
		{name: "too short", role: role + "Open", session: "run-1", seconds: aws.Int32(899), want: "ValidationError"},
		{name: "longest session", role: role + "Open", session: "run-1", seconds: aws.Int32(3600)},
		{name: "longer than the role allows", role: role + "Open", session: "run-1", seconds: aws.Int32(3601), want: "ValidationError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := twoAccounts()
			if tt.caller == "" {
				tt.caller = production
			}
			out, err := sts.NewFromConfig(sdkConfig(w, tt.caller, "us-east-1")).AssumeRole(t.Context(), &sts.AssumeRoleInput{
				RoleArn: &tt.role, RoleSessionName: &tt.session, ExternalId: tt.externalID, DurationSeconds: tt.seconds,
			})
			if tt.want != "" {
				wantAPIError(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^ASIA[A-Z]{16}$`).MatchString(*out.Credentials.AccessKeyId) {
				t.Errorf("access key %q", *out.Credentials.AccessKeyId)
			}
		})
	}
}

func TestSTSDeniedAssumeRoleNamesCallerAndRole(t *testing.T) {
	_, err := sts.NewFromConfig(sdkConfig(twoAccounts(), production, "us-east-1")).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::222222222222:role/Closed"), RoleSessionName: aws.String("run-1"),
	})
	want := "User: arn:aws:iam::111111111111:user/simulated is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/Closed"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSTSSessionEndsAtItsExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := twoAccounts()
		out, err := sts.NewFromConfig(sdkConfig(w, production, "us-east-1")).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::222222222222:role/Open"), RoleSessionName: aws.String("run-1"), DurationSeconds: aws.Int32(900),
		})
		if err != nil {
			t.Fatal(err)
		}
		session := sdkConfig(w, production, "us-east-1")
		session.Credentials = credentials.NewStaticCredentialsProvider(
			*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		who := func() (*sts.GetCallerIdentityOutput, error) {
			return sts.NewFromConfig(session).GetCallerIdentity(t.Context(), nil)
		}

		time.Sleep(time.Until(*out.Credentials.Expiration))
		got, err := who()
		if err != nil {
			t.Fatal(err)
		}
		if want := "arn:aws:sts::222222222222:assumed-role/Open/run-1"; *got.Arn != want || *got.Account != staging {
			t.Errorf("got %s of %s, want %s", *got.Arn, *got.Account, want)
		}
		if !strings.HasSuffix(*got.UserId, ":run-1") {
			t.Errorf("user id %s", *got.UserId)
		}
		time.Sleep(time.Second)
		_, err = who()
		wantAPIError(t, err, "ExpiredToken")
	})
}

func TestSTSProviderOfTheSDKRenewsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := twoAccounts()
		base := sdkConfig(w, production, "us-east-1")
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), "arn:aws:iam::222222222222:role/Deployer", func(o *stscreds.AssumeRoleOptions) {
			o.ExternalID = aws.String("s3cret+id")
		})
		session := sdkConfig(w, production, "us-east-1")
		session.Credentials = aws.NewCredentialsCache(provider)
		client := sts.NewFromConfig(session)
		for range 3 {
			got, err := client.GetCallerIdentity(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if *got.Account != staging {
				t.Errorf("got account %s", *got.Account)
			}
			time.Sleep(20 * time.Minute)
		}
		if n := w.Stats().Operation("AssumeRole"); n != 3 {
			t.Errorf("%d calls of AssumeRole, want 3", n)
		}
	})
}

func TestSTSSessionToken(t *testing.T) {
	w := twoAccounts()
	out, err := sts.NewFromConfig(sdkConfig(w, staging, "us-east-1")).GetSessionToken(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	session := sdkConfig(w, production, "us-east-1")
	session.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, "x", *out.Credentials.SessionToken)
	got, err := sts.NewFromConfig(session).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Account != staging {
		t.Errorf("got account %s", *got.Account)
	}
}

func TestSTSAnswersInRegionsThatTheAccountDoesNotEnable(t *testing.T) {
	_, err := sts.NewFromConfig(sdkConfig(twoAccounts(), staging, "ap-south-1")).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestSTSUnknownAction(t *testing.T) {
	_, err := sts.NewFromConfig(sdkConfig(twoAccounts(), staging, "us-east-1")).GetAccessKeyInfo(t.Context(), &sts.GetAccessKeyInfoInput{
		AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE"),
	})
	wantAPIError(t, err, "InvalidAction")
}

func TestSTSCredentialsDependOnTheSeed(t *testing.T) {
	key := func(seed uint64) string {
		w := lambdasim.New(lambdasim.Options{Seed: seed})
		w.AddAccount(lambdasim.Account{ID: production, Regions: []string{"us-east-1"}})
		out, err := sts.NewFromConfig(sdkConfig(w, production, "us-east-1")).GetSessionToken(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return *out.Credentials.AccessKeyId
	}
	first, again, other := key(1), key(1), key(2)
	if first != again || first == other {
		t.Errorf("keys %s %s %s", first, again, other)
	}
}
