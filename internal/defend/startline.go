package defend

import (
	"time"

	"github.com/autodefend/autodefend"
)

// startLine is what the log says once, when the runtime starts, and again when the policy changes.
type startLine struct {
	Time     time.Time           `json:"time"`
	Level    string              `json:"level"`
	Msg      string              `json:"msg"`
	Version  string              `json:"version"`
	Rule     string              `json:"rule"`
	Issued   time.Time           `json:"issued"`
	Summary  bool                `json:"summary,omitempty"`
	FailMode autodefend.FailMode `json:"failMode"`
	Tiers    []autodefend.Tier   `json:"tiers,omitempty"`
	Coverage *Report             `json:"coverage,omitempty"`
	Firewall *Firewall           `json:"firewall,omitempty"`
	Notices  []string            `json:"notices,omitempty"`
}

// Announce writes the line of the start: which policy holds, and how well with these tiers.
func (d *Defender) Announce(tiers []autodefend.Tier) {
	line := d.changeLine(d.state.Load())
	line.Msg = "autodefend protects this function"
	line.Tiers = tiers
	report := Cover(d.Sections(), tiers)
	line.Coverage = &report
	d.lines.write(line)
}

// changeLine says which policy holds from now on.
func (d *Defender) changeLine(s *state) startLine {
	return startLine{
		Time:     d.config.Now().UTC().Truncate(time.Millisecond),
		Level:    "INFO",
		Msg:      "policy changed",
		Version:  d.config.Version,
		Rule:     s.compiled.RuleName(),
		Issued:   s.envelope.Issued,
		Summary:  s.envelope.Summary,
		FailMode: d.FailMode(),
		Firewall: firewallLine(s),
		Notices:  s.compiled.Notices(),
	}
}
