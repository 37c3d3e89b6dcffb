package audits

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// memberships knows which collections there are, for as long as nobody changes one.
type memberships struct {
	mu         sync.Mutex // guards the fields below
	checked    time.Time
	generation int64
	known      membership
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

// membershipAge is for how long nobody asks whether collections changed.
const membershipAge = time.Second

// collectionsOf returns the collections as they are, or as they were where they can't be read: an audit with an old list
// of collections is better than none.
func (s *Service) collectionsOf(ctx context.Context) membership {
	m := &s.memberships
	m.mu.Lock()
	defer m.mu.Unlock()
	now := s.Now()
	if age := now.Sub(m.checked); age >= 0 && age < membershipAge {
		return m.known
	}
	generation, err := s.Documents.Generation(ctx, api.KindCollection)
	if err == nil && (m.known == nil || generation != m.generation) {
		var known membership
		if known, err = s.readCollections(ctx); err == nil {
			m.known, m.generation = known, generation
		}
	}
	if err != nil {
		s.Log.Warn("read collections for audits", slog.Any("error", err))
	}
	m.checked = now
	return m.known
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
