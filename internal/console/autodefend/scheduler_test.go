package autodefend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// start runs a service until the returned function is called, which waits for its end.
func start(t *testing.T, s *Service) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	return func() {
		cancel()
		wg.Wait()
	}
}

func TestRulesAreEvaluatedWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.add("a")
		b.rules(rule("hourly", "All", ""), rule("often", "prod", `"autodefend":{"interval":"10m"}`))
		stop := start(t, b.Service)
		defer stop()
		time.Sleep(time.Minute)
		if n := b.world.opens(); n != 2 {
			t.Fatalf("opened %d times in the first minute, want once for each rule", n)
		}
		time.Sleep(2*time.Hour - time.Minute + 30*time.Second)
		if n := b.world.opens(); n != 2+2+12 {
			t.Errorf("opened %d times in two hours, want 16: hourly and every ten minutes", n)
		}
		before := b.world.opens()
		b.must("POST", "/deployment/serverless/scan", "")
		time.Sleep(20 * time.Second)
		if n := b.world.opens() - before; n != 2 {
			t.Errorf("opened %d times after Apply now, want 2", n)
		}
		b.rules(rule("hourly", "All", `"autodefend":{"dryRun":true}`), rule("often", "prod", `"autodefend":{"interval":"10m"}`))
		time.Sleep(20 * time.Second)
		if n := b.world.opens() - before; n != 3 {
			t.Errorf("opened %d times after one rule changed, want 3", n)
		}
	})
}

func TestTwoReplicasShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.slow = time.Second
		var rules []string
		for i := range 6 {
			for j := range 10 {
				b.world.add(fmt.Sprintf("%c-%d", 'a'+i, j))
			}
		}
		b.cfg.Collections = collections{}
		for i := range 6 {
			name := string(rune('a' + i))
			rules = append(rules, rule(name, name, ""))
			b.cfg.Collections = append(b.cfg.Collections.(collections), policyCollection(name))
		}
		two := b.replica("two", func(c *Config) { c.Collections = b.cfg.Collections })
		b.rules(rules...)
		defer start(t, b.Service)()
		defer start(t, two)()
		time.Sleep(10 * time.Minute)
		if len(b.world.did()) != 60 || len(slices.Compact(slices.Sorted(slices.Values(b.world.did())))) != 60 {
			t.Errorf("%d writes, want each of 60 functions once: %v", len(b.world.did()), b.world.did())
		}
		if b.world.atOnce() > 1 {
			t.Errorf("%d wrote to one region at a time", b.world.atOnce())
		}
	})
}

func TestALeaseMovesWhenAReplicaEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *Config) { c.Wave = 5 })
		b.world.slow = time.Second
		for i := range 60 {
			b.world.add(fmt.Sprintf("f-%02d", i))
		}
		two := b.replica("two", func(c *Config) { c.Wave = 5 })
		b.rules(rule("r", "All", ""))
		stop := start(t, b.Service)
		time.Sleep(10 * time.Second)
		stop()
		done := len(b.world.did())
		if done == 0 || done >= 60 {
			t.Fatalf("%d writes before the end", done)
		}
		defer start(t, two)()
		time.Sleep(30 * time.Second)
		if len(b.world.did()) == done {
			t.Error("nobody went on within 30 seconds")
		}
		time.Sleep(5 * time.Minute)
		if n := len(b.world.did()); n != 60 {
			t.Errorf("%d writes, want 60: none twice", n)
		}
		if s := b.status(); s.Scanning || s.Specs[0].Defended != 60 {
			t.Errorf("status: %+v", s)
		}
	})
}

// TestADeadReplicasWorkIsTakenOver: the first one stops without giving anything up.
func TestADeadReplicasWorkIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.add("a")
		b.rules(rule("r", "All", ""))
		for _, name := range []string{leaseRule + "r", leaseSite + account + "/" + region} {
			if _, ok, err := b.store.Acquire(t.Context(), name, "dead", b.cfg.LeaseTTL); err != nil || !ok {
				t.Fatal(err)
			}
		}
		defer start(t, b.Service)()
		time.Sleep(b.cfg.LeaseTTL - time.Second)
		if len(b.world.did()) > 0 {
			t.Fatal("written while the dead one's leases last")
		}
		time.Sleep(11 * time.Second)
		if len(b.world.did()) != 1 {
			t.Error("not taken over within 30 seconds")
		}
	})
}

