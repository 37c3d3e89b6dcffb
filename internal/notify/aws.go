package notify

import (
	"context"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	// maxPublished bounds what SNS and EventBridge take at once, in bytes, with room for what goes with it.
	maxPublished = 250 << 10
	// maxEvents is how many events EventBridge takes at once.
	maxEvents = 10
	// maxSNSSubject bounds a subject, in characters, which must be ASCII.
	maxSNSSubject = 99
)

// sns publishes an alert. Attributes let subscriptions filter.
func (n *Notifier) sns(ctx context.Context, to api.AlertSNS, format api.AlertFormat, alert api.Alert) error {
	body, err := n.format(format, alert)
	if err != nil {
		return err
	}
	if len(body) > maxPublished {
		return tooLarge("SNS", len(body))
	}
	first := alert.First()
	attributes := map[string]string{"kind": string(alert.Kind)}
	for name, value := range map[string]string{"effect": first.Effect, "severity": severityOf(first), "region": first.Region, "function": first.Function} {
		if value = clean(value, 256); value != "" { // SNS takes no empty ones
			attributes[name] = value
		}
	}
	return n.aws.PublishSNS(ctx, to, snsSubject(alert), string(body), attributes)
}

// snsSubject is the subject in ASCII, which must begin with a letter or digit.
func snsSubject(alert api.Alert) string {
	text := []byte("Autodefend: ")
	for _, r := range subject(alert) {
		if r < ' ' || r > '~' {
			r = '?'
		}
		text = append(text, byte(r))
	}
	return string(text[:min(len(text), maxSNSSubject)])
}

// eventBridge puts an event for each audit, as many at once as the service takes.
func (n *Notifier) eventBridge(ctx context.Context, to api.AlertEventBridge, format api.AlertFormat, alert api.Alert) error {
	var events []Event
	size := 0
	for _, a := range alert.Audits {
		detail, err := n.single(format, alert, a)
		if err != nil {
			return err
		}
		if len(detail) > maxPublished {
			return tooLarge("EventBridge", len(detail))
		}
		if len(events) == maxEvents || size+len(detail) > maxPublished {
			if err := n.aws.PutEvents(ctx, to, events); err != nil {
				return err
			}
			events, size = nil, 0
		}
		event := Event{Source: "autodefend", DetailType: "Autodefend " + alert.Kind.Title() + " Alert", Detail: string(detail), Time: a.Time}
		if _, err := autodefend.ParseFunctionARN(a.FunctionID); err == nil {
			event.Resources = []string{a.FunctionID}
		}
		events, size = append(events, event), size+len(detail)
	}
	return n.aws.PutEvents(ctx, to, events)
}

func tooLarge(service string, size int) error {
	return autodefend.Errorf(autodefend.CodeInvalid, "the alert has %d bytes, more than %s takes", size, service)
}
