package lambdasim_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

const (
	production = "111111111111"
	staging    = "222222222222"
)

// sdkConfig returns a configuration of the AWS SDK whose calls go to the world
// in process, as the user of the account.
func sdkConfig(w *lambdasim.World, account, region string) aws.Config {
	return aws.Config{
		Region:       region,
		HTTPClient:   w.Client(),
		BaseEndpoint: aws.String("http://aws.invalid"),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIASIM"+account, "x", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// twoAccounts returns a world in which production may deploy to staging.
func twoAccounts() *lambdasim.World {
	w := lambdasim.New(lambdasim.Options{Seed: 1})
	w.AddAccount(lambdasim.Account{ID: production, Regions: []string{"us-east-1", "eu-west-1", "eu-south-1"}, Roles: []lambdasim.Role{
		{Name: "edge", Path: "/service-role/", TrustedServices: []string{"lambda.amazonaws.com", "edgelambda.amazonaws.com"}},
	}})
	w.AddAccount(lambdasim.Account{ID: staging, Regions: []string{"us-east-1"}, Roles: []lambdasim.Role{
		{Name: "Deployer", TrustedAccounts: []string{production}, ExternalID: "s3cret+id"},
		{Name: "Open", TrustedAccounts: []string{production}},
		{Name: "Closed"},
	}})
	return w
}

// wantAPIError fails the test unless err is AWS's error of the given code.
func wantAPIError(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got error %v, want %s", err, code)
	}
	if api.ErrorCode() != code {
		t.Fatalf("got %s: %s, want %s", api.ErrorCode(), api.ErrorMessage(), code)
	}
}
