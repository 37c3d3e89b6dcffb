package lambdasim

import (
	"errors"
	"slices"
)

// errNoFunction is the cause when a named function isn't in the world.
var errNoFunction = errors.New("no such function")

// New returns an empty world.
func New(opts Options) *World {
	return &World{
		opts:     opts,
		accounts: map[string]*account{},
		sessions: map[string]session{},
		stats:    map[StatsKey]Count{},
		table:    services(),
	}
}

// AddAccount adds an account. The first one added is the account of access
// keys that name none. Adding an id again replaces its description and adds
// its new regions, keeping what the others hold.
func (w *World) AddAccount(spec Account) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.accounts[spec.ID]
	if a == nil {
		a = &account{regions: map[string]*region{}, denies: map[string]string{}}
		w.accounts[spec.ID] = a
	}
	if w.first == nil {
		w.first = a
	}
	spec.Regions = slices.Clone(spec.Regions)
	spec.Roles = slices.Clone(spec.Roles)
	a.spec = spec
	for _, name := range spec.Regions {
		if a.regions[name] == nil {
			a.regions[name] = newRegion(w, a, name)
		}
	}
}

// Deny makes every call that needs the action, such as
// "lambda:UpdateFunctionConfiguration", answer AccessDeniedException. A reason
// that contains "SCP" words it as an explicit deny of a service control policy.
// An empty reason takes the denial back.
func (w *World) Deny(account, action, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.accounts[account]
	if a == nil {
		return
	}
	if reason == "" {
		delete(a.denies, action)
		return
	}
	a.denies[action] = reason
}

// region returns a region, or nil when the account or the region isn't there.
// Preconditions: w.mu is held.
func (w *World) region(account, name string) *region {
	a := w.accounts[account]
	if a == nil {
		return nil
	}
	return a.regions[name]
}
