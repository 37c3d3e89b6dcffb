// Package fakestore is the part of the store that every service of the Console needs, in memory and for their tests:
// documents and leases. Its own test holds it to what internal/store does.
package fakestore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Store keeps documents, the management audits that came with them, and leases. The zero value is empty. It is safe for
// concurrent use.
type Store struct {
	// Now is what leases end by; nil is the system's clock.
	Now func() time.Time
	// Fault is asked before each operation, by its method's name; an error of it is the operation's. It may be nil.
	Fault func(operation string) error

	mu          sync.Mutex // guards the fields below
	documents   map[api.Kind]map[string]api.Document
	generations map[api.Kind]int64
	mgmt        []api.MgmtAudit
	leases      map[string]api.Lease
}

func (s *Store) fault(operation string) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(operation)
}

func (s *Store) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Document reads one.
func (s *Store) Document(_ context.Context, kind api.Kind, id string) (api.Document, error) {
	if err := s.fault("Document"); err != nil {
		return api.Document{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.documents[kind][id]
	if !ok {
		return d, autodefend.Errorf(autodefend.CodeNotFound, "there is no %s %q", kind, id)
	}
	return d, nil
}

// Documents reads all of a kind, by id.
func (s *Store) Documents(_ context.Context, kind api.Kind) ([]api.Document, error) {
	if err := s.fault("Documents"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.documents[kind]), func(a, b api.Document) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// Write carries out all changes or none.
func (s *Store) Write(_ context.Context, changes []api.DocumentChange, audit *api.MgmtAudit) error {
	if err := s.fault("Write"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		stored := s.documents[c.Kind][c.ID].Version
		switch {
		case c.Body == nil && stored == 0 && c.Version <= 0:
			return autodefend.Errorf(autodefend.CodeNotFound, "there is no %s %q", c.Kind, c.ID)
		case c.Version != api.Any && c.Version != stored:
			return autodefend.Errorf(autodefend.CodeConflict, "%s %q was changed since it was read", c.Kind, c.ID)
		}
	}
	kinds := make(map[api.Kind]bool)
	for _, c := range changes {
		s.put(c)
		kinds[c.Kind] = true
	}
	for kind := range kinds {
		s.grow(kind)
	}
	if audit != nil {
		s.mgmt = append(s.mgmt, *audit)
	}
	return nil
}

func (s *Store) put(c api.DocumentChange) {
	if s.documents == nil {
		s.documents = make(map[api.Kind]map[string]api.Document)
	}
	if s.documents[c.Kind] == nil {
		s.documents[c.Kind] = make(map[string]api.Document)
	}
	if c.Body == nil {
		delete(s.documents[c.Kind], c.ID)
		return
	}
	s.documents[c.Kind][c.ID] = api.Document{
		Kind: c.Kind, ID: c.ID, Version: s.documents[c.Kind][c.ID].Version + 1, Modified: s.now(), Body: slices.Clone(c.Body),
	}
}

func (s *Store) grow(kind api.Kind) {
	if s.generations == nil {
		s.generations = make(map[api.Kind]int64)
	}
	s.generations[kind]++
}

// Generation grows with every write of any of the kinds; without kinds, of all.
func (s *Store) Generation(_ context.Context, kinds ...api.Kind) (int64, error) {
	if err := s.fault("Generation"); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum int64
	for kind, generation := range s.generations {
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			sum += generation
		}
	}
	return sum, nil
}

// Acquire takes or prolongs a lease; its token grows unless the same owner has held it until now.
func (s *Store) Acquire(_ context.Context, name, owner string, ttl time.Duration) (api.Lease, bool, error) {
	if err := s.fault("Acquire"); err != nil {
		return api.Lease{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lease, now := s.leases[name], s.now()
	held := lease.Owner != "" && lease.Expires.After(now)
	if held && lease.Owner != owner {
		return api.Lease{}, false, nil
	}
	if !held || lease.Owner != owner {
		lease.Token++
	}
	lease.Name, lease.Owner, lease.Expires = name, owner, now.Add(ttl)
	s.set(lease)
	return lease, true, nil
}

func (s *Store) set(lease api.Lease) {
	if s.leases == nil {
		s.leases = make(map[string]api.Lease)
	}
	s.leases[lease.Name] = lease
}

// Release gives a lease up early. One that is no longer its owner's stays as it is.
func (s *Store) Release(_ context.Context, lease api.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[lease.Name]; l.Owner == lease.Owner && l.Token == lease.Token {
		l.Owner, l.Expires = "", time.Time{}
		s.set(l)
	}
	return nil
}

// Holds is a conflict when the lease is no longer its owner's.
func (s *Store) Holds(_ context.Context, lease api.Lease) error {
	if err := s.fault("Holds"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[lease.Name]; l.Owner != lease.Owner || l.Token != lease.Token || !l.Expires.After(s.now()) {
		return autodefend.Errorf(autodefend.CodeConflict, "the lease %q isn't held by %q any more", lease.Name, lease.Owner)
	}
	return nil
}
