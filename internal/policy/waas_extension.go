package policy

import (
	"time"

	"github.com/autodefend/autodefend"
)

// DefaultBudget is how long the inspection of one event may take unless the rule says otherwise.
const DefaultBudget = 200 * time.Millisecond

// WAASLevel says how much a rule suspects.
type WAASLevel string

// The levels.
const (
	// LevelDefault has the rules that hardly ever object to ordinary requests.
	LevelDefault WAASLevel = "default"
	// LevelCore has the first paranoia level of the OWASP Core Rule Set as it is.
	LevelCore WAASLevel = "crs"
	// LevelStrict adds its second, for functions that take little text from people.
	LevelStrict WAASLevel = "strict"
)

// QueueAnswer says what becomes of records of a queue that are refused.
type QueueAnswer string

// The answers.
const (
	// QueueFailures names the batch's records as failed, all of them because the function saw none, where the trigger has
	// a form for it, and is QueueError where it hasn't. They come back until they land in the dead-letter queue.
	QueueFailures QueueAnswer = "batchItemFailures"
	// QueueError fails the whole batch.
	QueueError QueueAnswer = "error"
	// QueueDrop takes a refused event for handled: it's gone. A batch of several records is failed as with QueueError,
	// because the others would be gone too.
	QueueDrop QueueAnswer = "drop"
)

// WAASExtension is the member "autodefend" of a rule of the firewall: what Prisma's rules can't say.
type WAASExtension struct {
	kept

	// Level is default when empty.
	Level WAASLevel
	// FailMode says what becomes of an event whose inspection didn't come to an end: open, which is the default, lets
	// it pass with an audit; closed refuses it.
	FailMode autodefend.FailMode
	// BudgetMS is how long the inspection of one event may take, in milliseconds; 0 means [DefaultBudget].
	BudgetMS int
	// OnQueue is batchItemFailures when empty.
	OnQueue QueueAnswer
	// Triggers say for single triggers what is looked for and the most that happens.
	Triggers TriggerSwitches
	// CustomRules are looked at in this order, before the classes.
	CustomRules []OwnRule
}

// TriggerSwitch limits a rule for one trigger.
type TriggerSwitch struct {
	kept

	// Effect is the most that happens: disable looks for nothing, alert never refuses. Empty means what
	// [DefaultTriggerEffect] says.
	Effect autodefend.Effect
	// Classes are what is looked for; none means all. Custom rules aren't affected.
	Classes []autodefend.AttackClass
}

// TriggerSwitches are the switches of triggers by their names in [WAASTriggers].
type TriggerSwitches struct {
	kept

	of map[string]TriggerSwitch
}

// OwnRule is a custom rule. Its expression is in the language of internal/waas/expression.
type OwnRule struct {
	kept

	Name       string // unique among the rule's custom rules; audits carry it
	Expression string
	// Effect is alert when empty. Allow lets the event pass whatever follows.
	Effect autodefend.Effect
	// Message is the audit's; empty means one made of the name. In it %regexMatches stands for what patterns matched.
	Message string
}

// Budget returns how long the inspection of one event may take.
func (x *WAASExtension) Budget() time.Duration {
	if x.BudgetMS <= 0 {
		return DefaultBudget
	}
	return time.Duration(x.BudgetMS) * time.Millisecond
}

// QueueAnswer returns what becomes of refused records of a queue.
func (x *WAASExtension) QueueAnswer() QueueAnswer {
	if x.OnQueue == "" {
		return QueueFailures
	}
	return x.OnQueue
}

// Get returns the switch of a trigger; the zero value when there is none.
func (t *TriggerSwitches) Get(trigger string) TriggerSwitch { return t.of[trigger] }

// Set sets the switch of a trigger.
func (t *TriggerSwitches) Set(trigger string, to TriggerSwitch) {
	if t.of == nil {
		t.of = make(map[string]TriggerSwitch)
	}
	t.of[trigger] = to
}

func (x *WAASExtension) walk(f *fields) {
	choice(f, "level", "a level", &x.Level, LevelDefault, LevelCore, LevelStrict)
	choice(f, "failMode", "a fail mode", &x.FailMode, autodefend.FailOpen, autodefend.FailClosed)
	f.number("budgetMs", &x.BudgetMS)
	word(f, "onQueue", "an answer", &x.OnQueue, QueueFailures, QueueError, QueueDrop)
	f.object("triggers", &x.Triggers)
	list(f, "customRules", &x.CustomRules)
	f.refuseUnknown("docs/waas.md")
}

func (t *TriggerSwitches) walk(f *fields) {
	for _, trigger := range WAASTriggers() {
		s, given := t.of[trigger]
		if f.writing && !given {
			continue
		}
		f.object(trigger, &s)
		if f.writing || s.keep().present != nil {
			t.Set(trigger, s)
		}
	}
	f.refuseUnknown("docs/waas.md")
}

func (s *TriggerSwitch) walk(f *fields) {
	choice(f, "effect", "an effect", &s.Effect, autodefend.Disable, autodefend.Alert, autodefend.Prevent)
	value(f, "classes", "a list of strings", &s.Classes, len(s.Classes) == 0)
	f.refuseUnknown("docs/waas.md")
}

func (r *OwnRule) walk(f *fields) {
	f.text("name", &r.Name)
	f.text("expression", &r.Expression)
	choice(f, "effect", "an effect", &r.Effect, autodefend.Disable, autodefend.Alert, autodefend.Prevent, autodefend.Allow)
	f.text("message", &r.Message)
	f.refuseUnknown("docs/waas.md")
}
