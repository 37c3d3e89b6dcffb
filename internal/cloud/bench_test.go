package cloud

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/autodefend/autodefend/internal/lambdasim"
)

// benchHome opens a region with functions of everyday size.
func benchHome(b *testing.B, functions int) *Region {
	b.Helper()
	none := filepath.Join(b.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIASIM" + home, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": ireland, "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": "",
	} {
		b.Setenv(name, value)
	}
	w := newWorld(lambdasim.Options{})
	layer := w.PutLayerVersion(home, ireland, lambdasim.LayerSpec{Name: "tools", CodeSize: 1234})
	for i := range functions {
		w.PutFunction(home, ireland, lambdasim.FunctionSpec{
			Name: fmt.Sprintf("service-%05d", i), Runtime: "python3.13", Handler: "app.main", Role: "arn:aws:iam::" + home + ":role/exec",
			Env:    map[string]string{"STAGE": "prod", "TABLE": "orders", "LOG_LEVEL": "info", "ENDPOINT": "https://example.com/v1"},
			Layers: []string{layer}, Memory: 512, Timeout: 30,
		})
	}
	regions, _, err := Open(b.Context(), Config{HTTPClient: w.Client()})
	if err != nil {
		b.Fatal(err)
	}
	return regions[0]
}

// BenchmarkListFunctions measures how fast listings are read: the simulator's
// answer, the SDK and the mapping together, on one goroutine.
func BenchmarkListFunctions(b *testing.B) {
	r := benchHome(b, 500)
	b.ReportAllocs()
	functions := 0
	marker := ""
	for b.Loop() {
		page, next, err := r.ListFunctions(b.Context(), marker)
		if err != nil {
			b.Fatal(err)
		}
		functions, marker = functions+len(page), next
	}
	b.ReportMetric(float64(functions)/b.Elapsed().Seconds(), "functions/s")
}
