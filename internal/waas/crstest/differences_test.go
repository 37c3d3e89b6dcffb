package crstest

// knownDifference is a test on which other rules fire than in Coraza.
type knownDifference struct {
	rules  string // those that only we have with a plus, those that only Coraza has with a minus
	reason string
}

// known lists them one by one.
func known() map[string]knownDifference {
	return map[string]knownDifference{}
}
