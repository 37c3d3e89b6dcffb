package crstest

import (
	"context"
	"flag"
	"slices"
	"strconv"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas"
)

var long = flag.Bool("long", false, "compare many more events with Coraza")

// engine is ours with a new policy's rule: an alert for every class.
func engine(t testing.TB, level policy.WAASLevel, options ...waas.Option) *waas.Engine {
	t.Helper()
	rule := policy.NewWAASRule("all")
	rule.Own.Level = level
	e, err := waas.New(&rule, append(options, waas.Everything())...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// fired is the rules of the Core Rule Set that fire on an event, in order.
func fired(e *waas.Engine, data []byte) []int {
	return numbers(e.Inspect(context.Background(), data).Detections)
}

func numbers(detections []waas.Detection) []int {
	var ids []int
	for i := range detections {
		id, err := strconv.Atoi(detections[i].Rule)
		if err == nil && id >= 900000 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
