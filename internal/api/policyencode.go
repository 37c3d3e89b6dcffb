package api

// EncodeRequest is Prisma's shared.EncodeServerlessRuleOpts: for which function the value of TW_POLICY is wanted. Clients
// send provider as a list of one, too.
type EncodeRequest struct {
	AccountID        string        `json:"accountID"`
	ConsoleAddr      string        `json:"consoleAddr"` // host, host:port or URL; "" is the Console's own address
	Function         string        `json:"function"`
	Provider         string        `json:"provider"` // aws or azure
	Proxy            ProxySettings `json:"proxy"`
	Region           string        `json:"region"`           // "" is any
	UpdateIntervalMS int           `json:"updateIntervalMs"` // 0 is what the Console is set to
}

// EncodedPolicy is Prisma's shared.EncodedServerlessRule.
type EncodedPolicy struct {
	Data string `json:"data"` // the value of TW_POLICY
}
