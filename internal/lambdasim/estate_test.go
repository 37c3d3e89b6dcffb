package lambdasim_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// demoFunctions returns every function of a demo estate.
func demoFunctions(w *lambdasim.World) []lambdasim.FunctionState {
	return slices.Concat(
		w.Functions(lambdasim.DemoProduction, "us-east-1"),
		w.Functions(lambdasim.DemoProduction, "eu-west-1"),
		w.Functions(lambdasim.DemoStaging, "us-east-1"),
	)
}

func TestDemoEstateShowsEverythingTwice(t *testing.T) {
	all := demoFunctions(lambdasim.DemoEstate(1))
	if n := len(all); n < 190 || n > 215 {
		t.Errorf("%d functions, want about 200", n)
	}
	holds := func(part string) func(lambdasim.FunctionState) bool {
		return func(f lambdasim.FunctionState) bool {
			return slices.ContainsFunc(f.Layers, func(arn string) bool { return strings.Contains(arn, part) })
		}
	}
	runtime := func(name string) func(lambdasim.FunctionState) bool {
		return func(f lambdasim.FunctionState) bool { return f.Runtime == name }
	}
	memory := func(mb int) func(lambdasim.FunctionState) bool {
		return func(f lambdasim.FunctionState) bool { return f.Memory == mb }
	}
	timeout := func(s int) func(lambdasim.FunctionState) bool {
		return func(f lambdasim.FunctionState) bool { return f.Timeout == s }
	}
	wrapper := func(path string) func(lambdasim.FunctionState) bool {
		return func(f lambdasim.FunctionState) bool { return f.Env["AWS_LAMBDA_EXEC_WRAPPER"] == path }
	}
	for name, is := range map[string]func(lambdasim.FunctionState) bool{
		"images":          func(f lambdasim.FunctionState) bool { return f.PackageType == "Image" },
		"arm64":           func(f lambdasim.FunctionState) bool { return slices.Contains(f.Architectures, "arm64") },
		"provided.al2023": runtime("provided.al2023"),
		"go1.x":           runtime("go1.x"),
		"python3.7":       runtime("python3.7"),
		"unheard of":      runtime("python3.99"),
		"nodejs14.x":      runtime("nodejs14.x"),
		"python3.8":       runtime("python3.8"),
		"128 MB":          memory(128),
		"256 MB":          memory(256),
		"257 MB":          memory(257),
		"900 s":           timeout(900),
		"870 s":           timeout(870),
		"869 s":           timeout(869),
		"5 layers":        func(f lambdasim.FunctionState) bool { return len(f.Layers) == 5 },
		"4 layers":        func(f lambdasim.FunctionState) bool { return len(f.Layers) == 4 },
		"over 70 MB":      func(f lambdasim.FunctionState) bool { return f.CodeSize > 70<<20 },
		"near 250 MB": func(f lambdasim.FunctionState) bool {
			return f.UnzippedSize > 260_000_000 && f.UnzippedSize < 262_144_000
		},
		"full environment": func(f lambdasim.FunctionState) bool { return environmentBytes(t, f.Env) >= 4090 },
		"undecryptable":    func(f lambdasim.FunctionState) bool { return f.EnvUndecryptable },
		"web adapter":      wrapper("/opt/bootstrap"),
		"datadog":          wrapper("/opt/datadog_wrapper"),
		"opentelemetry":    wrapper("/opt/otel-handler"),
		"unknown wrapper":  wrapper("/opt/acme/start"),
		"half attached":    wrapper("/opt/autodefend/wrapper"),
		"deleted layer":    holds(":layer:old-fonts:"),
		"unshared layer":   holds(":layer:acme-feed:"),
		"code signing":     func(f lambdasim.FunctionState) bool { return f.CodeSigningConfigArn != "" },
		"failed":           func(f lambdasim.FunctionState) bool { return f.State == "Failed" },
		"pending":          func(f lambdasim.FunctionState) bool { return f.State == "Pending" },
		"inactive":         func(f lambdasim.FunctionState) bool { return f.State == "Inactive" },
		"in progress":      func(f lambdasim.FunctionState) bool { return f.LastUpdateStatus == "InProgress" },
		"update failed":    func(f lambdasim.FunctionState) bool { return f.LastUpdateStatus == "Failed" },
		"snapstart":        func(f lambdasim.FunctionState) bool { return f.SnapStart == "PublishedVersions" },
		"edge": func(f lambdasim.FunctionState) bool {
			return strings.HasSuffix(f.Role, "/lambda-edge") && len(f.Env) == 0
		},
		"managed instances": func(f lambdasim.FunctionState) bool { return f.CapacityProviderArn != "" },
		"durable":           func(f lambdasim.FunctionState) bool { return f.Durable != nil },
		"legacy billing":    func(f lambdasim.FunctionState) bool { return strings.HasPrefix(f.Name, "legacy-billing-") },
		"aliases":           func(f lambdasim.FunctionState) bool { return len(f.Published) > 0 && len(f.AliasStates) > 0 },
		"cloudformation":    func(f lambdasim.FunctionState) bool { return f.Tags["aws:cloudformation:stack-name"] != "" },
		"terraform":         func(f lambdasim.FunctionState) bool { return f.Tags["ManagedBy"] == "Terraform" },
		"tagged":            func(f lambdasim.FunctionState) bool { return f.Tags["SecurityProtected"] == "True" },
		"longest name":      func(f lambdasim.FunctionState) bool { return len(f.Name) == 64 },
		"synthetics":        func(f lambdasim.FunctionState) bool { return strings.HasPrefix(f.Name, "cwsyn-") },
	} {
		if n := len(slices.DeleteFunc(slices.Clone(all), func(f lambdasim.FunctionState) bool { return !is(f) })); n < 2 {
			t.Errorf("%s: %d functions, want at least 2", name, n)
		}
	}
}

