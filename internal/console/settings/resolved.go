package settings

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/policy"
)

const (
	// generationAge is how long the storage isn't asked again whether something changed, when Defenders ask for policies:
	// they come by hundreds a second and wait two minutes between questions.
	generationAge = 250 * time.Millisecond
	// tagsAge is how long a function's tags are taken to be the same.
	tagsAge = 5 * time.Minute
	// maxPlaces bounds how many functions are remembered; all are forgotten at the bound.
	maxPlaces = 250_000
)

// resolver keeps what was made of the policies until one of them changes.
type resolver struct {
	mu      sync.Mutex
	current *resolved // nil: nothing yet
	asked   time.Time // when the storage was asked last
}

// forget makes the next question look at the storage.
func (r *resolver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = time.Time{}
}

// resolved is both policies with their collections, as of one generation, and which of their rules hold for which function.
type resolved struct {
	generation int64
	runtime    *policy.Policy
	firewall   *policy.WAASPolicy
	digest     string // of both policies
	byTag      bool   // some collection is about tags

	mu      sync.Mutex
	digests map[rules]string
	places  map[functionKey]place
}

// functionKey names a function.
type functionKey struct{ account, region, function string }

// rules are the places of the rules that hold for a function; -1 for none.
type rules struct{ runtime, firewall int }

// place is what is remembered of a function.
type place struct {
	rules   rules
	expires time.Time // zero: as long as the policies
}

// kindsOfPolicy are the kinds of documents that policies are made of.
func kindsOfPolicy() []api.Kind {
	return []api.Kind{api.KindRuntimePolicy, api.KindFirewallPolicy, api.KindCollection}
}

// resolve returns the policies as they are; they may be as old as age.
func (s *Service) resolve(ctx context.Context, age time.Duration) (*resolved, error) {
	r := &s.resolver
	r.mu.Lock()
	defer r.mu.Unlock()
	now := s.Now()
	if since := now.Sub(r.asked); r.current != nil && since >= 0 && since < age {
		return r.current, nil
	}
	generation, err := s.Documents.Generation(ctx, kindsOfPolicy()...)
	if err != nil {
		return nil, err
	}
	if r.current == nil || r.current.generation != generation {
		// What is read now may be newer than the generation, and then the next question reads it again.
		next, err := s.load(ctx)
		if err != nil {
			return nil, err
		}
		next.generation = generation
		r.current = next
	}
	r.asked = now
	return r.current, nil
}

// load reads both policies and fills in their collections.
func (s *Service) load(ctx context.Context) (*resolved, error) {
	known, err := s.collections(ctx)
	if err != nil {
		return nil, err
	}
	bodies := make(map[api.Kind]json.RawMessage)
	for _, k := range []policyKind{runtimeKind(), firewallKind()} {
		d, err := s.read(ctx, k.kind, "")
		if err != nil {
			return nil, err
		}
		doc, err := storedRules(d, k)
		if err != nil {
			return nil, err
		}
		doc.fill(known.raws)
		bodies[k.kind] = doc.raw()
	}
	return resolvedOf(bodies[api.KindRuntimePolicy], bodies[api.KindFirewallPolicy])
}

// resolvedOf reads policies whose collections are filled in.
func resolvedOf(runtime, firewall json.RawMessage) (*resolved, error) {
	r := &resolved{digests: make(map[rules]string), places: make(map[functionKey]place)}
	var err error
	if r.runtime, err = policy.Parse(runtime); err == nil {
		r.firewall, err = policy.ParseWAAS(firewall)
	}
	if err != nil {
		return nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "a stored policy can't be read", Err: err}
	}
	sum := sha256.New()
	sum.Write(runtime)
	sum.Write([]byte{0})
	sum.Write(firewall)
	r.digest = hex.EncodeToString(sum.Sum(nil))
	for _, rule := range r.runtime.Rules {
		r.byTag = r.byTag || aboutTags(rule.Collections)
	}
	for _, rule := range r.firewall.Rules {
		r.byTag = r.byTag || aboutTags(rule.Collections)
	}
	return r, nil
}

// aboutTags tells whether one of some collections depends on functions' tags.
func aboutTags(all []policy.Collection) bool {
	for _, c := range all {
		if x := (api.Collection{Labels: c.Labels}); x.HasTags() {
			return true
		}
	}
	return false
}

// holding finds the rules that hold for a function.
func (r *resolved) holding(t policy.Target) rules {
	return rules{r.runtime.Resolve(t).Index, r.firewall.Resolve(t).Index}
}

// place finds the rules that hold for a function, from memory when it can.
func (s *Service) place(ctx context.Context, r *resolved, t policy.Target) (rules, error) {
	key := functionKey{t.AccountID, t.Region, t.Function}
	now := s.Now()
	r.mu.Lock()
	p, ok := r.places[key]
	r.mu.Unlock()
	if ok && (p.expires.IsZero() || now.Before(p.expires)) {
		return p.rules, nil
	}
	if r.byTag {
		var err error
		if t.Labels, err = s.tags(ctx, t); err != nil {
			return rules{}, err
		}
		p.expires = now.Add(tagsAge)
	}
	p.rules = r.holding(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.places) >= maxPlaces {
		clear(r.places)
	}
	r.places[functionKey{strings.Clone(key.account), strings.Clone(key.region), strings.Clone(key.function)}] = p
	return p.rules, nil
}

// tags reads a function's tags from the inventory; none when it isn't known, or not which of several is meant.
func (s *Service) tags(ctx context.Context, t policy.Target) (map[string]string, error) {
	if s.Inventory == nil || t.Function == "" {
		return nil, nil
	}
	q := api.FunctionQuery{Page: api.Page{Limit: 2}, Names: []string{t.Function}}
	if t.Region != "" {
		q.Regions = []string{t.Region}
	}
	if t.AccountID != "" {
		q.Accounts = []string{t.AccountID}
	}
	found, _, err := s.Inventory.Functions(ctx, q)
	if err != nil || len(found) != 1 {
		return nil, err
	}
	return functionTags(found[0])
}

// functionTags takes the tags out of a function of the inventory.
func functionTags(f api.FunctionRecord) (map[string]string, error) {
	var info struct {
		FunctionTags []struct{ Key, Value string }
	}
	if err := json.Unmarshal(f.Body, &info); err != nil {
		return nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "a stored function can't be read", Err: err}
	}
	tags := make(map[string]string, len(info.FunctionTags))
	for _, t := range info.FunctionTags {
		tags[t.Key] = t.Value
	}
	return tags, nil
}

// meaning is a digest of what some rules make a function do. Notes, owners and the like don't change it.
func (r *resolved) meaning(at rules) (string, error) {
	r.mu.Lock()
	digest, ok := r.digests[at]
	r.mu.Unlock()
	if ok {
		return digest, nil
	}
	// Any function and any key will do: what is sealed has nothing else in it.
	e := policy.Envelope{Target: policy.Target{Function: "any"}}
	r.take(&e, at)
	value, err := policy.Encode(e, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), 0)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(value))
	digest = hex.EncodeToString(sum[:16])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digests[at] = digest
	return digest, nil
}

// take puts rules into an envelope.
func (r *resolved) take(e *policy.Envelope, at rules) {
	if at.runtime >= 0 {
		e.Rule = &r.runtime.Rules[at.runtime]
	}
	if at.firewall >= 0 {
		e.WAAS = &r.firewall.Rules[at.firewall]
	}
}

// provider returns a provider's name as rules are matched by it.
func provider(name string) string { return strings.ToLower(cmp.Or(name, "aws")) }
