package api

// CustomRule is Prisma's customrules.Rule.
type CustomRule struct {
	ID               int      `json:"_id"`
	AttackTechniques []string `json:"attackTechniques,omitempty"`
	Description      string   `json:"description"`
	Message          string   `json:"message"`
	MinVersion       string   `json:"minVersion,omitempty"`
	Modified         int64    `json:"modified"` // Unix seconds
	Name             string   `json:"name"`
	Owner            string   `json:"owner"`
	Script           string   `json:"script"`
	Type             string   `json:"type"` // one of CustomRuleTypes
	VulnIDs          []string `json:"vulnIDs,omitempty"`
	// Usages are the policies that refer to the rule.
	Usages []string `json:"usages,omitempty"`
}

// CustomRuleTypes returns Prisma's customrules.Type.
func CustomRuleTypes() []string {
	return []string{"processes", "filesystem", "network-outgoing", "kubernetes-audit", "waas-request", "waas-response"}
}

// CustomRuleRef is Prisma's customrules.Ref.
type CustomRuleRef struct {
	ID     int    `json:"_id"`
	Action string `json:"action,omitempty"` // audit or incident
	Effect string `json:"effect,omitempty"`
}
