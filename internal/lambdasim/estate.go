package lambdasim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"
)

// The accounts of the demo estate.
const (
	// DemoProduction has functions in us-east-1 and eu-west-1.
	DemoProduction = "111111111111"
	// DemoStaging has functions in us-east-1.
	DemoStaging = "222222222222"
	// DemoPartner owns layers that the others use; it has no functions.
	DemoPartner = "333333333333"
	// DemoRole is the role in staging that production may assume.
	DemoRole = "arn:aws:iam::" + DemoStaging + ":role/AutodefendDeployer"
	// DemoExternalID is what must be presented to assume DemoRole.
	DemoExternalID = "autodefend-demo"
)

// demoSecretMark begins every secret-looking value of the demo estate.
const demoSecretMark = "hunter2-"

// DemoEstate returns a world with AWS's quotas, quick updates and the demo
// estate. The same seed gives the same estate.
func DemoEstate(seed uint64) *World {
	w := New(Options{
		Seed:   seed,
		Quotas: AWSQuotas(),
		Settle: SettleTimes{Min: 100 * time.Millisecond, Max: 400 * time.Millisecond},
	})
	BuildDemo(w)
	return w
}

// BuildDemo fills a world with two accounts of about 200 functions, most of
// which can be protected, while the others show every reason not to, at least
// twice each. It depends on the world's seed alone.
func BuildDemo(w *World) {
	b := &estateBuilder{world: w, rng: seededRand(w.opts.Seed, "demo estate")}
	b.accounts()
	b.layers()
	b.signingConfigs()
	b.everyday()
	for row, odd := range slices.Concat(unfitOddities(), fitOddities(), ownedOddities()) {
		b.odd(row, odd)
	}
}

