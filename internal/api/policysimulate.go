package api

import (
	"encoding/json"
	"time"
)

// SimulationRequest asks what a policy would have done to audits that are stored.
type SimulationRequest struct {
	Policy json.RawMessage `json:"policy"`         // as it would be PUT; none means the one in force
	From   time.Time       `json:"from,omitzero"`  // the last day when zero
	To     time.Time       `json:"to,omitzero"`    // now when zero
	Limit  int             `json:"limit,omitzero"` // the newest of so many audits; 1,000 when 0, at most 10,000
}

// Simulation is the answer. It knows only what was recorded: acts that the policy in force let pass without an audit
// are not in it.
type Simulation struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Audits is how many were tried, Events how many events they stand for.
	Audits int `json:"audits"`
	Events int `json:"events"`
	// Unknown is how many audits couldn't be tried again, because they don't tell enough.
	Unknown int `json:"unknown"`
	// Truncated says that there are more audits than were tried.
	Truncated bool `json:"truncated"`
	// Outcomes counts the audits by what was done and what would be, the most frequent first.
	Outcomes []SimulationOutcome `json:"outcomes"`
	// Samples are some of the audits that would be treated differently, at most 100.
	Samples []SimulationSample `json:"samples"`
	// Remarks are what in the policy may not be meant.
	Remarks []PolicyRemark `json:"remarks"`
}

// SimulationOutcome counts audits of one old and one new effect. "none" is no audit at all.
type SimulationOutcome struct {
	Old    string `json:"old"`
	New    string `json:"new"`
	Audits int    `json:"audits"`
	Events int    `json:"events"`
}

// SimulationSample is one audit that would be treated differently.
type SimulationSample struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Function string    `json:"function"`
	Region   string    `json:"region,omitempty"`
	Account  string    `json:"accountID,omitempty"`
	Type     string    `json:"type"`
	Msg      string    `json:"msg"`
	Old      string    `json:"old"`
	New      string    `json:"new"`
	OldRule  string    `json:"oldRule"`
	NewRule  string    `json:"newRule"`
	Why      string    `json:"why"` // one sentence
}

// PolicyRemark is something in a policy that works but may not be meant.
type PolicyRemark struct {
	Path    string `json:"path"` // such as rules[0].dns.whitelist[3]
	Message string `json:"message"`
}
