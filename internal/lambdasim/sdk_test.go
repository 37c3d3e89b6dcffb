package lambdasim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// These tests drive a world with the real AWS SDK in virtual time.

const (
	accountID = "123456789012"
	otherID   = "210987654321"
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

// putFunction puts a small Python function into the world.
func putFunction(w *lambdasim.World, name string, edit func(*lambdasim.FunctionSpec)) {
	spec := lambdasim.FunctionSpec{
		Name: name, Runtime: "python3.12", Handler: "app.handler", Role: roleArn,
		Env: map[string]string{"STAGE": "live"},
	}
	if edit != nil {
		edit(&spec)
	}
	w.PutFunction(accountID, regionID, spec)
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// wantCode checks the code and the status of an SDK error and returns its
// message.
func wantCode(t *testing.T, err error, code string, status int) string {
	t.Helper()
	var apiErr smithy.APIError
	var response interface{ HTTPStatusCode() int }
	if !errors.As(err, &apiErr) || !errors.As(err, &response) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if apiErr.ErrorCode() != code || response.HTTPStatusCode() != status {
		t.Fatalf("got %s %d (%s), want %s %d", apiErr.ErrorCode(), response.HTTPStatusCode(), apiErr.ErrorMessage(), code, status)
	}
	return apiErr.ErrorMessage()
}

func TestListFunctionsPages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		for i := range 120 {
			putFunction(w, fmt.Sprintf("fn-%03d", i), nil)
		}
		pages := lambda.NewListFunctionsPaginator(newSDK(w), &lambda.ListFunctionsInput{MaxItems: aws.Int32(10_000)})
		var sizes []int
		var names []string
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(page.Functions))
			for _, f := range page.Functions {
				if f.State != "" || f.LastUpdateStatus != "" || f.RuntimeVersionConfig != nil {
					t.Fatalf("%s: a listing has no states", *f.FunctionName)
				}
				names = append(names, *f.FunctionName)
			}
		}
		if got := fmt.Sprint(sizes); got != "[50 50 20]" {
			t.Errorf("pages of %s, want [50 50 20]", got)
		}
		if names[0] != "fn-000" || names[119] != "fn-119" {
			t.Errorf("from %s to %s", names[0], names[119])
		}
		_, err := newSDK(w).ListFunctions(t.Context(), &lambda.ListFunctionsInput{Marker: aws.String("fn-003")})
		wantCode(t, err, "InvalidParameterValueException", 400)
	})
}

// A function that disappears between two pages takes nothing else with it.
func TestListFunctionsWhileFunctionsCome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		for i := range 60 {
			putFunction(w, fmt.Sprintf("fn-%03d", i), nil)
		}
		c := newSDK(w)
		first, err := c.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("fn-049")}); err != nil {
			t.Fatal(err)
		}
		putFunction(w, "fn-055b", nil)
		second, err := c.ListFunctions(t.Context(), &lambda.ListFunctionsInput{Marker: first.NextMarker})
		if err != nil {
			t.Fatal(err)
		}
		if len(second.Functions) != 11 || *second.Functions[0].FunctionName != "fn-050" {
			t.Errorf("%d functions from %s, want 11 from fn-050", len(second.Functions), *second.Functions[0].FunctionName)
		}
	})
}

func TestQuotas(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Quotas: lambdasim.AWSQuotas()})
		putFunction(w, "one", nil)
		c := newSDK(w)
		get := func() error {
			_, err := c.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("one")})
			return err
		}
		for i := range 15 {
			if err := get(); err != nil {
				t.Fatalf("call %d of the burst: %v", i, err)
			}
		}
		err := get()
		wantCode(t, err, "TooManyRequestsException", 429)
		var throttled *types.TooManyRequestsException
		if !errors.As(err, &throttled) || throttled.Reason != types.ThrottleReasonCallerRateLimitExceeded {
			t.Errorf("got %#v", throttled)
		}
		// GetFunction has a bucket of its own.
		for range 100 {
			if _, err := c.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("one")}); err != nil {
				t.Fatal(err)
			}
		}
		// A caller at exactly the rate is never throttled.
		time.Sleep(time.Second)
		for range 200 {
			if err := get(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second / 15)
		}
		if n := w.Stats().Throttled(); n != 1 {
			t.Errorf("%d throttled calls, want 1", n)
		}
	})
}

