// Package rules is the compiled rule table of the application firewall: the OWASP Core Rule Set and our own rules,
// turned by internal/waas/gen into static data. Nothing in it happens at start and nothing in it is ever changed:
// callers share the slices that it returns and must not write to them.
//
// A Rule fires when its first Condition holds for some value of the event and the chained ones hold after it.
// Rules says which, Nodes how their first conditions are found quickly: the engine walks the tree of transformation
// chains once per value, scans each distinct text once, and runs the conditions whose literals occurred.
package rules

// Rule is one rule of the table.
type Rule struct {
	// ID is the Core Rule Set's number (6 digits) or that of an own rule (5 digits).
	ID int
	// Class is the attack class that a detection by this rule is reported as.
	Class Class
	// Level is the lowest level that the rule runs at.
	Level Level
	// Narrow says that the rule runs at the default level only: a twin of the same ID without its gate, the last of the
	// conditions, runs at the levels above.
	Narrow bool
	// Severity is how bad the rule's authors think a hit is.
	Severity Severity
	// Message says in one line what the rule found.
	Message string
	// Source is the file that the rule was compiled from, for example "REQUEST-942-APPLICATION-ATTACK-SQLI.conf".
	Source string
	// Conditions holds the first condition and the chained ones, in order; never empty.
	Conditions []Condition
}

// Runs reports whether the rule is among those of a level.
func (r *Rule) Runs(at Level) bool { return r.Level <= at && (!r.Narrow || at == Default) }

// Own reports whether the rule is ours and not the Core Rule Set's.
func (r *Rule) Own() bool { return r.ID < 100000 }

// Variables is the set of variables that the rule's first condition reads in whole or in part:
// a value of any other variable can't start a detection by this rule.
func (r *Rule) Variables() VariableSet {
	var set VariableSet
	for i := range r.Conditions[0].Targets {
		if target := &r.Conditions[0].Targets[i]; !target.Exclude {
			set |= target.Variable.Set()
		}
	}
	return set
}

// Condition is one test of some values of the event.
//
// Values are the texts of the targets, each with the chain of transformations applied. A condition holds when the
// operator matches at least one value (or, if Negated, fails on at least one). The values for which it held are its
// matches, each with the text it held for and, if Captures says so, that text's captured groups. A chained condition
// sees the matches of the one before it:
//   - MatchedVar and MatchedVars stand for the texts of those matches,
//   - Capture and Macro targets, and an argument with macros, are evaluated once per match of the nearest condition
//     before it that captures, with that match's own groups, and the match lives on when one of its values matches.
//
// All other chained targets are looked up in the event again.
type Condition struct {
	// Targets says which values are tested: the union of all targets that aren't exclusions, less the exclusions.
	Targets []Target
	// Chain is the node of the transformation tree whose text is tested: 0 is the value itself.
	Chain NodeID
	// MultiMatch tests the text after every step of the chain that changed it and the untransformed value too.
	MultiMatch bool
	// Operator is the test; Negated turns it round.
	Operator Operator
	Negated  bool
	// Gate says that the condition only chooses among the matches of the one before it: what it lets through stays the
	// match that is reported.
	Gate bool
	// Macro says that Argument contains macros, %{...}, to be replaced before each test; see ExpandMacro.
	Macro bool
	// Captures says that a later condition reads this one's groups: 0 for none, else one more than the highest group
	// that is read (1: the whole match is enough). Only conditions with operator Rx capture.
	Captures uint8
	// Argument is the operator's argument as the operator needs it: the expression of Rx (see match.Program), the
	// words of Within, the string of StrEq, BeginsWith, EndsWith, Contains and the rest, the decimal number of Eq, Gt
	// and Lt, the 32-byte bitmap (bit b%8 of byte b/8) of the bytes that ValidateByteRange allows, the words of Pm
	// joined by newlines, the name of PmFromFile's list. For people use Text.
	Argument string
	// Program is the number of the compiled expression of Rx, and of a chained Pm; NoProgram if none. It keeps the
	// groups (for match.Machine.Submatch) when Captures is more than 1.
	Program int16
	// Needs lists groups of literals (sets of the scanner, see Literals): for the operator to match, negated or not, a
	// literal of every group must occur in the tested text. The rarest group comes first. Empty: the literals say
	// nothing and the operator must be run; so it is in all chained conditions. For Pm and PmFromFile without a program
	// the one group is the dictionary itself: its occurrence is the match.
	Needs []uint16
}

// NoProgram stands where there is no compiled expression. Programs are numbered from 1.
const NoProgram = 0

// Target is one variable, or some of its members, that a condition tests.
type Target struct {
	Variable Variable
	// Selector restricts the target to members of this name (lower case; compared case-insensitively). Empty: all.
	// For Capture it is the number of the group, for Macro the text with macros whose expansion is the value.
	Selector string
	// Program is the compiled expression that a member's name must match, instead of a Selector that must equal it;
	// NoProgram if none. The expression is then in Selector for people to read.
	Program int16
	// Exclude takes the members out of what the condition's other targets put in.
	Exclude bool
	// Count tests the decimal number of members instead of the members.
	Count bool
}

// String writes the target as SecLang does.
func (t Target) String() string {
	text := t.Variable.String()
	switch {
	case t.Program != NoProgram:
		text += ":/" + t.Selector + "/"
	case t.Selector != "":
		text += ":" + t.Selector
	}
	switch {
	case t.Exclude:
		return "!" + text
	case t.Count:
		return "&" + text
	default:
		return text
	}
}

// All returns every rule, ordered by id within the Core Rule Set and then our own. A rule of which one variable needs a
// condition more than the others stands there twice.
func All() []Rule { return table }

// Find returns the first rule with this id, or nil if there is none.
func Find(id int) *Rule {
	for i := range table {
		if table[i].ID == id {
			return &table[i]
		}
	}
	return nil
}