func TestALostLeaseEndsTheWrites(t *testing.T) {
	for name, lease := range map[string]string{"the rule's": leaseRule + "r", "the site's": leaseSite + account + "/" + region} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, func(c *Config) { c.Wave = 2 })
				b.world.slow = time.Millisecond
				for i := range 20 {
					b.world.add(fmt.Sprintf("f-%02d", i))
				}
				var once sync.Once
				b.world.before = func(string) { once.Do(func() { b.store.steal(lease) }) }
				b.rules(rule("r", "All", ""))
				stop := start(t, b.Service)
				time.Sleep(2 * time.Second) // less than it takes to notice by prolonging
				stop()
				if n := len(b.world.did()); n != 2 {
					t.Errorf("%d writes, want the wave in hand only", n)
				}
			})
		})
	}
}

func TestALeaseThatCantBeProlongedEndsAWave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.slow = time.Second
		for i := range 50 {
			b.world.add(fmt.Sprintf("f-%02d", i))
		}
		b.world.before = func(string) {
			b.store.mu.Lock()
			defer b.store.mu.Unlock()
			b.store.failLeases = true
		}
		b.rules(rule("r", "All", ""))
		defer start(t, b.Service)()
		time.Sleep(b.cfg.LeaseTTL)
		n := len(b.world.did())
		if n == 0 || n >= 20 {
			t.Errorf("%d writes of a second each, want an end before the lease's", n)
		}
		time.Sleep(time.Minute)
		if len(b.world.did()) > n+1 {
			t.Errorf("%d more writes after the lease's end", len(b.world.did())-n)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *Config) { c.Wave = 5 })
		b.world.slow = time.Second
		for i := range 100 {
			b.world.add(fmt.Sprintf("f-%02d", i))
		}
		b.rules(rule("r", "All", ""))
		defer start(t, b.Service)()
		time.Sleep(12 * time.Second)
		progress := get[[]api.Progress](b, "/deployment/serverless/progress")
		if len(progress) != 1 || progress[0].Total != 100 || progress[0].Scanned == 0 || progress[0].Type != api.ScanServerlessDeploy {
			t.Errorf("progress: %+v", progress)
		}
		if !b.status().Scanning {
			t.Error("the status doesn't say that it's scanning")
		}
		b.must("POST", "/deployment/serverless/stop", "")
		time.Sleep(15 * time.Second)
		n, s := len(b.world.did()), b.status()
		if n >= 100 || s.Scanning || len(s.Errors) == 0 || !strings.Contains(strings.Join(s.Errors, " "), "stopped on request") {
			t.Errorf("%d writes, status %+v", n, s)
		}
		if f := get[[]api.FunctionInfo](b, "/serverless?defended=true"); len(f) != min(n, pageLimit) {
			t.Errorf("%d functions are known to be defended, want %d", len(f), n)
		}
		time.Sleep(10 * time.Minute)
		if len(b.world.did()) != n {
			t.Error("it went on before the rule was due")
		}
		if runs := get[[]api.RunRecord](b, "/runs"); len(runs) != 1 || runs[0].Summary["protected"] != n {
			t.Errorf("runs: %+v, want the receipts of %d writes", runs, n)
		}
	})
}

