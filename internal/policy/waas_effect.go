package policy

import (
	"cmp"
	"slices"

	"github.com/autodefend/autodefend"
)

// WAASTriggers lists the triggers that a rule can have a switch for, by the names that events are told apart by.
func WAASTriggers() []string {
	return []string{
		"apiGateway", "httpAPI", "functionURL", "alb", "webSocket", "authorizer", "appSync", "appSyncAuthorizer",
		"sqs", "sns", "s3", "kinesis", "firehose", "dynamodb", "kafka", "mq", "eventBridge", "cloudWatchLogs", "ses",
		"cognito", "lex", "iot", "connect", "config", "codePipeline", "alexa", "direct",
	}
}

// DefaultTriggerEffect is the most that happens on a trigger that has no switch. What comes from a queue or a stream is
// never refused, because it would come back; log lines hold attacks by nature and aren't looked at.
func DefaultTriggerEffect(trigger string) autodefend.Effect {
	switch trigger {
	case "cloudWatchLogs":
		return autodefend.Disable
	case "sqs", "sns", "s3", "kinesis", "firehose", "dynamodb", "kafka", "mq", "eventBridge", "ses", "config", "codePipeline":
		return autodefend.Alert
	default:
		return autodefend.Prevent
	}
}

// Effect returns what happens when an attack of a class is found in an event of a trigger: disable, alert or prevent.
// Disable means that it needn't be looked for.
func (r *WAASRule) Effect(class autodefend.AttackClass, trigger string) autodefend.Effect {
	app := r.Application()
	if r.Disabled || app == nil {
		return autodefend.Disable
	}
	if class == autodefend.ClassLimitExceeded {
		return r.capped(cmp.Or(app.Body.LimitEffect, autodefend.Alert), trigger)
	}
	p := app.Protection(class)
	if p == nil {
		return autodefend.Disable
	}
	s := r.Own.Triggers.Get(trigger)
	if len(s.Classes) > 0 && !slices.Contains(s.Classes, class) {
		return autodefend.Disable
	}
	return r.capped(p.Effect, trigger)
}

// RuleEffect returns what happens when a custom rule holds for an event of a trigger: disable, alert, prevent or allow.
func (r *WAASRule) RuleEffect(custom *OwnRule, trigger string) autodefend.Effect {
	e := cmp.Or(custom.Effect, autodefend.Alert)
	if r.Disabled || r.Application() == nil || r.TriggerEffect(trigger) == autodefend.Disable {
		return autodefend.Disable
	}
	if e == autodefend.Allow {
		return e
	}
	return r.capped(e, trigger)
}

// UnfinishedEffect returns what becomes of an event whose inspection didn't come to an end: alert, unless the rule fails
// closed and the trigger lets events be refused.
func (r *WAASRule) UnfinishedEffect(trigger string) autodefend.Effect {
	if r.Own.FailMode == autodefend.FailClosed {
		return r.capped(autodefend.Prevent, trigger)
	}
	return r.capped(autodefend.Alert, trigger)
}

// TriggerEffect returns the most that happens on a trigger.
func (r *WAASRule) TriggerEffect(trigger string) autodefend.Effect {
	return cmp.Or(r.Own.Triggers.Get(trigger).Effect, DefaultTriggerEffect(trigger))
}

// capped returns an effect, or the most that happens on the trigger when that is less.
func (r *WAASRule) capped(e autodefend.Effect, trigger string) autodefend.Effect {
	return min(firewallLevel(e), firewallLevel(r.TriggerEffect(trigger))).effect()
}

// firewallLevel returns the level of an effect of the firewall: a ban is as good as prevented, and what is allowed is off.
func firewallLevel(e autodefend.Effect) level {
	if e == autodefend.Ban {
		return prevent
	}
	return levelOf(e)
}
