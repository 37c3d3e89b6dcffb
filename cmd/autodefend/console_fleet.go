package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/cloud"
	service "github.com/autodefend/autodefend/internal/console/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/plan"
)

// consoleClouds opens the accounts of the Console's auto-defend rules with the same fleet as the commands: it's the
// service's [service.Clouds].
type consoleClouds struct {
	// credential returns a credential with its secrets opened.
	credential func(ctx context.Context, id string) (api.Credential, error)
	// policies gives the policies to embed in functions, and a digest that stands for all of them; nil leaves policies alone.
	policies func(ctx context.Context, address string, proxy api.ProxySettings) (plan.PolicySource, string, error)
	// layers builds the Defender's layer for an architecture; nil publishes none.
	layers func(ctx context.Context, arch string) ([]byte, error)
	// pacer is one for all rules: they share AWS's quota of an account and region.
	pacer    cloud.Pacer
	rate     float64
	runtimes plan.Catalog
	tag      autodefend.Tag
	log      *slog.Logger
}

// newConsoleClouds makes one with the program's defaults.
func newConsoleClouds(log *slog.Logger) (*consoleClouds, error) {
	runtimes, err := plan.DefaultCatalog()
	return &consoleClouds{
		pacer: fleet.NewPacer(fleet.PacerConfig{SharedPerSecond: fleet.DefaultRate}), rate: fleet.DefaultRate,
		runtimes: runtimes, tag: autodefend.Tag{Key: "SecurityProtected", Value: "True"}, log: log,
	}, err
}

