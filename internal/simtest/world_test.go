package simtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/lambdasim"
	"github.com/autodefend/autodefend/internal/plan"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

// TestMain gives the SDK's own credential chain what it needs.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIASIM" + account, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": region,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	// A custom bundle needs a real transport, and the simulator has none.
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// newWorld makes a world with one account, one region and the Defender's
// layers published.
func newWorld(opts lambdasim.Options) *lambdasim.World {
	w := lambdasim.New(opts)
	w.AddAccount(lambdasim.Account{ID: account, Regions: []string{region}})
	for _, arch := range []string{autodefend.ArchX86, autodefend.ArchARM} {
		w.PutLayerVersion(account, region, lambdasim.LayerSpec{
			Name: "autodefend-defender-" + arch, CodeSize: 2 << 20, UnzippedSize: 5 << 20, Architectures: []string{arch},
		})
	}
	return w
}

// estate returns all functions of the world's region.
func estate(w *lambdasim.World) []lambdasim.FunctionState { return w.Functions(account, region) }

// populate puts n functions of every sort into the world.
func populate(w *lambdasim.World, rng *rand.Rand, n int) {
	var layers []string
	for i := range 6 {
		layers = append(layers, w.PutLayerVersion(account, region, lambdasim.LayerSpec{
			Name: fmt.Sprintf("owners-%d", i), CodeSize: 1 << 20, UnzippedSize: 3 << 20,
		}))
	}
	layers = append(layers, w.PutLayerVersion(account, region, lambdasim.LayerSpec{Name: "deleted", CodeSize: 1 << 20, UnzippedSize: 2 << 20, Deleted: true}))
	for i := range n {
		w.PutFunction(account, region, randomFunction(rng, fmt.Sprintf("function-%03d", i), layers))
	}
}

func randomFunction(rng *rand.Rand, name string, layers []string) lambdasim.FunctionSpec {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	f := lambdasim.FunctionSpec{
		Name: name, Handler: "app.handler", Role: "arn:aws:iam::" + account + ":role/worker",
		Runtime: pick("python3.13", "python3.12", "nodejs22.x", "nodejs24.x", "java21", "ruby3.4", "python3.7", "provided.al2023", "python9.9"),
		Memory:  128 * (1 + rng.IntN(8)), Timeout: 3 + rng.IntN(898),
		Architectures: []string{pick(autodefend.ArchX86, autodefend.ArchARM)},
		Env:           map[string]string{}, Tags: map[string]string{}, CodeSize: 1 << 20, UnzippedSize: 3 << 20,
	}
	for i := range rng.IntN(6) {
		f.Env[fmt.Sprintf("SETTING_%d", i)] = pick("", "plain", `<&>"\`, "déjà vu ☂", fmt.Sprint(rng.Uint64()))
	}
	for _, i := range rng.Perm(len(layers))[:rng.IntN(6)] {
		f.Layers = append(f.Layers, layers[i])
	}
	for i := range rng.IntN(3) {
		f.Tags[fmt.Sprintf("tag-%d", i)] = pick("a", "b", "")
	}
	unusual(rng, &f)
	return f
}

// unusual gives some functions what makes them hard to protect.
func unusual(rng *rand.Rand, f *lambdasim.FunctionSpec) {
	switch rng.IntN(15) {
	case 10:
		f.Env[policyVariable] = "another product's policy"
	case 0:
		f.PackageType, f.Runtime, f.Handler, f.Layers, f.ImageURI = "Image", "", "", nil, account+".dkr.ecr."+region+".amazonaws.com/app:1"
	case 1:
		f.Env["HUGE"] = string(make([]byte, 0, 4000)) + fmt.Sprintf("%03900d", 7)
	case 2:
		f.EnvUndecryptable, f.KMSKeyArn = true, "arn:aws:kms:"+region+":"+account+":key/1"
	case 3, 4:
		f.Env[wrapperVariable] = "/opt/bootstrap"
	case 5:
		f.Tags[tagKey] = "owner says no"
	case 9:
		f.Tags[tagKey] = tagValue // the owner's own, and it shall stay
	case 6:
		f.SnapStart, f.Runtime = "PublishedVersions", "java21"
	case 7:
		f.State, f.StateReasonCode = "Inactive", "Idle"
	case 8:
		f.Env[markerVariable] = "autodefend/20250101T000000-0000" // left over by somebody
		f.Runtime = "python3.13"
	}
}

// runtimes is the catalog of runtimes, which isn't read anew for each of thousands of fleets.
var runtimes = sync.OnceValues(plan.DefaultCatalog)

// newFleet opens the world as the CLI does and makes a fleet of it.
func newFleet(ctx context.Context, t *testing.T, client cloud.HTTPClient, rate float64, run string, change func(*fleet.Config)) *fleet.Fleet {
	t.Helper()
	regions, scopeErrors, err := cloud.Open(ctx, cloud.Config{
		Regions: []string{region}, HTTPClient: client, Pacer: fleet.NewPacer(fleet.PacerConfig{SharedPerSecond: rate}),
		UnzippedSize: func(context.Context, string) (int64, error) { return 3 << 20, nil },
		Jitter:       func() float64 { return 0.5 },
	})
	if err != nil || len(scopeErrors) > 0 {
		t.Logf("open: %v %v", err, scopeErrors)
		return nil
	}
	recipe, err := plan.BuiltinRecipe("autodefend")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := runtimes()
	if err != nil {
		t.Fatal(err)
	}
	cfg := fleet.Config{
		Recipe: recipe, Runtimes: catalog, Tag: autodefend.Tag{Key: tagKey, Value: tagValue}, Run: run,
		AsOf: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Logger: slog.New(slog.DiscardHandler),
		Details: true, MaxFailures: 1 << 30, InFlight: fleet.InFlightFor(rate),
	}
	if change != nil {
		change(&cfg)
	}
	var list []fleet.Region
	for _, r := range regions {
		list = append(list, fleet.Region{Account: r.Account, Partition: r.Partition, Name: r.Name, Estate: r, Layers: r, Writer: r, Insight: r})
	}
	return fleet.New(cfg, list)
}

// embed gives every function a policy of one letter, as long as there's room
// for. One that says the same letter already stays.
func embed(letter string) plan.PolicySource {
	if letter == "" {
		return nil
	}
	return func(f autodefend.Function, room int) string {
		if now := f.Environment.Variables[policyVariable]; strings.HasPrefix(now, ourPolicy+letter) {
			return now
		}
		return ourPolicy + strings.Repeat(letter, min(600, max(room-len(ourPolicy), 200)))
	}
}

// runID is the id of the n-th run of a test.
func runID(n int) string { return fleet.RunID(time.Date(2026, 11, 1, 0, 0, n, 0, time.UTC), uint64(n)) }
