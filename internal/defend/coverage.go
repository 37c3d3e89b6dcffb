package defend

import (
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// Held says how one section of the rule is held, and by which tier. An act that is only to be audited is seen at best.
type Held struct {
	Effect   autodefend.Effect   `json:"effect"`
	Tier     autodefend.Tier     `json:"tier,omitempty"`
	Coverage autodefend.Coverage `json:"coverage"`
}

// Report is how each section is held.
type Report struct {
	Processes  Held `json:"processes"`
	Network    Held `json:"network"`
	DNS        Held `json:"dns"`
	Filesystem Held `json:"filesystem"`
}

// Section is a part of a rule.
type Section string

// The sections.
const (
	Processes  Section = "processes"
	Network    Section = "network"
	DNS        Section = "dns"
	Filesystem Section = "filesystem"
)

// Capability is the best that a tier can do for a section.
func Capability(tier autodefend.Tier, section Section) autodefend.Coverage {
	switch tier {
	case autodefend.TierKernel, autodefend.TierPreload:
		return autodefend.Enforced
	case autodefend.TierWatch:
		if section == Processes || section == Network {
			return autodefend.Detected
		}
	}
	return autodefend.NotCovered
}

// Cover reports how the sections are held by tiers that work. The order of tiers doesn't matter.
func Cover(s policy.Sections, tiers []autodefend.Tier) Report {
	return Report{
		Processes:  held(s.Processes.Effect, Processes, tiers),
		Network:    held(s.Network.Effect, Network, tiers),
		DNS:        held(s.DNS.Effect, DNS, tiers),
		Filesystem: held(s.Files.Effect, Filesystem, tiers),
	}
}

func held(effect autodefend.Effect, section Section, tiers []autodefend.Tier) Held {
	if effect == "" || effect == autodefend.Disable {
		return Held{Effect: autodefend.Disable, Coverage: autodefend.NotCovered}
	}
	for _, tier := range []autodefend.Tier{autodefend.TierKernel, autodefend.TierPreload, autodefend.TierWatch} {
		coverage := Capability(tier, section)
		if !slices.Contains(tiers, tier) || coverage == autodefend.NotCovered {
			continue
		}
		if effect == autodefend.Alert {
			coverage = autodefend.Seen
		}
		return Held{Effect: effect, Tier: tier, Coverage: coverage}
	}
	return Held{Effect: effect, Coverage: autodefend.NotCovered}
}
