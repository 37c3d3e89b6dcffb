package lambdasim_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

const (
	accountID = "123456789012"
	regionID  = "eu-central-1"
	roleArn   = "arn:aws:iam::123456789012:role/app"
)

// newWorld returns a world of one account with two regions.
func newWorld(opts lambdasim.Options) *lambdasim.World {
	w := lambdasim.New(opts)
	w.AddAccount(lambdasim.Account{ID: accountID, Regions: []string{regionID, "us-east-1"}})
	return w
}

// newSDK returns the real SDK's client on a world, without retries.
func newSDK(w *lambdasim.World) *lambda.Client {
	return lambda.New(lambda.Options{
		Region:      regionID,
		HTTPClient:  w.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIASIM"+accountID, "secret", ""),
		Retryer:     aws.NopRetryer{},
	})
}

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Settle: lambdasim.SettleTimes{Min: time.Second, Max: time.Second}})
		w.PutFunction(accountID, regionID, lambdasim.FunctionSpec{Name: "one", Runtime: "python3.12", Handler: "a.b", Role: roleArn})
		c := newSDK(w)
		ctx := context.Background()
		got, err := c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("one")})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v %v", *got.Configuration.RevisionId, *got.Code.Location)
		up, err := c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("one"), MemorySize: aws.Int32(512), RevisionId: got.Configuration.RevisionId})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(up.LastUpdateStatus, *up.MemorySize)
		l, err := c.ListFunctions(ctx, &lambda.ListFunctionsInput{})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(len(l.Functions), l.NextMarker)
	})
}