// TestWhoStopsLooksStopsNoRules: nor the other way round.
func TestWhoStopsLooksStopsNoRules(t *testing.T) {
	stops := []string{"/serverless/stop", "/cloud/discovery/stop", "/radar/serverless/stop"}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.slow = time.Second
		for i := range 40 {
			b.world.add(fmt.Sprintf("f-%02d", i))
		}
		b.rules(rule("r", "All", ""))
		defer start(t, b.Service)()
		for _, target := range stops {
			time.Sleep(5 * time.Second)
			b.must("POST", target, "")
		}
		time.Sleep(2 * time.Minute)
		if s := b.status(); len(b.world.did()) != 40 || len(s.Errors) > 0 {
			t.Errorf("%d writes, want all 40; status %+v", len(b.world.did()), s)
		}
	})
	for _, target := range stops {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.SitePatience = time.Hour })
			b.world.add("a")
			b.give(api.KindCloudScanRule, "aws", `{"credentialId":"aws","discoveryEnabled":true}`)
			if _, _, err := b.store.Acquire(t.Context(), leaseSite+account+"/"+region, "somebody", 2*time.Hour); err != nil {
				t.Fatal(err)
			}
			defer start(t, b.Service)()
			time.Sleep(20 * time.Second)
			b.must("POST", "/deployment/serverless/stop", "")
			time.Sleep(20 * time.Second)
			if got := get[[]api.Progress](b, "/serverless/progress"); len(got) != 1 {
				t.Fatalf("progress after the rules were stopped: %+v", got)
			}
			b.must("POST", target, "")
			time.Sleep(20 * time.Second)
			got, radar := get[[]api.Progress](b, "/serverless/progress"), get[api.Status](b, "/statuses/serverless-radar").ServerlessRadar
			if len(got) != 0 || !strings.Contains(radar.Err, "stopped on request") {
				t.Errorf("after %s: progress %+v, status %+v", target, got, radar)
			}
		})
	}
}

func TestABusyRegionIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.add("a")
		if _, _, err := b.store.Acquire(t.Context(), leaseSite+account+"/"+region, "somebody", 90*time.Second); err != nil {
			t.Fatal(err)
		}
		b.rules(rule("r", "All", ""))
		defer start(t, b.Service)()
		time.Sleep(80 * time.Second)
		if s := b.status(); len(s.Errors) != 1 || !strings.Contains(s.Errors[0], "being worked on") {
			t.Errorf("status: %+v", s)
		}
		time.Sleep(2 * time.Minute)
		if s := b.status(); len(s.Errors) > 0 || len(b.world.did()) != 1 {
			t.Errorf("status %+v, writes %v", s, b.world.did())
		}
	})
}

// TestABusyRegionKeepsNoOthers: rules that wait for a region leave room for those of other accounts and for looks, also when
// there are more of them than one replica works on in the time that each waits.
func TestABusyRegionKeepsNoOthers(t *testing.T) {
	for name, busy := range map[string]int{"some": 4, "many": 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, nil)
				b.world.accounts["other"], b.world.accounts["third"] = []string{"222222222222"}, []string{"333333333333"}
				b.world.add("a")
				b.world.put("222222222222", region, "theirs", "python3.13", nil)
				b.world.put("333333333333", region, "seen", "python3.13", nil)
				b.give(api.KindCloudScanRule, "third", `{"credentialId":"third","discoveryEnabled":true}`)
				if _, _, err := b.store.Acquire(t.Context(), leaseSite+account+"/"+region, "somebody", 2*time.Hour); err != nil {
					t.Fatal(err)
				}
				var rules []string
				for i := range busy {
					rules = append(rules, rule(fmt.Sprintf("busy-%02d", i), "All", ""))
				}
				b.rules(append(rules, strings.Replace(rule("theirs", "All", ""), `"aws"`, `"other"`, 1))...)
				defer start(t, b.Service)()
				time.Sleep(15 * time.Minute)
				if got := b.world.defended(); !slices.Equal(got, []string{"theirs"}) {
					t.Errorf("defended %v, want what is of another account", got)
				}
				if _, seen := b.byName()["seen"]; !seen {
					t.Error("no account was looked at")
				}
			})
		})
	}
}

func TestAJobIsTriedAgainUntilItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.world.add("a")
		b.rules(rule("r", "All", ""))
		defer start(t, b.Service)()
		time.Sleep(time.Minute)
		b.world.crack(true)
		b.rules()
		time.Sleep(5 * time.Minute)
		if len(b.world.defended()) != 1 {
			t.Fatal("detached after a partial listing")
		}
		b.world.crack(false)
		time.Sleep(20 * time.Minute)
		if len(b.world.defended()) != 0 {
			t.Error("never detached")
		}
		run := get[[]api.RunRecord](b, "/runs?kind=removal")[0]
		if run.State != api.RunDone || run.Message != "" {
			t.Errorf("run: %+v", run)
		}
	})
}
