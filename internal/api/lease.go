package api

import "time"

// Lease is the right of one replica to do a job until a time.
type Lease struct {
	Name  string
	Owner string
	// Token grows with each change of owner: who writes with an older one is refused.
	Token   int64
	Expires time.Time
}

// DefenderRecord is what is known of the Defenders of one function.
type DefenderRecord struct {
	// FunctionID is the function's unqualified ARN, or its name where the ARN isn't known.
	FunctionID                         string
	Account, Region, Function, Runtime string
	Version                            string
	// PolicyETag is that of the policy that it asked with last.
	PolicyETag string
	FirstSeen  time.Time
	LastSeen   time.Time
}

// FunctionRecord is one function of the estate as the Auto-Defender saw it last.
type FunctionRecord struct {
	ARN                            string
	Account, Region, Name, Runtime string
	Architecture                   string
	Defended                       bool
	Decision                       string // of its verdict
	Rule                           string // the auto-defend rule that covers it; "" when none does
	Modified, Seen                 time.Time
	// Body is the function with its verdict as JSON, without values of variables.
	Body []byte
}

// FunctionQuery asks for functions of the estate.
type FunctionQuery struct {
	Page                                                              Page
	IDs, Accounts, Regions, Names, Runtimes, Architectures, Decisions []string
	Rules                                                             []string
	Defended                                                          *bool
	Search                                                            string
	Scopes                                                            []FunctionScope
}

// Coverage counts the functions of one account and region.
type Coverage struct {
	Account  string `json:"accountID"`
	Region   string `json:"region"`
	Decision string `json:"decision"`
	Defended bool   `json:"defended"`
	Count    int    `json:"count"`
}
