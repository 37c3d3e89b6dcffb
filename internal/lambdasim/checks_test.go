package lambdasim_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

func TestUpdateConfigurationChecks(t *testing.T) {
	image := func(f *lambdasim.FunctionSpec) {
		f.PackageType, f.ImageURI, f.Runtime, f.Handler = "Image", "r/i:latest", "", ""
	}
	env := func(vars map[string]string) *types.Environment { return &types.Environment{Variables: vars} }
	type update = lambda.UpdateFunctionConfigurationInput
	for _, tt := range []struct {
		name    string
		seed    func(*lambdasim.FunctionSpec)
		update  update
		code    string
		status  int
		message string
	}{
		{"least memory", nil, update{MemorySize: aws.Int32(128)}, "", 0, ""},
		{"most memory", nil, update{MemorySize: aws.Int32(10_240)}, "", 0, ""},
		{
			"too little memory", nil,
			update{MemorySize: aws.Int32(127)},
			"ValidationException", 400,
			"1 validation error detected: Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128",
		},
		{
			"too much memory", nil,
			update{MemorySize: aws.Int32(10_241)},
			"InvalidParameterValueException", 400,
			"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240",
		},
		{"longest timeout", nil, update{Timeout: aws.Int32(900)}, "", 0, ""},
		{
			"timeout too long", nil,
			update{Timeout: aws.Int32(901)},
			"ValidationException", 400,
			"Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
		},
		{
			"reserved variable", nil,
			update{Environment: env(map[string]string{"AWS_REGION": "x"})},
			"InvalidParameterValueException", 400,
			"Reserved keys used in this request: AWS_REGION",
		},
		{"wrapper variable", nil, update{Environment: env(map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/w"})}, "", 0, ""},
		{
			"variable of one letter", nil,
			update{Environment: env(map[string]string{"A": "x"})},
			"ValidationException", 400,
			"Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint",
		},
		{
			"variable that starts with a digit", nil,
			update{Environment: env(map[string]string{"1A": "x"})},
			"ValidationException", 400,
			"environment.variables",
		},
		{
			"request too large", nil,
			update{Description: aws.String("d"), Handler: aws.String(strings.Repeat("h", 6000))},
			"RequestEntityTooLargeException", 413,
			"Request must be smaller than 5120 bytes for the UpdateFunctionConfiguration operation",
		},
		{
			"layers on an image", image,
			update{Layers: []string{"arn:aws:lambda:eu-central-1:123456789012:layer:x:1"}},
			"InvalidParameterValueException", 400,
			"Please don't provide Handler or Runtime or Layer",
		},
		{"image without them", image, update{Timeout: aws.Int32(30)}, "", 0, ""},
		{
			"blocked runtime", func(f *lambdasim.FunctionSpec) { f.Runtime = "python3.7" },
			update{Timeout: aws.Int32(30)},
			"InvalidParameterValueException", 400,
			"The runtime parameter of python3.7 is no longer supported",
		},
		{
			"stuck update", func(f *lambdasim.FunctionSpec) { f.LastUpdateStatus = "InProgress" },
			update{Timeout: aws.Int32(30)},
			"ResourceConflictException", 409,
			"An update is in progress",
		},
		{"inactive function", func(f *lambdasim.FunctionSpec) { f.State = "Inactive" }, update{Timeout: aws.Int32(30)}, "", 0, ""},
		{
			"frozen version", func(f *lambdasim.FunctionSpec) { f.Versions = 1 },
			update{FunctionName: aws.String("arn:aws:lambda:eu-central-1:123456789012:function:one:1"), Timeout: aws.Int32(30)},
			"InvalidParameterValueException", 400, "Aliases and versions do not support this operation.",
		},
		{"six layers", nil, update{Layers: strings.Split(strings.Repeat("arn:aws:lambda:eu-central-1:123456789012:layer:x:1 ", 6), " ")[:6]}, "InvalidParameterValueException", 400, "Cannot reference more than 5 layers."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(lambdasim.Options{})
				putFunction(w, "one", tt.seed)
				before, _ := w.Function(accountID, regionID, "one")
				if tt.update.FunctionName == nil {
					tt.update.FunctionName = aws.String("one")
				}
				_, err := newSDK(w).UpdateFunctionConfiguration(t.Context(), &tt.update)
				if tt.code == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if message := wantCode(t, err, tt.code, tt.status); !strings.Contains(message, tt.message) {
					t.Errorf("got %q, want %q in it", message, tt.message)
				}
				if after, _ := w.Function(accountID, regionID, "one"); after.RevisionID != before.RevisionID {
					t.Error("a refused update changes the revision")
				}
			})
		})
	}
}

