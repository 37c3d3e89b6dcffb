package api

import (
	"time"

	"github.com/autodefend/autodefend"
)

// FunctionInfo is Prisma's serverless.FunctionInfo as far as the Auto-Defender knows a function, with its verdict in the
// member autodefend. It never holds a variable's value.
type FunctionInfo struct {
	ID               string        `json:"_id"`
	AccountID        string        `json:"accountID"`
	ApplicationName  string        `json:"applicationName,omitempty"`
	Architecture     string        `json:"architecture"`
	CloudMetadata    FunctionCloud `json:"cloudMetadata"`
	Collections      []string      `json:"collections"`
	Defended         bool          `json:"defended"`
	DefenderLayerARN string        `json:"defenderLayerARN"`
	Description      string        `json:"description,omitempty"`
	// EnvVars are names only.
	EnvVars        []string        `json:"envvars"`
	FunctionLayers []LayerInfo     `json:"functionLayers"`
	FunctionTags   []ExternalLabel `json:"functionTags"`
	Handler        string          `json:"handler"`
	Name           string          `json:"name"`
	Hostname       string          `json:"hostname,omitempty"`
	IsARM64        bool            `json:"isARM64"`
	LastModified   time.Time       `json:"lastModified,omitzero"`
	Memory         int64           `json:"memory"`
	Platform       string          `json:"platform"`
	Provider       string          `json:"provider"`
	Region         string          `json:"region"`
	Role           string          `json:"role"`
	Runtime        string          `json:"runtime"`
	ScanTime       time.Time       `json:"scanTime"`
	Status         string          `json:"status,omitempty"`
	Timeout        int64           `json:"timeout"`
	Type           ScanType        `json:"type"`
	Version        string          `json:"version"`
	// ShortID is the function's name, as Prisma has it in id.
	ShortID string `json:"id"`

	Own FunctionVerdict `json:"autodefend"`
}

// FunctionCloud is the part of Prisma's common.CloudMetadata that functions have.
type FunctionCloud struct {
	AccountID  string `json:"accountID"`
	Provider   string `json:"provider"`
	Region     string `json:"region"`
	ResourceID string `json:"resourceID"`
}

// LayerInfo is Prisma's serverless.LayerInfo.
type LayerInfo struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
}

// ExternalLabel is Prisma's common.ExternalLabel.
type ExternalLabel struct {
	Key        string `json:"key"`
	SourceName string `json:"sourceName,omitempty"`
	SourceType string `json:"sourceType"`
	Value      string `json:"value"`
}

// FunctionVerdict is what the Auto-Defender says of a function.
type FunctionVerdict struct {
	Decision autodefend.Decision `json:"decision"`
	// Rule is the auto-defend rule that covers the function; empty when none does.
	Rule string `json:"rule,omitempty"`
	// Recipe is that of the verdict.
	Recipe   string              `json:"recipe,omitempty"`
	Reasons  []autodefend.Reason `json:"reasons"`
	Warnings []autodefend.Reason `json:"warnings,omitempty"`
	// AttachedBy is the run that attached the Defender; empty when it wasn't ours.
	AttachedBy string `json:"attachedBy,omitempty"`
}

// CoverageReport says what of the estate is defended, and what keeps the rest from it.
type CoverageReport struct {
	Functions int `json:"functions"`
	Defended  int `json:"defended"`
	// Accounts, Regions, Runtimes and Decisions count by one property each; Checks by what keeps functions undefended.
	Accounts  []CoverageCount `json:"accounts"`
	Regions   []CoverageCount `json:"regions"`
	Runtimes  []CoverageCount `json:"runtimes"`
	Decisions []CoverageCount `json:"decisions"`
	Rules     []CoverageCount `json:"rules"`
	Checks    []CoverageCheck `json:"checks"`
	// Seen is when the part that was seen longest ago was seen.
	Seen time.Time `json:"seen,omitzero"`
}

// CoverageCount counts functions with one value of a property.
type CoverageCount struct {
	Value    string `json:"value"`
	Count    int    `json:"count"`
	Defended int    `json:"defended"`
}

// CoverageCheck counts functions that one check keeps undefended.
type CoverageCheck struct {
	Check autodefend.Check `json:"check"`
	Count int              `json:"count"`
	// Message and Hint are those of one of the functions, Example.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Example string `json:"example"`
}