func TestRevisionChangesTwicePerUpdate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Settle: lambdasim.SettleTimes{Min: 2 * time.Second, Max: 5 * time.Second}})
		putFunction(w, "one", nil)
		c := newSDK(w)
		read := func() *lambda.GetFunctionConfigurationOutput {
			got, err := c.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("one")})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		before := read()
		update := func(revision *string) (*lambda.UpdateFunctionConfigurationOutput, error) {
			return c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
				FunctionName: aws.String("one"), RevisionId: revision, MemorySize: aws.Int32(512),
			})
		}
		pending, err := update(before.RevisionId)
		if err != nil {
			t.Fatal(err)
		}
		if pending.LastUpdateStatus != types.LastUpdateStatusInProgress || *pending.RevisionId == *before.RevisionId {
			t.Errorf("after the call: %s, revision changed: %v", pending.LastUpdateStatus, *pending.RevisionId != *before.RevisionId)
		}
		if during := read(); *during.RevisionId != *pending.RevisionId {
			t.Error("reading changes the revision")
		}
		_, err = update(nil)
		message := wantCode(t, err, "ResourceConflictException", 409)
		if !strings.Contains(message, "An update is in progress for resource: arn:aws:lambda:eu-central-1:123456789012:function:one") {
			t.Error(message)
		}
		_, err = update(before.RevisionId)
		wantCode(t, err, "PreconditionFailedException", 412)
		time.Sleep(5 * time.Second)
		after := read()
		if after.LastUpdateStatus != types.LastUpdateStatusSuccessful || *after.RevisionId == *pending.RevisionId {
			t.Errorf("settled: %s, revision changed: %v", after.LastUpdateStatus, *after.RevisionId != *pending.RevisionId)
		}
		_, err = update(pending.RevisionId)
		wantCode(t, err, "PreconditionFailedException", 412)
	})
}

// once injects one fault into the first call of an operation.
type once struct {
	operation string
	fault     lambdasim.Fault
	done      bool
}

func (o *once) Inject(c lambdasim.Call) lambdasim.Fault {
	if o.done || c.Operation != o.operation {
		return lambdasim.Fault{}
	}
	o.done = true
	return o.fault
}

func TestFaults(t *testing.T) {
	reset := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset connection", err)
		}
	}
	for _, tt := range []struct {
		kind    lambdasim.FaultKind
		check   func(*testing.T, error)
		memory  int
		retried string // the error code of the same call sent again
	}{
		{lambdasim.Throttle, func(t *testing.T, err error) { wantCode(t, err, "TooManyRequestsException", 429) }, 128, ""},
		{lambdasim.ServerError, func(t *testing.T, err error) { wantCode(t, err, "ServiceException", 500) }, 128, ""},
		{lambdasim.ServerErrorAfter, func(t *testing.T, err error) { wantCode(t, err, "ServiceException", 500) }, 512, "PreconditionFailedException"},
		{lambdasim.DropBefore, reset, 128, ""},
		{lambdasim.DropAfter, reset, 512, "PreconditionFailedException"},
		{lambdasim.OwnerEdit, func(t *testing.T, err error) { wantCode(t, err, "PreconditionFailedException", 412) }, 192, "PreconditionFailedException"},
	} {
		t.Run(tt.kind.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(lambdasim.Options{Faults: &once{operation: "UpdateFunctionConfiguration", fault: lambdasim.Fault{Kind: tt.kind}}})
				putFunction(w, "one", nil)
				c := newSDK(w)
				before, _ := w.Function(accountID, regionID, "one")
				update := func() error {
					_, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
						FunctionName: aws.String("one"), RevisionId: &before.RevisionID, MemorySize: aws.Int32(512),
					})
					return err
				}
				tt.check(t, update())
				after, _ := w.Function(accountID, regionID, "one")
				if after.Memory != tt.memory {
					t.Errorf("memory %d, want %d", after.Memory, tt.memory)
				}
				if err := update(); tt.retried == "" && err != nil {
					t.Errorf("sent again: %v", err)
				} else if tt.retried != "" {
					wantCode(t, err, tt.retried, 412)
				}
			})
		})
	}
}

func TestFailedUpdateKeepsTheOldConfiguration(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{
			Settle: lambdasim.SettleTimes{Min: time.Second, Max: time.Second},
			Faults: &once{operation: "UpdateFunctionConfiguration", fault: lambdasim.Fault{Kind: lambdasim.UpdateFails}},
		})
		putFunction(w, "one", nil)
		before, _ := w.Function(accountID, regionID, "one")
		_, err := newSDK(w).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("one"), Environment: &types.Environment{Variables: map[string]string{"A1": "b"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		after, _ := w.Function(accountID, regionID, "one")
		if after.LastUpdateStatus != "Failed" || after.Env["STAGE"] != "live" || after.Env["A1"] != "" {
			t.Errorf("%s with %d variables", after.LastUpdateStatus, len(after.Env))
		}
		if after.RevisionID == before.RevisionID {
			t.Error("a failed update leaves the revision id as it was")
		}
	})
}

func TestSlowCallsObeyTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{Latency: func(lambdasim.Call) time.Duration { return 3 * time.Second }})
		putFunction(w, "one", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := newSDK(w).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("one")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		start := time.Now()
		if _, err := newSDK(w).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("one")}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %s, want 3s", took)
		}
	})
}

func TestEnvironmentLimit(t *testing.T) {
	// {"K":""} is 8 bytes.
	value := func(n int) string { return strings.Repeat("x", n-len(`{"K1":""}`)) }
	for _, tt := range []struct {
		name  string
		value string
		ok    bool
	}{
		{"4,096 bytes", value(4096), true},
		{"4,097 bytes", value(4097), false},
		{"HTML is not escaped", "<>&" + value(4096-3), true},
		{"unicode counts in bytes", "ä" + value(4096-2), true},
		{"unicode beyond the limit", "ä" + value(4096-1), false},
		{"quotes are escaped", `"` + value(4096-1), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(lambdasim.Options{})
				putFunction(w, "one", nil)
				_, err := newSDK(w).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
					FunctionName: aws.String("one"), Environment: &types.Environment{Variables: map[string]string{"K1": tt.value}},
				})
				if tt.ok {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				message := wantCode(t, err, "InvalidParameterValueException", 400)
				if !strings.Contains(message, "exceeded the 4KB limit. String measured: {\"K1\":\"") {
					t.Errorf("%.200s", message)
				}
			})
		})
	}
}

func TestUndecryptableEnvironment(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) {
			f.EnvUndecryptable, f.KMSKeyArn = true, "arn:aws:kms:eu-central-1:123456789012:key/1"
		})
		c := newSDK(w)
		got, err := c.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("one")})
		if err != nil {
			t.Fatal(err)
		}
		env := got.Configuration.Environment
		if env.Variables != nil || env.Error == nil || *env.Error.ErrorCode != "AccessDeniedException" {
			t.Errorf("got %v and %v", env.Variables, env.Error)
		}
		// An update that leaves the environment out leaves it alone.
		if _, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("one"), Timeout: aws.Int32(9)}); err != nil {
			t.Fatal(err)
		}
		if f, _ := w.Function(accountID, regionID, "one"); f.Env["STAGE"] != "live" {
			t.Error("the true variables are gone")
		}
		// One that carries it does the harm that the world must be able to show.
		if _, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("one"), Environment: &types.Environment{Variables: map[string]string{"MINE": "1"}},
		}); err != nil {
			t.Fatal(err)
		}
		if f, _ := w.Function(accountID, regionID, "one"); f.Env["STAGE"] != "" || f.Env["MINE"] != "1" {
			t.Errorf("%d variables", len(f.Env))
		}
	})
}

func TestPresignedLocation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) { f.CodeSize, f.UnzippedSize = 5<<20, 200<<20 })
		got, err := newSDK(w).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("one")})
		if err != nil {
			t.Fatal(err)
		}
		fetch := func(location, byteRange string) (*http.Response, []byte) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if byteRange != "" {
				req.Header.Set("Range", byteRange)
			}
			resp, err := w.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp, body
		}
		whole, content := fetch(*got.Code.Location, "")
		if whole.StatusCode != http.StatusOK || unzippedSize(t, content) != 200<<20 {
			t.Errorf("status %d, unzipped size %d", whole.StatusCode, unzippedSize(t, content))
		}
		part, tail := fetch(*got.Code.Location, "bytes=-22")
		if part.StatusCode != http.StatusPartialContent || string(tail) != string(content[len(content)-22:]) {
			t.Errorf("status %d, %d bytes", part.StatusCode, len(tail))
		}
		forged, _ := fetch(strings.Replace(*got.Code.Location, "/one/", "/two/", 1), "")
		if forged.StatusCode != http.StatusForbidden {
			t.Errorf("a changed location answers %d", forged.StatusCode)
		}
		time.Sleep(11 * time.Minute)
		if late, _ := fetch(*got.Code.Location, ""); late.StatusCode != http.StatusForbidden {
			t.Errorf("an expired location answers %d", late.StatusCode)
		}
	})
}