func TestPublishedVersionsAreFrozen(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) { f.Versions, f.Aliases = 2, map[string]string{"live": "2"} })
		c := newSDK(w)
		if _, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("one"), MemorySize: aws.Int32(1024)}); err != nil {
			t.Fatal(err)
		}
		for qualifier, want := range map[string]int32{"1": 128, "live": 128, "$LATEST": 1024} {
			got, err := c.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("one"), Qualifier: &qualifier})
			if err != nil {
				t.Fatal(err)
			}
			if *got.MemorySize != want {
				t.Errorf("%s: %d MB, want %d", qualifier, *got.MemorySize, want)
			}
		}
		f, _ := w.Function(accountID, regionID, "one")
		if len(f.Published) != 2 || f.Published[1].Memory != 128 || f.AliasStates["live"].FunctionVersion != "2" {
			t.Errorf("state: %d versions, alias %+v", len(f.Published), f.AliasStates["live"])
		}
	})
}

// Tags hang on the function but, as recorded from AWS, change its revision.
func TestTaggingChangesTheRevision(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		putFunction(w, "one", nil)
		before, _ := w.Function(accountID, regionID, "one")
		_, err := newSDK(w).TagResource(t.Context(), &lambda.TagResourceInput{Resource: &before.ARN, Tags: map[string]string{"SecurityProtected": "True"}})
		if err != nil {
			t.Fatal(err)
		}
		after, _ := w.Function(accountID, regionID, "one")
		if after.RevisionID == before.RevisionID || after.Tags["SecurityProtected"] != "True" {
			t.Errorf("tags %v", after.Tags)
		}
	})
}

func TestCredentials(t *testing.T) {
	for _, tt := range []struct {
		name, key, region string
		code              string
	}{
		{"names its account", "AKIASIM" + accountID, regionID, ""},
		{"names none", "AKIAIOSFODNN7EXAMPLE", regionID, ""},
		{"unknown account", "AKIASIM999999999999", regionID, "UnrecognizedClientException"},
		{"unknown session", "ASIAIOSFODNN7EXAMPLE", regionID, "UnrecognizedClientException"},
		{"expired", "AKIAEXPIRED" + accountID, regionID, "ExpiredTokenException"},
		{"region not enabled", "AKIASIM" + accountID, "ap-east-1", "UnrecognizedClientException"},
		{"none", "", regionID, "MissingAuthenticationTokenException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(lambdasim.Options{})
				opts := lambda.Options{Region: tt.region, HTTPClient: w.Client(), Retryer: aws.NopRetryer{}, Credentials: aws.AnonymousCredentials{}}
				if tt.key != "" {
					opts.Credentials = credentials.NewStaticCredentialsProvider(tt.key, "secret", "")
				}
				_, err := lambda.New(opts).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
				if tt.code == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				wantCode(t, err, tt.code, 403)
			})
		})
	}
}

