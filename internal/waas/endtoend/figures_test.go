//go:build linux

package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
)

// usual is a POST of 1.9 KB of JSON with 21 headers.
func usual(t testing.TB) []byte {
	var items []string
	for n := range 12 {
		items = append(items, fmt.Sprintf(`{"sku":"B-%04d","title":"The %d tales of Bohemia, illustrated","quantity":%d,"price":%d.50,"gift":false,"note":"wrap it, please (no ribbon)"}`, n, n*7, n%3+1, n+10))
	}
	body := `{"customer":{"name":"Ada O'Reilly","email":"ada@example.com"},"items":[` + strings.Join(items, ",") + `]}`
	event, _ := rest("").(object)
	h, _ := event["headers"].(object)
	for n := range 21 - len(h) {
		h[fmt.Sprintf("x-header-%d", n)] = fmt.Sprintf("value %d; q=0.%d", n, n%10)
	}
	lists := object{}
	for name, value := range h {
		lists[name] = []any{value}
	}
	event["multiValueHeaders"], event["body"] = lists, body
	return bytesOf(t, event)
}

// BenchmarkInvocation sends the same event to a function without a Defender, and with one whose firewall is off, alerts
// and prevents, in turns, and prints the medians of the times until the answer is there and their ratios.
func BenchmarkInvocation(b *testing.B) {
	event := usual(b)
	names := []string{"bare", "off", "alert", "prevent"}
	policies := []string{"", encoded(b, nil, both), encoded(b, rule(autodefend.Alert)), encoded(b, rule(autodefend.Prevent))}
	times := make([][]float64, len(names))
	apis := make([]*api, len(names))
	for i, tw := range policies {
		apis[i] = newAPI(b)
		launch(b, apis[i], "1", tw)
		apis[i].awaitPolls(1)
		apis[i].send(event) // the first one builds the automata
		apis[i].take()
		apis[i].awaitPolls(1)
	}
	for b.Loop() {
		for i, a := range apis {
			began := time.Now()
			a.send(event)
			a.take()
			times[i] = append(times[i], float64(time.Since(began).Nanoseconds())/1000)
			a.awaitPolls(1)
		}
	}
	bare, off := median(times[0]), median(times[1])
	for i, name := range names[1:] {
		m := median(times[i+1])
		b.Logf("figure: %d bytes, firewall %s: %.0f µs more than the bare function's %.0f (ratio %.2f), %.0f µs more than with the firewall off",
			len(event), name, m-bare, bare, m/bare, m-off)
		b.ReportMetric(m-bare, name+"-added-µs")
		b.ReportMetric(m/bare, name+"-ratio")
	}
	b.ReportMetric(0, "ns/op")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// TestMemory prints what the Defender's supervisor has in memory. What the engine may have is bounded in its own tests.
func TestMemory(t *testing.T) {
	a := newAPI(t)
	p := launch(t, a, "1", encoded(t, rule(autodefend.Prevent, onQueue)))
	a.awaitPolls(1)
	before := p.supervisorKB()
	ordinary := usual(t)
	var first int
	for n := range 300 {
		event := ordinary
		if from := triggers()[n%len(triggers())]; n > 0 {
			event = bytesOf(t, from.carry(fmt.Sprintf("%d %s", n, attacks()[n%len(attacks())].text)))
		}
		a.send(event)
		a.take()
		if n == 0 {
			first = p.supervisorKB()
		}
	}
	t.Logf("figure: supervisor's resident memory with the firewall on: %d kB at the start, %d kB after 1 event, %d kB after 300", before, first, p.supervisorKB())
}
