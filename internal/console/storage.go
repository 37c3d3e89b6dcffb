package console

import (
	"context"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// Errors of the storage have [autodefend.CodeNotFound], [autodefend.CodeConflict] or, when the database can't be used now,
// [autodefend.CodeUnavailable]; what was acknowledged without an error is on the disk.

// Documents keeps configuration.
type Documents interface {
	// Document reads one.
	Document(ctx context.Context, kind api.Kind, id string) (api.Document, error)
	// Documents reads all of a kind, by id.
	Documents(ctx context.Context, kind api.Kind) ([]api.Document, error)
	// Write carries out all changes or none, and adds the management audit in the same transaction; audit may be nil.
	Write(ctx context.Context, changes []api.DocumentChange, audit *api.MgmtAudit) error
	// Generation grows with every write of any of the kinds: what was computed from documents holds until it does.
	Generation(ctx context.Context, kinds ...api.Kind) (int64, error)
}

// Audits keeps the two streams of audits.
type Audits interface {
	// AppendAudits stores audits of one stream and returns how many weren't there yet.
	AppendAudits(ctx context.Context, audits []api.AuditRecord) (int, error)
	// Audits returns a page, the newest first unless the page says otherwise.
	Audits(ctx context.Context, q api.AuditQuery) ([]api.AuditRecord, error)
	CountAudits(ctx context.Context, q api.AuditQuery) (api.AuditCount, error)
	// Timeslice divides From to To in buckets.
	Timeslice(ctx context.Context, q api.AuditQuery, buckets int) ([]api.Slice, error)
	// Tally counts by a column: type, attackType, effect, rule, function, region, account, runtime or severity; the most
	// frequent first.
	Tally(ctx context.Context, q api.AuditQuery, column string, limit int) ([]api.Tally, error)
}

// Retention removes what is too old or too much.
type Retention interface {
	// Expire removes audits received before a time, at most limit at once, and returns how many it removed.
	Expire(ctx context.Context, stream api.Stream, before time.Time, limit int) (int, error)
	// Size is how much room the audits take, in bytes.
	Size(ctx context.Context) (int64, error)
	// ExpireMgmt removes management audits before a time.
	ExpireMgmt(ctx context.Context, before time.Time) (int, error)
	// ExpireIncidents removes some of the incidents of before a time, the oldest, and returns how many; 0 when none is left.
	ExpireIncidents(ctx context.Context, before time.Time) (int, error)
}

// Incidents keeps incidents: audits that belong together.
type Incidents interface {
	// PutIncident stores or replaces one; SerialNum is the store's for a new one.
	PutIncident(ctx context.Context, incident api.Incident) error
	Incidents(ctx context.Context, q api.IncidentQuery) ([]api.Incident, int, error)
	Acknowledge(ctx context.Context, id string, acknowledged bool, audit *api.MgmtAudit) error
}

// MgmtAudits reads what changed. They are written with the changes, by [Documents]; AddMgmt is for logins and the like.
type MgmtAudits interface {
	MgmtAudits(ctx context.Context, q api.MgmtQuery) ([]api.MgmtAudit, int, error)
	AddMgmt(ctx context.Context, audit api.MgmtAudit) error
}

// Leases let several replicas share work.
type Leases interface {
	// Acquire takes or prolongs a lease; false when another owner has it.
	Acquire(ctx context.Context, name, owner string, ttl time.Duration) (api.Lease, bool, error)
	// Release gives it up early.
	Release(ctx context.Context, lease api.Lease) error
	// Holds is an error with CodeConflict when the lease is no longer its owner's.
	Holds(ctx context.Context, lease api.Lease) error
}

// Inventory keeps the functions of the estate.
type Inventory interface {
	// ReplaceFunctions makes the functions of one account and region these.
	ReplaceFunctions(ctx context.Context, account, region string, functions []api.FunctionRecord) error
	Functions(ctx context.Context, q api.FunctionQuery) ([]api.FunctionRecord, int, error)
	Coverage(ctx context.Context) ([]api.Coverage, error)
}

// Defenders keeps who was heard of when.
type Defenders interface {
	// Heard stores when functions were last heard of.
	Heard(ctx context.Context, defenders []api.DefenderRecord) error
	Defenders(ctx context.Context, q api.DefenderQuery) ([]api.DefenderRecord, int, error)
	ForgetDefender(ctx context.Context, functionID string) error
	// CountDefenders returns how many were heard of since a time, and all.
	CountDefenders(ctx context.Context, seenSince time.Time) (int, int, error)
}

// Outbox keeps alerts until they are delivered.
type Outbox interface {
	// Enqueue stores alerts to deliver.
	Enqueue(ctx context.Context, alerts []api.Delivery) error
	// Due takes up to limit deliveries whose time has come, and keeps others from taking them for a while.
	Due(ctx context.Context, now time.Time, hold time.Duration, limit int) ([]api.Delivery, error)
	// Settle stores the outcome: delivered ones go, failed ones wait until Next, dead ones stay in the list.
	Settle(ctx context.Context, delivery api.Delivery) error
	Dead(ctx context.Context, page api.Page) ([]api.Delivery, int, error)
}

// Signals tell that something was stored, by any replica.
type Signals interface {
	// Watch returns a channel that gets a value after audits or documents were stored; several stores may share one value.
	// It's closed when ctx ends.
	Watch(ctx context.Context) <-chan struct{}
}
