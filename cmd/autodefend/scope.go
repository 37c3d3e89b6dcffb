package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/cloud"
	"github.com/autodefend/autodefend/internal/fleet"
	"github.com/autodefend/autodefend/internal/layer"
	"github.com/autodefend/autodefend/internal/plan"
	"github.com/autodefend/autodefend/internal/report"
)

// scope is the accounts and regions a command works on.
type scope struct {
	regions []fleet.Region
	// clouds are the same regions as clients, by account and name.
	clouds map[string]*cloud.Region
	// errors tell which of them couldn't be opened.
	errors []autodefend.ScopeError
}

// open opens the accounts and regions of the configuration. When none can be
// opened, that's an error.
func (a *app) open(ctx context.Context) (*scope, error) {
	s := &scope{clouds: map[string]*cloud.Region{}}
	var failures []error
	for _, cfg := range a.cloudConfigs() {
		regions, problems, err := cloud.Open(ctx, cfg)
		if err != nil && len(problems) == 0 {
			return nil, err // a mistake in what was asked for
		}
		if err != nil {
			failures = append(failures, err)
		}
		s.errors = append(s.errors, problems...)
		s.add(regions)
	}
	switch {
	case len(s.regions) > 0:
		return s, nil
	case len(failures) > 0:
		return nil, errors.Join(failures...)
	}
	return nil, s.failure()
}

// add adds regions, each once: a role may be in the caller's own account.
func (s *scope) add(regions []*cloud.Region) {
	for _, r := range regions {
		if s.has(r.Account, r.Name) {
			continue
		}
		s.clouds[r.Account+" "+r.Name] = r
		s.regions = append(s.regions, fleet.Region{
			Account: r.Account, Partition: r.Partition, Name: r.Name,
			Estate: r, Layers: r, Writer: r, Insight: r,
		})
	}
}

// failure is the error of a scope of which nothing could be read.
func (s *scope) failure() error {
	if len(s.errors) == 0 {
		return autodefend.Errorf(autodefend.CodeNotFound, "the scope has no region").
			WithHint("name regions with --region, or every one with --region all")
	}
	all := make([]error, len(s.errors))
	for i, e := range s.errors {
		all[i] = scopeError(e)
	}
	return errors.Join(all...)
}

// cloudConfigs says how AWS is reached: with the roles to assume, the caller's
// own identity, or both.
func (a *app) cloudConfigs() []cloud.Config {
	base := cloud.Config{
		Profile: a.cfg.Profile, Regions: a.cfg.Regions, Logger: a.log, UnzippedSize: remoteUnzippedSize,
		Pacer: fleet.NewPacer(fleet.PacerConfig{SharedPerSecond: a.cfg.Rate}),
	}
	var configs []cloud.Config
	if len(a.cfg.Roles) == 0 || slices.Contains(a.cfg.Roles, ownAccount) {
		configs = append(configs, base)
	}
	with := base
	for _, role := range a.cfg.Roles {
		if role != ownAccount {
			with.AssumeRoles = append(with.AssumeRoles, cloud.AssumeRole{ARN: role, ExternalID: a.cfg.externalID(role), SessionName: "autodefend"})
		}
	}
	if len(with.AssumeRoles) > 0 {
		configs = append(configs, with)
	}
	return configs
}

// remoteUnzippedSize reads how large a zip at a presigned address is after
// extraction.
func remoteUnzippedSize(ctx context.Context, url string) (int64, error) {
	r, size, err := layer.NewRangeReader(ctx, &http.Client{Timeout: time.Minute}, url)
	if err != nil {
		return 0, err
	}
	return layer.UnzippedSize(r, size)
}

// mode says how a fleet works for a command.
type mode struct {
	details  bool
	strict   bool
	progress func(autodefend.Receipt)
}

// fleet makes the fleet that works on a scope.
func (a *app) fleet(s *scope, m mode) *fleet.Fleet {
	now := time.Now()
	var source plan.PolicySource
	if a.cfg.policies != nil {
		source = a.cfg.policies.value
	}
	return fleet.New(fleet.Config{
		Policy: source, PolicyDigest: a.cfg.policies.stamp(),
		Recipe: a.cfg.Recipe, Runtimes: a.cfg.Runtimes, Selection: a.cfg.selection(), Tag: a.cfg.Tag,
		Run:  fleet.RunID(now, rand.Uint64()), //nolint:gosec // ids are told apart, not guessed
		AsOf: a.cfg.asOf(now), Details: m.details, Versions: a.cfg.Versions, Metrics: a.cfg.Metrics,
		AllowBlockedRuntimes: a.cfg.AllowBlockedRuntimes, SkipPermissionCheck: a.cfg.SkipPermissionCheck, Strict: m.strict,
		InFlight: fleet.InFlightFor(a.cfg.Rate), MaxFailures: a.cfg.MaxFailures, SettleTimeout: a.cfg.SettleTimeout,
		Logger: a.log, Progress: m.progress,
	}, s.regions)
}

// survey opens the scope and makes a plan of it, with what couldn't be opened
// among the plan's errors.
func (a *app) survey(ctx context.Context, m mode, how func(*fleet.Fleet) (*autodefend.Plan, error)) (*fleet.Fleet, *autodefend.Plan, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	f := a.fleet(s, m)
	p, err := how(f)
	if err == nil && ctx.Err() != nil {
		err = autodefend.Errorf(autodefend.CodeUnavailable, "interrupted before everything was read").WithHint("nothing was changed")
	}
	if err != nil {
		return nil, nil, errors.Join(append([]error{err}, scopeFailures(s)...)...)
	}
	if len(s.errors) > 0 {
		p.Errors = append(p.Errors, s.errors...)
		p.Finish()
	}
	return f, p, nil
}

func scopeFailures(s *scope) []error {
	if len(s.errors) == 0 {
		return nil
	}
	return []error{s.failure()}
}

// complain writes what couldn't be read to standard error, unless the person
// at the terminal has just been told by the table.
func (a *app) complain(format report.Format, problems []autodefend.ScopeError) {
	if _, seen := terminal(a.stdout); seen && format == report.FormatTable {
		return
	}
	for _, e := range problems {
		a.renderError(scopeError(e))
	}
}

// has reports whether the scope holds an account's region.
func (s *scope) has(account, region string) bool {
	return slices.ContainsFunc(s.regions, func(r fleet.Region) bool { return r.Account == account && r.Name == region })
}

// String lists the accounts and regions.
func (s *scope) String() string {
	text := ""
	for i, r := range s.regions {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", r.Account, r.Name)
	}
	return text
}