// Open opens what the scope's credential reaches: one fleet for each region.
func (c *consoleClouds) Open(ctx context.Context, scope service.Scope) ([]service.Site, []autodefend.ScopeError, error) {
	credential, err := c.credential(ctx, scope.CredentialID)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := c.cloud(credential, scope)
	if err != nil {
		return nil, nil, err
	}
	base, err := c.fleet(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	regions, problems, err := cloud.Open(ctx, cfg)
	if err != nil {
		return nil, problems, err
	}
	var sites []service.Site
	for _, r := range regions {
		if !scope.RegionType.Holds(r.Partition) {
			continue
		}
		seen := &recorder{Estate: r}
		f := fleet.New(base, []fleet.Region{{
			Account: r.Account, Partition: r.Partition, Name: r.Name, Estate: seen, Layers: r, Writer: r, Insight: r,
		}})
		sites = append(sites, service.Site{Account: r.Account, Region: r.Name, Fleet: &consoleFleet{Fleet: f, seen: seen, layers: c.built(base.Recipe)}})
	}
	if len(sites) == 0 {
		return nil, problems, autodefend.Errorf(autodefend.CodeInvalid, "credential %q opens no region of the type %q", scope.CredentialID, scope.RegionType).
			WithHint("set awsRegionType of the rule to the credential's: regular, gov or china")
	}
	return sites, problems, nil
}

// cloud says how AWS is reached with a credential.
func (c *consoleClouds) cloud(credential api.Credential, scope service.Scope) (cloud.Config, error) {
	cfg := cloud.Config{Regions: regionNames(scope), Pacer: c.pacer, Logger: c.log, UnzippedSize: remoteUnzippedSize}
	bad := func(hint, format string, args ...any) (cloud.Config, error) {
		return cfg, autodefend.Errorf(autodefend.CodeInvalid, "credential %q: "+format, append([]any{credential.ID}, args...)...).WithHint("%s", hint)
	}
	if credential.Type != api.CredentialAWS {
		return bad("rules need a credential of the type aws", "its type is %s", credential.Type)
	}
	cfg.AccessKey = accessKey(credential)
	if credential.RoleARN != "" {
		cfg.AssumeRoles = []cloud.AssumeRole{{ARN: credential.RoleARN, SessionName: "autodefend-console"}}
	}
	if cfg.AccessKey.ID == "" && credential.RoleARN == "" && !credential.UseAWSRole {
		return bad("give an access key (accountID and secret), a roleArn, or useAWSRole", "it says nothing about how to get into the account")
	}
	return cfg, nil
}

// accessKey is the access key of a credential; empty when it stands for what the Console itself runs with.
func accessKey(credential api.Credential) cloud.AccessKey {
	if credential.UseAWSRole || credential.AccountID == "" || credential.Secret.Plain == "" {
		return cloud.AccessKey{}
	}
	return cloud.AccessKey{ID: credential.AccountID, Secret: credential.Secret.Plain}
}

// regionNames are the regions to be opened. Those of the other partitions are named, since only an endpoint of the right
// partition can list them.
func regionNames(scope service.Scope) []string {
	switch {
	case len(scope.Regions) > 0:
		return scope.Regions
	case scope.RegionType == api.RegionGov:
		return []string{"us-gov-west-1", "us-gov-east-1"}
	case scope.RegionType == api.RegionChina:
		return []string{"cn-north-1", "cn-northwest-1"}
	}
	return []string{"all"}
}

// fleet says what the fleets of a scope do.
func (c *consoleClouds) fleet(ctx context.Context, scope service.Scope) (fleet.Config, error) {
	name := scope.Recipe
	if name == "" {
		name = plan.DefaultRecipe
	}
	recipe, err := plan.BuiltinRecipe(name)
	if err != nil {
		return fleet.Config{}, err
	}
	cfg := fleet.Config{
		Recipe: recipe, Runtimes: c.runtimes, Selection: plan.Selection{Exclude: scope.Excludes}, Tag: c.tag, Run: scope.Run,
		AsOf: time.Now(), InFlight: fleet.InFlightFor(c.rate), Logger: c.log,
	}
	if c.policies == nil || recipe.PolicyVariable == "" {
		return cfg, nil
	}
	var proxy api.ProxySettings
	if len(scope.Proxy) > 0 {
		if err := json.Unmarshal(scope.Proxy, &proxy); err != nil {
			return cfg, autodefend.Errorf(autodefend.CodeInvalid, "proxy: it can't be read").WithHint("use the members of Prisma's common.ProxySettings")
		}
	}
	cfg.Policy, cfg.PolicyDigest, err = c.policies(ctx, scope.ConsoleAddr, proxy)
	return cfg, err
}

// built gives the layers to be published for a recipe; nil when they aren't ours.
func (c *consoleClouds) built(recipe autodefend.Recipe) func(context.Context) ([]autodefend.Layer, error) {
	if c.layers == nil || !recipe.Layer.Owned || len(recipe.Layer.Versions) > 0 {
		return nil
	}
	return func(ctx context.Context) ([]autodefend.Layer, error) {
		var layers []autodefend.Layer
		for _, arch := range []string{autodefend.ArchX86, autodefend.ArchARM} {
			if recipe.Layer.Names[arch] == "" {
				continue
			}
			zip, err := c.layers(ctx, arch)
			if err != nil {
				return nil, err
			}
			layers = append(layers, autodefend.Layer{
				Name: recipe.Layer.Names[arch], Architecture: arch, Zip: zip, Description: "Defender for " + arch + ", published by autodefend " + version(),
			})
		}
		return layers, nil
	}
}

// consoleFleet is the fleet of one region, with what was listed for its plans.
type consoleFleet struct {
	*fleet.Fleet
	seen   *recorder
	layers func(context.Context) ([]autodefend.Layer, error)
}

// Publish publishes the Defender's layers where the newest ones aren't these.
func (f *consoleFleet) Publish(ctx context.Context) error {
	if f.layers == nil {
		return nil
	}
	layers, err := f.layers(ctx)
	if err != nil {
		return err
	}
	if _, problems := f.PublishLayers(ctx, layers); len(problems) > 0 {
		return scopeError(problems[0])
	}
	return nil
}

// Plan judges every function of the region.
func (f *consoleFleet) Plan(ctx context.Context) (service.Survey, error) {
	p, err := f.Fleet.Plan(ctx)
	return service.Survey{Plan: p, Functions: f.seen.functions()}, err
}

// PlanRollback finds the functions that carry our mark.
func (f *consoleFleet) PlanRollback(ctx context.Context, run string) (service.Survey, error) {
	p, err := f.Fleet.PlanRollback(ctx, run)
	return service.Survey{Plan: p, Functions: f.seen.functions()}, err
}
