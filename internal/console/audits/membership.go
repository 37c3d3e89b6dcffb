package audits

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// memberships knows which collections there are, for as long as nobody changes one. Collections of tags hold other functions
// when those are tagged otherwise, so that they are read again now and then.
type memberships struct {
	reading sync.Mutex // held by who reads the collections

	mu         sync.Mutex // guards the fields below
	checked    time.Time
	read       time.Time
	generation int64
	known      membership // nil before the first reading
}

// membership are collections and whom they hold.
type membership []struct {
	name   string
	scopes []api.FunctionScope
}

// lastNames looks the collections of a function up again only when another one reports.
type lastNames struct {
	membership

	of    [3]string
	found []string
}

func (l *lastNames) names(account, region, function string) []string {
	if of := [3]string{account, region, function}; l.found == nil || l.of != of {
		l.of, l.found = of, l.membership.names(account, region, function)
	}
	return l.found
}

// names are the collections that hold a function, the built-in one first.
func (m membership) names(account, region, function string) []string {
	names := []string{api.AllCollection}
	for _, c := range m {
		for _, scope := range c.scopes {
			if scope.Holds(account, region, function) {
				names = append(names, c.name)
				break
			}
		}
	}
	return names
}

const (
	// membershipAge is for how long nobody asks whether collections changed.
	membershipAge = time.Second
	// membershipReread is after how long they are read again although nobody changed one.
	membershipReread = 10 * time.Minute
)

// collectionsOf returns the collections as they are, or as they were where they can't be read, or while somebody else reads
// them: an audit with an old list of collections is better than none, or a late one.
func (s *Service) collectionsOf(ctx context.Context) membership {
	m := &s.memberships
	known, fresh := m.get(s.Now())
	switch {
	case fresh:
		return known
	case known == nil:
		m.reading.Lock()
	case !m.reading.TryLock():
		return known
	}
	defer m.reading.Unlock()
	if known, fresh = m.get(s.Now()); fresh { // somebody else has just read them
		return known
	}
	known, err := s.refresh(ctx)
	if err != nil {
		s.Log.Warn("read collections for audits", slog.Any("error", err))
	}
	return known
}

// get returns what is known, and whether that needn't be looked at now.
func (m *memberships) get(now time.Time) (membership, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	age := now.Sub(m.checked)
	return m.known, age >= 0 && age < membershipAge
}

// refresh reads the collections where they may have changed, and returns what is known then. The caller holds reading.
func (s *Service) refresh(ctx context.Context) (membership, error) {
	m, now := &s.memberships, s.Now()
	generation, err := s.Documents.Generation(ctx, api.KindCollection)
	m.mu.Lock()
	changed := m.known == nil || generation != m.generation || now.Sub(m.read) >= membershipReread
	m.mu.Unlock()
	var known membership
	if err == nil && changed {
		known, err = s.readCollections(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked = now
	if err == nil && changed {
		m.known, m.generation, m.read = known, generation, now
	}
	return m.known, err
}

func (s *Service) readCollections(ctx context.Context) (membership, error) {
	documents, err := s.Documents.Documents(ctx, api.KindCollection)
	if err != nil {
		return nil, err
	}
	known := membership{}
	for _, d := range documents {
		if d.ID == api.AllCollection {
			continue
		}
		scopes, err := s.Scopes.Scopes(ctx, []string{d.ID})
		if err != nil {
			return nil, err
		}
		known = append(known, struct {
			name   string
			scopes []api.FunctionScope
		}{d.ID, scopes})
	}
	return known, nil
}
