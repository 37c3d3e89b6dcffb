package api

import "time"

// IncidentQuery asks for incidents.
type IncidentQuery struct {
	Page                                         Page
	From, To                                     time.Time
	IDs, Categories, Types, Regions, FunctionIDs []string
	Functions, CustomRules, AppIDs, Profiles     []string
	Acknowledged                                 *bool
	Search                                       string
	Scopes                                       []FunctionScope
}

// MgmtQuery asks for management audits.
type MgmtQuery struct {
	Page             Page
	From, To         time.Time
	Types, Usernames []string
	Search           string
}

// DefenderQuery asks for Defenders.
type DefenderQuery struct {
	Page Page
	// SeenSince and NotSeenSince bound LastSeen; zero is open.
	SeenSince, NotSeenSince      time.Time
	IDs, Functions, Regions      []string
	Accounts, Runtimes, Versions []string
	Search                       string
	Scopes                       []FunctionScope
}

// Delivery is one alert on its way to one profile.
type Delivery struct {
	ID      string
	Profile string // the alert profile's name
	// Stream and AuditIDs name the audits; Body is the alert as JSON.
	Body     []byte
	Attempts int
	Created  time.Time
	Next     time.Time
	// Outcome is "" while it waits, "delivered" or "dead".
	Outcome   string
	LastError string
}