// environmentBytes is the size that AWS limits: compact JSON, HTML not escaped.
func environmentBytes(t *testing.T, env map[string]string) int {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(env); err != nil {
		t.Fatal(err)
	}
	return b.Len() - 1
}

func TestDemoEstateIsWhatAWSWouldHold(t *testing.T) {
	for _, f := range demoFunctions(lambdasim.DemoEstate(7)) {
		if len(f.Name) > 64 || len(f.Layers) > 5 || environmentBytes(t, f.Env) > 4096 || len(f.Tags) > 50 || f.UnzippedSize > 262_144_000 {
			t.Errorf("%s: name %d, layers %d, environment %d, tags %d, unzipped %d",
				f.Name, len(f.Name), len(f.Layers), environmentBytes(t, f.Env), len(f.Tags), f.UnzippedSize)
		}
		if len(f.LayerDetails) != len(f.Layers) {
			t.Errorf("%s: %d layers, %d known", f.Name, len(f.Layers), len(f.LayerDetails))
		}
		for _, l := range f.LayerDetails {
			if l.CodeSize == 0 {
				t.Errorf("%s: the layer %s is not in the world", f.Name, l.Arn)
			}
		}
	}
}

// TestDemoEstateRefusesWholeLists submits the layers that functions hold, as
// every tool that adds one must.
func TestDemoEstateRefusesWholeLists(t *testing.T) {
	w := lambdasim.DemoEstate(1)
	refused := map[string]int{}
	for _, f := range demoFunctions(w) {
		deleted := slices.ContainsFunc(f.Layers, func(arn string) bool { return strings.Contains(arn, ":old-fonts:") })
		unshared := slices.ContainsFunc(f.Layers, func(arn string) bool { return strings.Contains(arn, ":acme-feed:") })
		if !deleted && !unshared && !strings.HasPrefix(f.Name, "signed-") && !strings.HasPrefix(f.Name, "otel-") {
			continue
		}
		_, err := lambda.NewFromConfig(sdkConfig(w, f.Account, f.Region)).UpdateFunctionConfiguration(t.Context(),
			&lambda.UpdateFunctionConfigurationInput{FunctionName: &f.Name, Layers: f.Layers})
		switch {
		case deleted:
			wantAPIError(t, err, "InvalidParameterValueException")
			refused["deleted"]++
		case unshared:
			wantAPIError(t, err, "AccessDeniedException")
			refused["unshared"]++
		case err != nil:
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if refused["deleted"] != 2 || refused["unshared"] != 2 {
		t.Errorf("refused %v", refused)
	}
}

// TestDemoEstateTakesOnlySignedLayersWhereItSaysSo adds an unsigned layer.
func TestDemoEstateTakesOnlySignedLayersWhereItSaysSo(t *testing.T) {
	w := lambdasim.DemoEstate(1)
	for _, f := range demoFunctions(w) {
		if f.CodeSigningConfigArn == "" {
			continue
		}
		layer := "arn:aws:lambda:" + f.Region + ":" + f.Account + ":layer:shared-utils:1"
		_, err := lambda.NewFromConfig(sdkConfig(w, f.Account, f.Region)).UpdateFunctionConfiguration(t.Context(),
			&lambda.UpdateFunctionConfigurationInput{FunctionName: &f.Name, Layers: []string{layer}})
		if strings.HasPrefix(f.Name, "signed-warn-") {
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			continue
		}
		wantAPIError(t, err, "CodeVerificationFailedException")
	}
}

func TestDemoEstateDependsOnTheSeedAlone(t *testing.T) {
	same := cmp.Diff(demoFunctions(lambdasim.DemoEstate(3)), demoFunctions(lambdasim.DemoEstate(3)))
	if same != "" {
		t.Error(same)
	}
	if cmp.Equal(demoFunctions(lambdasim.DemoEstate(3)), demoFunctions(lambdasim.DemoEstate(4))) {
		t.Error("two seeds give the same estate")
	}
}

func TestDemoSecretsAreAllKnown(t *testing.T) {
	w := lambdasim.DemoEstate(1)
	secrets := lambdasim.DemoSecrets(w)
	if len(secrets) < 150 {
		t.Errorf("%d secrets", len(secrets))
	}
	for _, f := range demoFunctions(w) {
		for name, value := range f.Env {
			sensitive := strings.Contains(value, "hunter2") || strings.HasSuffix(name, "_PASSWORD") || strings.HasSuffix(name, "_KEY") || strings.HasSuffix(name, "_TOKEN")
			if sensitive && !slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(value, s) }) {
				t.Errorf("%s: the value of %s is not among the secrets", f.Name, name)
			}
		}
	}
	for _, s := range secrets {
		if len(s) < 16 {
			t.Errorf("the secret %q is too short to look for", s)
		}
	}
}

