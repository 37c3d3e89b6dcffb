package cloud

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/autodefend/autodefend"
)

// MaxEvents is how many events [Publisher.PutEvents] takes at once.
const MaxEvents = 10

// Event is an entry of EventBridge.
type Event struct {
	Source, DetailType string
	// Detail is a JSON object.
	Detail string
	// Resources are the ARNs of what it is about.
	Resources []string
	Time      time.Time
}

// PutEvents puts at most [MaxEvents] events on a bus, a name or an ARN. EventBridge takes some and refuses others: those
// it refused are sent again. After an error some may have been taken.
func (p *Publisher) PutEvents(ctx context.Context, bus string, events []Event) error {
	if len(events) > MaxEvents {
		return autodefend.Errorf(autodefend.CodeInvalid, "PutEvents %s: %d events, more than %d", bus, len(events), MaxEvents)
	}
	left := entries(bus, events)
	for attempt := 1; len(left) > 0; attempt++ {
		out, err := p.events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: left})
		if err != nil {
			return request{operation: "PutEvents", resource: bus, action: "events:PutEvents"}.fail(ctx, err)
		}
		refused, code := refusedEntries(left, out.Entries)
		if len(refused) > 0 && attempt == publishAttempts {
			return refusedError(bus, code)
		}
		left = refused
	}
	return nil
}

func entries(bus string, events []Event) []types.PutEventsRequestEntry {
	all := make([]types.PutEventsRequestEntry, 0, len(events))
	for _, e := range events {
		all = append(all, types.PutEventsRequestEntry{
			EventBusName: aws.String(bus), Source: aws.String(e.Source), DetailType: aws.String(e.DetailType), Detail: aws.String(e.Detail),
			Resources: e.Resources, Time: aws.Time(e.Time),
		})
	}
	return all
}

// refusedEntries returns the entries that weren't taken and the first reason. Answers stand in the order of the entries.
func refusedEntries(sent []types.PutEventsRequestEntry, answers []types.PutEventsResultEntry) ([]types.PutEventsRequestEntry, string) {
	var refused []types.PutEventsRequestEntry
	code := ""
	for i, entry := range sent {
		switch {
		case i >= len(answers):
			refused = append(refused, entry) // an answer without it isn't one that took it
		case answers[i].ErrorCode != nil:
			refused = append(refused, entry)
			if code == "" {
				code = aws.ToString(answers[i].ErrorCode)
			}
		}
	}
	return refused, code
}

func refusedError(bus, code string) error {
	e := autodefend.Errorf(autodefend.CodeUnavailable, "PutEvents %s: events were refused: %s", bus, clip(code, 80))
	switch code {
	case "ThrottlingException":
		e.Code = autodefend.CodeThrottled
	case "NotAuthorizedForSourceException", "NotAuthorizedForDetailTypeException", "AccessDeniedException":
		e.Code = autodefend.CodeDenied
	case "MalformedDetail", "InvalidArgument":
		e.Code = autodefend.CodeInvalid
	}
	return e
}
