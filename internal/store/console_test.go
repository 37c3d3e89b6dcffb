package store

import "github.com/autodefend/autodefend/internal/console"

// The store is what the Console's services ask for.
var (
	_ console.Documents  = (*Store)(nil)
	_ console.Audits     = (*Store)(nil)
	_ console.Retention  = (*Store)(nil)
	_ console.Incidents  = (*Store)(nil)
	_ console.MgmtAudits = (*Store)(nil)
	_ console.Leases     = (*Store)(nil)
	_ console.Inventory  = (*Store)(nil)
	_ console.Defenders  = (*Store)(nil)
	_ console.Outbox     = (*Store)(nil)
	_ console.Signals    = (*Store)(nil)
)
