package fakestore

import (
	"maps"
	"slices"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// Stored returns the documents of a kind by id.
func (s *Store) Stored(kind api.Kind) map[string]api.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.documents[kind])
}

// Everything returns all documents.
func (s *Store) Everything() []api.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []api.Document
	for _, documents := range s.documents {
		all = slices.AppendSeq(all, maps.Values(documents))
	}
	return all
}

// Mgmt returns the management audits that came with documents.
func (s *Store) Mgmt() []api.MgmtAudit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mgmt)
}

// Clear drops all documents of some kinds, and the management audits.
func (s *Store) Clear(kinds ...api.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		delete(s.documents, kind)
		s.grow(kind)
	}
	s.mgmt = nil
}

// Steal gives a lease to another owner for some time.
func (s *Store) Steal(name, owner string, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(api.Lease{Name: name, Owner: owner, Token: s.leases[name].Token + 1, Expires: s.now().Add(ttl)})
}

// Lapse ends a lease as if its time were over.
func (s *Store) Lapse(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lease := s.leases[name]
	lease.Expires = time.Time{}
	s.set(lease)
}

// Held lists the leases that somebody has.
func (s *Store) Held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, lease := range s.leases {
		if lease.Owner != "" && lease.Expires.After(s.now()) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