// DemoSecrets returns the secrets in the environments of a world that BuildDemo
// filled, sorted: no output of a tool may contain any of them.
func DemoSecrets(w *World) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	pattern := regexp.MustCompile(demoSecretMark + `[0-9a-f]+`)
	found := map[string]bool{}
	for _, a := range w.accounts {
		for _, r := range a.regions {
			for _, f := range r.functions {
				for _, value := range f.latest.spec.Env {
					for _, secret := range pattern.FindAllString(value, -1) {
						found[secret] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// place is an account's region.
type place struct{ account, region string }

// demoPlaces are where the demo estate's functions live.
func demoPlaces() []place {
	return []place{{DemoProduction, "us-east-1"}, {DemoProduction, "eu-west-1"}, {DemoStaging, "us-east-1"}}
}

// layerArn returns the ARN of a layer's only version in this place.
func (p place) layerArn(name string) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:layer:%s:1", p.region, p.account, name)
}

// partner is the partner's account in the same region.
func (p place) partner() place { return place{DemoPartner, p.region} }

// signer is the signing profile of releases in this place.
func (p place) signer() string {
	return fmt.Sprintf("arn:aws:signer:%s:%s:/signing-profiles/releases/ab12cd34ef", p.region, p.account)
}

// roleArn returns the ARN of a role in this place's account.
func (p place) roleArn(name string) string { return "arn:aws:iam::" + p.account + ":role/" + name }

// estateBuilder makes functions that look as if people had written them.
type estateBuilder struct {
	world *World
	rng   *rand.Rand
	// signing are the code signing configurations by place and policy.
	signing map[place]map[string]string
}

// accounts adds the demo's accounts and roles.
func (b *estateBuilder) accounts() {
	execution := []Role{
		{Name: "lambda-execution", Path: "/service-role/", TrustedServices: []string{"lambda.amazonaws.com"}},
		{Name: "lambda-edge", Path: "/service-role/", TrustedServices: []string{"lambda.amazonaws.com", "edgelambda.amazonaws.com"}},
	}
	b.world.AddAccount(Account{ID: DemoProduction, Alias: "production", Regions: []string{"us-east-1", "eu-west-1"}, Roles: execution})
	b.world.AddAccount(Account{
		ID: DemoStaging, Alias: "staging", Regions: []string{"us-east-1"},
		Roles: append(slices.Clone(execution), Role{
			Name: "AutodefendDeployer", TrustedAccounts: []string{DemoProduction}, ExternalID: DemoExternalID,
		}),
	})
}

// layers publishes the layers that the functions hold.
func (b *estateBuilder) layers() {
	everyone := []string{"*"}
	for _, p := range demoPlaces() {
		for i, name := range ownLayers() {
			b.putLayer(p, LayerSpec{Name: name, CodeSize: int64(i+1) * 400_000, UnzippedSize: int64(i+1) * 1_300_000})
		}
		b.putLayer(p, LayerSpec{Name: "old-fonts", CodeSize: 2_000_000, UnzippedSize: 4_100_000, Deleted: true})
	}
	for _, p := range demoPlaces()[:2] {
		for _, name := range []string{"acme-tracing", "web-adapter", "datadog-extension", "otel-collector"} {
			b.putLayer(p.partner(), LayerSpec{Name: name, CodeSize: 3_400_000, UnzippedSize: 9_800_000, SharedWith: everyone})
		}
		b.putLayer(p.partner(), LayerSpec{Name: "acme-feed", CodeSize: 900_000, UnzippedSize: 2_000_000})
	}
}

// putLayer publishes the next version of a layer.
func (b *estateBuilder) putLayer(p place, spec LayerSpec) {
	b.world.PutLayerVersion(p.account, p.region, spec)
}

// put adds a function.
func (b *estateBuilder) put(p place, spec FunctionSpec) {
	b.world.PutFunction(p.account, p.region, spec)
}

// signingConfigs adds a code signing configuration of either policy everywhere.
func (b *estateBuilder) signingConfigs() {
	b.signing = map[place]map[string]string{}
	for _, p := range demoPlaces() {
		b.signing[p] = map[string]string{
			"Enforce": b.world.putSigningConfig(p, "Enforce", p.signer()),
			"Warn":    b.world.putSigningConfig(p, "Warn", p.signer()),
		}
	}
}

// putSigningConfig adds a code signing configuration with one allowed signer
// and returns its ARN.
func (w *World) putSigningConfig(p place, policy, signer string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.region(p.account, p.region)
	s := &signingConfig{ID: "csc-" + hexOnly(uuid(w.opts.Seed, "demo signing", p.account, p.region, policy))[:17]}
	s.Arn = fmt.Sprintf("arn:aws:lambda:%s:%s:code-signing-config:%s", p.region, p.account, s.ID)
	s.Description = "Releases, " + policy
	s.AllowedPublishers.SigningProfileVersionArns = []string{signer}
	s.CodeSigningPolicies.UntrustedArtifactOnDeployment = policy
	s.LastModified = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC).Format(lastModifiedFormat)
	r.signing[s.Arn] = s
	return s.Arn
}

// ownLayers are the layers that every demo account publishes.
func ownLayers() []string {
	return []string{"shared-utils", "db-drivers", "imaging", "observability", "crypto"}
}

// pick returns one of the options.
func pick[T any](rng *rand.Rand, options ...T) T { return options[rng.IntN(len(options))] }

// secret returns a value that must not leak.
func (b *estateBuilder) secret() string {
	return fmt.Sprintf("%s%016x", demoSecretMark, b.rng.Uint64())
}

// base returns an everyday function on a current runtime.
func (b *estateBuilder) base(p place, name string) FunctionSpec {
	runtime := pick(b.rng, "nodejs24.x", "nodejs22.x", "python3.13", "python3.13", "python3.12", "python3.14", "java21", "java25", "ruby3.4", "dotnet10")
	size := 200_000 + b.rng.Int64N(12_000_000)
	return FunctionSpec{
		Name:          name,
		Description:   "Handles " + name,
		Runtime:       runtime,
		Handler:       handlerFor(runtime),
		Role:          p.roleArn("service-role/lambda-execution"),
		Memory:        pick(b.rng, 512, 512, 768, 1024, 1024, 1536, 2048, 3008),
		Timeout:       pick(b.rng, 6, 10, 15, 30, 30, 60, 120, 300),
		Architectures: []string{pick(b.rng, "x86_64", "x86_64", "x86_64", "x86_64", "arm64")},
		Env:           b.environment(name),
		Layers:        b.someLayers(p),
		Tags:          b.tags(p),
		CodeSize:      size,
		UnzippedSize:  size * int64(2+b.rng.IntN(3)),
		LastModified:  time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC).Add(time.Duration(b.rng.IntN(6000)) * time.Hour),
	}
}

// handlerFor returns a handler of the form that a runtime takes.
func handlerFor(runtime string) string {
	switch runtime[:4] {
	case "java":
		return "com.example.Handler::handleRequest"
	case "dotn":
		return "Service::Service.Function::Handle"
	case "pyth", "ruby":
		return "app.handler"
	default:
		return "index.handler"
	}
}

// environment returns the variables of a function, one of them a secret.
func (b *estateBuilder) environment(name string) map[string]string {
	env := map[string]string{
		"LOG_LEVEL":  pick(b.rng, "info", "info", "warn", "debug"),
		"TABLE_NAME": name,
		"STAGE":      "live",
	}
	switch b.rng.IntN(4) {
	case 0:
		env["DB_PASSWORD"] = b.secret()
	case 1:
		env["DATABASE_URL"] = "postgres://app:" + b.secret() + "@db.internal:5432/" + name
	case 2:
		env["STRIPE_API_KEY"] = b.secret()
		env["NODE_OPTIONS"] = "--enable-source-maps"
	default:
		env["SIGNING_TOKEN"] = b.secret()
	}
	return env
}

// someLayers returns none, one or two of the account's layers.
func (b *estateBuilder) someLayers(p place) []string {
	switch b.rng.IntN(5) {
	case 0:
		return []string{p.layerArn("shared-utils")}
	case 1:
		return []string{p.layerArn("observability"), p.layerArn("db-drivers")}
	default:
		return nil
	}
}

// tags returns the tags that the company's rules ask for.
func (b *estateBuilder) tags(p place) map[string]string {
	env := "production"
	if p.account == DemoStaging {
		env = "staging"
	}
	return map[string]string{
		"team":        pick(b.rng, "storefront", "fulfilment", "finance", "identity", "data", "platform"),
		"environment": env,
		"cost-centre": fmt.Sprint(4000 + b.rng.IntN(12)*10),
	}
}

// traffic returns what CloudWatch has seen of a healthy function.
func (b *estateBuilder) traffic(f FunctionSpec) Observed {
	invocations := float64(50 + b.rng.IntN(2_000_000))
	return Observed{
		Invocations:       invocations,
		Errors:            float64(int(invocations * b.rng.Float64() * 0.004)),
		DurationP99Millis: float64(f.Timeout) * 1000 * (0.05 + 0.55*b.rng.Float64()),
		MaxMemoryMB:       float64(int(float64(f.Memory) * (0.3 + 0.5*b.rng.Float64()))),
	}
}

// everyday adds the functions that nothing is odd about.
func (b *estateBuilder) everyday() {
	for _, d := range domains() {
		for _, job := range d.jobs {
			spec := b.base(d.place, d.name+"-"+job)
			b.put(d.place, spec)
			b.world.SetObserved(d.place.account, d.place.region, spec.Name, b.traffic(spec))
		}
	}
}