func TestFleets(t *testing.T) {
	w := lambdasim.New(lambdasim.Options{})
	w.AddAccount(lambdasim.Account{ID: production, Regions: []string{"us-east-1", "eu-west-1"}})
	began := time.Now()
	lambdasim.BuildFleet(w, production, "us-east-1", 10_000, lambdasim.FleetCandidates)
	t.Logf("10,000 functions in %s", time.Since(began))
	lambdasim.BuildFleet(w, production, "eu-west-1", 1000, lambdasim.FleetUnfit)
	fit := func(f lambdasim.FunctionState) bool {
		return f.PackageType == "Zip" && f.Runtime != "provided.al2023" && f.Runtime != "go1.x"
	}
	for region, want := range map[string]int{"us-east-1": 10_000, "eu-west-1": 100} {
		n := 0
		for _, f := range w.Functions(production, region) {
			if fit(f) {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d functions are fit, want %d", region, n, want)
		}
	}
}

func BenchmarkBuildFleet(b *testing.B) {
	for b.Loop() {
		w := lambdasim.New(lambdasim.Options{})
		w.AddAccount(lambdasim.Account{ID: production, Regions: []string{"us-east-1"}})
		lambdasim.BuildFleet(w, production, "us-east-1", 10_000, lambdasim.FleetCandidates)
	}
}
