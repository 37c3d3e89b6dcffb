package audits

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// gatedScopes are collections whose reading waits for a gate.
type gatedScopes struct {
	collections

	gate chan struct{} // nil doesn't wait
	read int
}

func (g *gatedScopes) Scopes(ctx context.Context, names []string) ([]api.FunctionScope, error) {
	g.read++
	if g.gate != nil {
		<-g.gate
	}
	return g.collections.Scopes(ctx, names)
}

// TestCollectionsAreReadByOne: audits don't wait for the one that reads collections that changed.
func TestCollectionsAreReadByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		scopes := &gatedScopes{collections: b.Scopes.(collections)}
		b.Scopes = scopes
		names := func() string { return fmt.Sprint(b.collectionsOf(t.Context()).names("1", "eu-west-1", "zeta")) }
		if got := names(); got != "[All ireland]" {
			t.Fatalf("%s", got)
		}
		scopes.collections["zeta"] = api.FunctionScope{Functions: []string{"zeta"}}
		scopes.store(b.memory)
		b.clock.add(membershipAge)
		scopes.gate = make(chan struct{})
		slow := make(chan string)
		go func() { slow <- names() }()
		synctest.Wait()
		if got := names(); got != "[All ireland]" {
			t.Errorf("while somebody reads them: %s", got)
		}
		close(scopes.gate)
		if got := <-slow; got != "[All ireland zeta]" {
			t.Errorf("who has read them: %s", got)
		}
	})
}

// TestCollectionsOfTags: who has a tag changes without any collection being written.
func TestCollectionsOfTags(t *testing.T) {
	b := start(t, nil)
	scopes := &gatedScopes{collections: b.Scopes.(collections)}
	b.Scopes = scopes
	names := func() string { return fmt.Sprint(b.collectionsOf(t.Context()).names("1", "eu-west-1", "zeta")) }
	names()
	scopes.collections["shop"] = api.FunctionScope{Functions: []string{"zeta"}} // as the inventory says now
	b.clock.add(membershipReread - time.Second)
	if got := names(); got != "[All ireland]" {
		t.Errorf("before: %s", got)
	}
	b.clock.add(time.Second)
	if got := names(); got != "[All ireland shop]" {
		t.Errorf("after: %s", got)
	}
	read := scopes.read
	if names(); scopes.read != read {
		t.Error("they were read once more")
	}
}
