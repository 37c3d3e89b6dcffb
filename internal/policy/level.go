package policy

import "github.com/autodefend/autodefend"

// level orders effects by strength.
type level uint8

// The levels.
const (
	off level = iota
	alert
	prevent
	block
)

// levelOf returns an effect's level; no effect is off.
func levelOf(e autodefend.Effect) level {
	switch e {
	case autodefend.Alert:
		return alert
	case autodefend.Prevent:
		return prevent
	case autodefend.Block:
		return block
	default:
		return off
	}
}

// or returns the level of an effect that may be left out.
func (l level) or(e autodefend.Effect) level {
	if e == "" {
		return l
	}
	return levelOf(e)
}

// effect returns the level's effect.
func (l level) effect() autodefend.Effect {
	switch l {
	case alert:
		return autodefend.Alert
	case prevent:
		return autodefend.Prevent
	case block:
		return autodefend.Block
	default:
		return autodefend.Disable
	}
}