func TestDeny(t *testing.T) {
	for reason, want := range map[string]string{
		"no policy": "because no identity-based policy allows the lambda:UpdateFunctionConfiguration action",
		"SCP":       "with an explicit deny in a service control policy",
	} {
		inBubble(t, func(t *testing.T) {
			w := newWorld(lambdasim.Options{})
			putFunction(w, "one", nil)
			w.Deny(accountID, "lambda:UpdateFunctionConfiguration", reason)
			c := newSDK(w)
			update := &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("one"), Timeout: aws.Int32(9)}
			_, err := c.UpdateFunctionConfiguration(t.Context(), update)
			message := wantCode(t, err, "AccessDeniedException", 403)
			if !strings.Contains(message, "on resource: arn:aws:lambda:eu-central-1:123456789012:function:one "+want) {
				t.Errorf("%s: %s", reason, message)
			}
			w.Deny(accountID, "lambda:UpdateFunctionConfiguration", "")
			if _, err := c.UpdateFunctionConfiguration(t.Context(), update); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEditFunction(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		putFunction(w, "one", func(f *lambdasim.FunctionSpec) { f.Tags = map[string]string{"team": "a"} })
		before, _ := w.Function(accountID, regionID, "one")
		err := w.EditFunction(accountID, regionID, "one", func(f *lambdasim.FunctionSpec) { f.Env["NEW"] = "1"; f.Memory = 640 })
		if err != nil {
			t.Fatal(err)
		}
		after, _ := w.Function(accountID, regionID, "one")
		if after.RevisionID == before.RevisionID || after.Memory != 640 || after.Env["NEW"] != "1" || after.Env["STAGE"] != "live" || after.Tags["team"] != "a" {
			t.Errorf("got %d MB, %d variables, tags %v", after.Memory, len(after.Env), after.Tags)
		}
		if before.Env["NEW"] != "" {
			t.Error("states share their maps")
		}
		if w.EditFunction(accountID, regionID, "two", func(*lambdasim.FunctionSpec) {}) == nil {
			t.Error("editing a function that isn't there works")
		}
	})
}

// Over a socket a lost connection is a closed one.
func TestServerDropsConnections(t *testing.T) {
	w := newWorld(lambdasim.Options{Faults: &once{operation: "GetFunction", fault: lambdasim.Fault{Kind: lambdasim.DropAfter}}})
	putFunction(w, "one", nil)
	server := httptest.NewServer(w)
	defer server.Close()
	c := lambda.New(lambda.Options{
		Region: regionID, BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIASIM"+accountID, "secret", ""),
	})
	get := func() (*lambda.GetFunctionOutput, error) {
		return c.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("one")})
	}
	var apiErr interface{ ErrorCode() string }
	if _, err := get(); err == nil || errors.As(err, &apiErr) {
		t.Errorf("got %v, want a broken connection", err)
	}
	got, err := get()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Get(*got.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the presigned location answers %d", resp.StatusCode)
	}
}

func TestInvoke(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(lambdasim.Options{})
		putFunction(w, "one", nil)
		c := newSDK(w)
		got, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one"), InvocationType: types.InvocationTypeDryRun})
		if err != nil || got.StatusCode != 204 {
			t.Errorf("dry run: %v, %v", got, err)
		}
		_, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("one")})
		wantCode(t, err, "NotImplementedException", 501)
	})
}

// The decisions of seeded faults depend on what is called, not on when.
func TestSeededFaultsAreRepeatable(t *testing.T) {
	rates := lambdasim.FaultRates{Throttle: 0.2, DropAfter: 0.2, Slow: 0.2, OwnerEdit: 0.2}
	call := func(resource string) lambdasim.Call {
		return lambdasim.Call{Account: accountID, Region: regionID, Service: "lambda", Operation: "UpdateFunctionConfiguration", Resource: resource, Mutating: true}
	}
	a, b := lambdasim.SeededFaults(7, rates), lambdasim.SeededFaults(7, rates)
	var forward, backward []lambdasim.FaultKind
	seen := map[lambdasim.FaultKind]bool{}
	for range 200 {
		forward = append(forward, a.Inject(call("x")).Kind)
		a.Inject(call("y"))
	}
	for range 200 {
		b.Inject(call("z"))
		kind := b.Inject(call("x")).Kind
		backward = append(backward, kind)
		seen[kind] = true
	}
	for i := range forward {
		if forward[i] != backward[i] {
			t.Fatalf("call %d: %s and %s", i, forward[i], backward[i])
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d kinds in 200 calls, want all 4 and None", len(seen))
	}
}
