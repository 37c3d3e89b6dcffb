package alerting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/notify"
)

const (
	webhookOfAll = `"webhook":{"enabled":true,"url":"https://example.com/"},"policy":{"serverlessRuntime":{"enabled":true,"allRules":true},"serverlessAppFirewall":{"enabled":true,"allRules":true}}`
	both         = `{"name":"both",` + webhookOfAll + `,"slack":{"enabled":true,"webhookUrl":"https://hooks.slack.com/x","channels":["#a"],"users":["@b"]}}`
)

// start runs a service until the test or the function ends.
func start(t *testing.T, s *Service) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	stop := func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func store(t *testing.T, m *memory, audits ...api.AuditRecord) {
	t.Helper()
	if _, err := m.AppendAudits(t.Context(), audits); err != nil {
		t.Fatal(err)
	}
}

func numbered(stream api.Stream, from, to int) []api.AuditRecord {
	var all []api.AuditRecord
	for i := from; i < to; i++ {
		all = append(all, audit(stream, fmt.Sprintf("%s-%05d", stream, i), "r"))
	}
	return all
}

func TestEveryChannelIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		store(t, m, audit(api.StreamRuntime, "before", "r"))
		put(t, s, both)
		put(t, s, `{"name":"some","autodefend":{"syslog":{"address":"logs.example.com:6514"},"sns":{"topicArn":"arn:aws:sns:eu-west-1:123456789012:t"},"eventBridge":{"bus":"b","region":"eu-west-1"}},
			"email":{"enabled":true,"smtpAddress":"m.example.com","from":"a@example.com","recipients":["b@example.com"],"credentialId":"mail"},
			"policy":{"serverlessRuntime":{"enabled":true,"rules":["strict"]},"serverlessAppFirewall":{"enabled":false,"allRules":true}}}`)
		put(t, s, `{"name":"off","disabled":true,`+webhookOfAll+`}`)
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a1", "lax"), audit(api.StreamRuntime, "a2", "strict"), audit(api.StreamFirewall, "f1", "strict"))
		time.Sleep(5 * time.Second)
		for channel, want := range map[string]string{
			"webhook": "[a1 a2 f1]", "slack:#a": "[a1 a2 f1]", "slack:@b": "[a1 a2 f1]", "email": "[a2]", "syslog": "[a2]", "sns": "[a2]", "eventBridge": "[a2]",
		} {
			if got := r.got(channel); fmt.Sprint(slices.Sorted(slices.Values(got))) != want {
				t.Errorf("%s got %v, want %s", channel, got, want)
			}
		}
		for _, sent := range r.messages() {
			if len(sent.alert.Audits) != 1 {
				t.Errorf("%s: %d audits in one message", sent.channel, len(sent.alert.Audits))
			}
			if sent.channel == "email" && (sent.target.Email.Login != api.Login{User: "ann", Password: "pw"}) {
				t.Errorf("login %+v", sent.target.Email.Login)
			}
		}
		if m.left() != 0 {
			t.Errorf("%d left in the outbox", m.left())
		}
	})
}

func TestRetriesThenDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var down atomic.Bool
		down.Store(true)
		r := &recorder{answer: func(api.AlertTarget, api.Alert) error {
			if !down.Load() {
				return nil
			}
			return autodefend.Errorf(autodefend.CodeUnavailable, "answered 500").WithHint("look there")
		}}
		s := newService(m, r, "a")
		s.maxAttempts = 6
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a1", "r"))
		time.Sleep(10 * time.Minute)
		tries := r.tries()
		if len(tries) != 6 {
			t.Fatalf("%d attempts, want 6", len(tries))
		}
		want := firstBackoff
		for i := 1; i < len(tries); i++ {
			if wait := tries[i].Sub(tries[i-1]); wait < want || wait > want+2*look {
				t.Errorf("wait %d: %v, want %v", i, wait, want)
			}
			want = min(2*want, maxBackoff)
		}
		if p := profilesOf(t, s)[0]; p["lastError"] != "webhook: answered 500; look there" {
			t.Errorf("lastError %v", p["lastError"])
		}
		answer, err := call(t, s, "GET", "/alerts/dead", "", "")
		if err != nil {
			t.Fatal(err)
		}
		dead := answer.JSON.([]api.DeadAlert)
		if len(dead) != 1 || answer.Header["Total-Count"] != "1" || dead[0].Profile != "p" || dead[0].Channel != "webhook" || dead[0].Attempts != 6 || dead[0].Audit.ID != "a1" || dead[0].LastError == "" {
			t.Fatalf("dead %+v", dead)
		}
		down.Store(false)
		if _, err := call(t, s, "POST", "/alerts/dead/{id}/retry", dead[0].ID, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got := r.got("webhook"); fmt.Sprint(got) != "[a1]" {
			t.Errorf("after retrying: %v", got)
		}
		if p := profilesOf(t, s)[0]; p["lastError"] != "" {
			t.Errorf("lastError %v", p["lastError"])
		}
		if m.left() != 0 {
			t.Errorf("%d left", m.left())
		}
		if _, err := call(t, s, "POST", "/alerts/dead/{id}/retry", dead[0].ID, ""); autodefend.ErrorCode(err) != autodefend.CodeNotFound {
			t.Errorf("retrying what isn't there: %v", err)
		}
	})
}

// TestReceiverIsDown: what waits for a receiver that doesn't answer isn't tried one by one.
func TestReceiverIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var tries atomic.Int64
		r := &recorder{answer: func(api.AlertTarget, api.Alert) error {
			if tries.Add(1) < 3 {
				return autodefend.Errorf(autodefend.CodeUnavailable, "no answer in time")
			}
			return nil
		}}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 20)...)
		time.Sleep(5 * time.Second)
		if tries.Load() != 1 {
			t.Errorf("%d attempts", tries.Load())
		}
		time.Sleep(time.Minute)
		once(t, r, 20)
	})
}

// waiting is an error that asks for time.
type waiting struct{ error }

func (waiting) RetryAfter() time.Duration { return 20 * time.Minute }

func TestReceiverAsksForTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := &recorder{}
		r.answer = func(api.AlertTarget, api.Alert) error {
			if len(r.tries()) == 1 {
				return waiting{autodefend.Errorf(autodefend.CodeThrottled, "answered 429")}
			}
			return nil
		}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a1", "r"))
		time.Sleep(22 * time.Minute)
		tries := r.tries()
		if len(tries) != 2 || tries[1].Sub(tries[0]) < 20*time.Minute {
			t.Errorf("tries %v", tries)
		}
	})
}

func TestLastingErrorsDieAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := &recorder{answer: func(_ api.AlertTarget, alert api.Alert) error {
			if alert.First().ID == "bad" {
				return autodefend.Errorf(autodefend.CodeInvalid, "answered 413: it doesn't take this alert")
			}
			return nil
		}}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a", "r"), audit(api.StreamRuntime, "bad", "r"), audit(api.StreamRuntime, "c", "r"))
		time.Sleep(5 * time.Second)
		if dead := m.waiting("dead"); len(dead) != 1 || dead[0].Attempts != 1 {
			t.Errorf("dead %+v", dead)
		}
		if got := r.got(""); len(got) != 2 {
			t.Errorf("got %v", got)
		}
		if _, err := call(t, s, "DELETE", "/alerts/dead/{id}", "all", ""); err != nil || m.left() != 0 {
			t.Errorf("%v, %d left", err, m.left())
		}
	})
}

// TestDeliveredToSome: what reached some recipients is delivered, and the profile tells of the others until all get it.
func TestDeliveredToSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		var whole atomic.Bool
		r.answer = func(api.AlertTarget, api.Alert) error {
			if whole.Load() {
				return nil
			}
			return &notify.Partly{Err: autodefend.Errorf(autodefend.CodeInvalid, "1 of 2 recipients refused").WithHint("mend it")}
		}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 3)...)
		time.Sleep(10 * time.Minute)
		if dead, left := m.waiting("dead"), m.left(); len(r.tries()) != 3 || len(dead) > 0 || left > 0 {
			t.Errorf("%d messages, %d dead letters, %d left; want each sent once", len(r.tries()), len(dead), left)
		}
		if got := profilesOf(t, s)[0]["lastError"]; got != "webhook: 1 of 2 recipients refused; mend it" {
			t.Errorf("lastError %q", got)
		}
		whole.Store(true)
		store(t, m, numbered(api.StreamRuntime, 3, 4)...)
		time.Sleep(10 * time.Second)
		if got := profilesOf(t, s)[0]["lastError"]; got != "" {
			t.Errorf("lastError %q after all got it", got)
		}
	})
}

func TestBufferPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`,"autodefend":{"bufferPeriodSec":60}}`)
		start(t, s)
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + time.Second)))
		for i := range 120 {
			store(t, m, numbered(api.StreamRuntime, i, i+1)...)
			store(t, m, numbered(api.StreamFirewall, i, i+1)...)
			time.Sleep(100 * time.Millisecond)
		}
		if got := r.messages(); len(got) != 0 {
			t.Fatalf("%d messages within the period", len(got))
		}
		time.Sleep(time.Minute)
		messages := r.messages()
		if len(messages) < 6 || len(messages) > 8 { // 120 of each kind, 50 in one, 200 taken at once
			t.Errorf("%d messages", len(messages))
		}
		for _, sent := range messages {
			if len(sent.alert.Audits) > mostTogether {
				t.Errorf("%d audits in one message", len(sent.alert.Audits))
			}
			for _, a := range sent.alert.Audits {
				if strings.HasPrefix(a.ID, "firewall") != (sent.alert.Kind == api.AlertServerlessAppFirewall) {
					t.Errorf("%s in an alert of kind %s", a.ID, sent.alert.Kind)
				}
			}
		}
		once(t, r, 240)
	})
}

// once checks that so many audits arrived, each once.
func once(t *testing.T, r *recorder, want int) {
	t.Helper()
	count := make(map[string]int)
	for _, id := range r.got("webhook") {
		count[id]++
	}
	if len(count) != want {
		t.Errorf("%d audits arrived, want %d", len(count), want)
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
}

func TestRateOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`,"autodefend":{"maxPerMinute":6}}`)
		start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 1000)...)
		time.Sleep(10 * time.Minute)
		once(t, r, 1000)
		messages := r.messages()
		for i := range messages {
			n := 0
			for _, other := range messages[i:] {
				if other.at.Sub(messages[i].at) < time.Minute {
					n++
				}
			}
			if n > 12 { // a full bucket and a minute's worth
				t.Errorf("%d messages in a minute", n)
			}
		}
		if len(messages) > 100 {
			t.Errorf("%d messages: not put together", len(messages))
		}
	})
}

func TestSlowChannelKeepsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		r.answer = func(to api.AlertTarget, _ api.Alert) error {
			if to.Channel == "slack:#a" {
				time.Sleep(10 * time.Second)
				return autodefend.Errorf(autodefend.CodeUnavailable, "no answer in time")
			}
			return nil
		}
		s := newService(m, r, "a")
		put(t, s, both)
		start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 20)...)
		time.Sleep(2 * time.Second)
		once(t, r, 20)
		store(t, m, numbered(api.StreamRuntime, 20, 40)...)
		time.Sleep(12 * time.Second) // at most a message to the slow channel later
		once(t, r, 40)
	})
}

// TestSlowChannelWithMuchToDo: a receiver that takes every message, but slowly, keeps the others for two of its messages at most.
func TestSlowChannelWithMuchToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		r.answer = func(to api.AlertTarget, _ api.Alert) error {
			if to.Channel == "slack:#a" {
				time.Sleep(9 * time.Second)
			}
			return nil
		}
		s := newService(m, r, "a")
		put(t, s, both)
		start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 20)...)
		time.Sleep(2 * time.Second)
		store(t, m, numbered(api.StreamRuntime, 20, 40)...)
		time.Sleep(20 * time.Second)
		if got := r.got("webhook"); len(got) != 40 {
			t.Errorf("the fast channel has %d of 40", len(got))
		}
		time.Sleep(10 * time.Minute)
		once(t, r, 40)
		if m.left() != 0 {
			t.Errorf("%d left", m.left())
		}
	})
}

// TestMoreSlowChannelsThanSenders: those that had to wait for the others get their time as well.
func TestMoreSlowChannelsThanSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{takes: 10 * time.Second}
		s := newService(m, r, "a")
		const profiles = 3*senders + 1
		for i := range profiles {
			put(t, s, fmt.Sprintf(`{"name":"p%02d",%s}`, i, webhookOfAll))
		}
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a", "r"))
		time.Sleep(42 * time.Second)
		if got := r.got("webhook"); len(got) != profiles {
			t.Errorf("%d of %d profiles were told in the time of four messages", len(got), profiles)
		}
	})
}

func TestProfilesThatChangeWhileAlertsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := &recorder{}
		var down atomic.Bool
		down.Store(true)
		r.answer = func(api.AlertTarget, api.Alert) error {
			if down.Load() {
				return autodefend.Errorf(autodefend.CodeUnavailable, "down")
			}
			return nil
		}
		s := newService(m, r, "a")
		for _, name := range []string{"renamed", "deleted", "disabled", "changed"} {
			put(t, s, `{"name":"`+name+`",`+webhookOfAll+`}`)
		}
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a1", "r"))
		time.Sleep(2 * time.Second)
		put(t, s, `{"name":"new","previousName":"renamed",`+webhookOfAll+`}`)
		put(t, s, `{"name":"newest","previousName":"new",`+webhookOfAll+`}`)
		put(t, s, `{"name":"disabled","disabled":true,`+webhookOfAll+`}`)
		put(t, s, `{"name":"changed","policy":{}}`)
		if _, err := call(t, s, "DELETE", "/alert-profiles/{id}", "deleted", ""); err != nil {
			t.Fatal(err)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		messages := r.messages()
		if len(messages) != 1 || messages[0].alert.Profile != "newest" {
			t.Errorf("messages %+v", messages)
		}
		reasons := make(map[string]string)
		for _, d := range m.waiting("dead") {
			reasons[d.Profile] = d.LastError
		}
		if len(reasons) != 3 || !strings.Contains(reasons["deleted"], "was deleted") || !strings.Contains(reasons["disabled"], "is disabled") || !strings.Contains(reasons["changed"], "channel") {
			t.Errorf("dead %v", reasons)
		}
	})
}

func TestProfileWrittenJustBeforeAnAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		start(t, s)
		want := 0
		for i := range 50 {
			time.Sleep(time.Duration(i) * 37 * time.Millisecond)
			store(t, m, audit(api.StreamRuntime, fmt.Sprintf("nobody-%d", i), "r"))
			put(t, s, `{"name":"p",`+webhookOfAll+`}`)
			store(t, m, audit(api.StreamRuntime, fmt.Sprintf("wanted-%d", i), "r"))
			want++
			time.Sleep(3 * time.Second)
			if _, err := call(t, s, "DELETE", "/alert-profiles/{id}", "p", ""); err != nil {
				t.Fatal(err)
			}
		}
		got := 0
		for _, id := range r.got("webhook") {
			if strings.HasPrefix(id, "wanted") {
				got++
			}
		}
		if got != want {
			t.Errorf("%d of %d arrived", got, want)
		}
	})
}

// TestProfileWrittenWhileAuditsAreRead: a profile and then an audit are stored between a replica's reading of profiles and
// of audits, with another profile that wants audits and without.
func TestProfileWrittenWhileAuditsAreRead(t *testing.T) {
	for _, others := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m, r := newMemory(), &recorder{}
			s := newService(m, r, "a")
			if others {
				put(t, s, `{"name":"other","slack":{"enabled":true,"webhookUrl":"https://hooks.slack.com/x"},"policy":{"serverlessRuntime":{"enabled":true,"allRules":true}}}`)
			}
			stop := start(t, s)
			time.Sleep(5 * time.Second)
			for i := range 20 {
				m.mu.Lock()
				m.reading = func() {
					put(t, s, `{"name":"p",`+webhookOfAll+`}`)
					store(t, m, audit(api.StreamRuntime, fmt.Sprint("a", i), "r"))
				}
				m.mu.Unlock()
				time.Sleep(10 * time.Second)
				if _, err := call(t, s, "DELETE", "/alert-profiles/{id}", "p", ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
			}
			stop()
			once(t, r, 20)
		})
	}
}

func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`,"autodefend":{"maxPerMinute":1}}`)
		start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 2500)...)
		time.Sleep(3 * time.Second)
		if left := m.left(); left > floodMinutes*mostTogether+20 {
			t.Errorf("%d in the outbox", left)
		}
		time.Sleep(20 * time.Minute)
		told := 0
		for _, sent := range r.messages() {
			for _, a := range sent.alert.Audits {
				told += a.Count
			}
		}
		if told != 2500 || m.left() != 0 {
			t.Errorf("told of %d audits, %d left", told, m.left())
		}
	})
}

func TestOldDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := newService(m, &recorder{}, "a")
		now := time.Now()
		for i, age := range []time.Duration{time.Hour, deadAge - 30*time.Minute, deadAge + time.Hour, 2 * deadAge} {
			d := api.Delivery{ID: fmt.Sprint(i), Profile: "gone", Created: now.Add(-age), Outcome: "dead"}
			if err := m.Enqueue(t.Context(), []api.Delivery{d}); err != nil {
				t.Fatal(err)
			}
		}
		start(t, s)
		time.Sleep(time.Minute)
		if dead := m.waiting("dead"); len(dead) != 2 {
			t.Errorf("%d kept", len(dead))
		}
		time.Sleep(65 * time.Minute)
		if dead := m.waiting("dead"); len(dead) != 1 || dead[0].ID != "0" {
			t.Errorf("kept %v", dead)
		}
	})
}

func TestStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		dice := rand.New(rand.NewPCG(1, 2))
		failing := autodefend.Errorf(autodefend.CodeUnavailable, "the disk is full")
		for i := range 300 {
			for _, operation := range []string{"Audits", "Enqueue", "Write", "Document", "Acquire"} {
				err := error(nil)
				if dice.IntN(3) == 0 {
					err = failing
				}
				m.fault(operation, err)
			}
			store(t, m, numbered(api.StreamRuntime, i, i+1)...)
			time.Sleep(time.Second)
		}
		for _, operation := range []string{"Audits", "Enqueue", "Write", "Document", "Acquire"} {
			m.fault(operation, nil)
		}
		time.Sleep(5 * time.Minute)
		once(t, r, 300)
	})
}

// TestOutcomeThatCannotBeWritten: the one case in which a receiver gets an alert again.
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		m.fault("Settle", autodefend.Errorf(autodefend.CodeUnavailable, "the disk is full"))
		store(t, m, audit(api.StreamRuntime, "a1", "r"))
		time.Sleep(hold - 10*time.Second)
		if got := r.got(""); len(got) != 1 {
			t.Errorf("sent %v within the hold", got)
		}
		m.fault("Settle", nil)
		time.Sleep(time.Minute)
		messages := r.messages()
		if len(messages) != 2 || messages[0].alert.ID != messages[1].alert.ID {
			t.Errorf("messages %+v: the id tells that it's the same", messages)
		}
		if m.left() != 0 {
			t.Errorf("%d left", m.left())
		}
	})
}

func TestOneReplicaAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ra, rb := newMemory(), &recorder{}, &recorder{}
		a, b := newService(m, ra, "a"), newService(m, rb, "b")
		put(t, a, `{"name":"p",`+webhookOfAll+`}`)
		stop := start(t, a)
		time.Sleep(time.Second)
		start(t, b)
		store(t, m, numbered(api.StreamRuntime, 0, 20)...)
		time.Sleep(time.Minute)
		if len(ra.got("")) != 20 || len(rb.got("")) != 0 {
			t.Errorf("a sent %d, b %d", len(ra.got("")), len(rb.got("")))
		}
		stop()
		store(t, m, numbered(api.StreamRuntime, 20, 40)...)
		time.Sleep(leaseRenewal + 2*time.Second) // it was given up
		if len(ra.got("")) != 20 || len(rb.got("")) != 20 {
			t.Errorf("after a was stopped: a sent %d, b %d", len(ra.got("")), len(rb.got("")))
		}
	})
}

func TestReplicaThatLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ra, rb := newMemory(), &recorder{}, &recorder{}
		a, b := newService(m, ra, "a"), newService(m, rb, "b")
		put(t, a, `{"name":"p",`+webhookOfAll+`}`)
		start(t, a)
		time.Sleep(time.Second)
		m.Steal(leaseName, "c", 25*time.Second) // "a" was asleep, and "c" died
		start(t, b)
		time.Sleep(leaseRenewal + time.Second) // it has been noticed by now
		p, err := readProfile(m.Stored(api.KindAlertProfile)["p"])
		if err != nil {
			t.Fatal(err)
		}
		d, err := delivery(p, "webhook", audit(api.StreamRuntime, "of c", "r"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Enqueue(t.Context(), []api.Delivery{d}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		store(t, m, numbered(api.StreamRuntime, 0, 20)...)
		time.Sleep(5 * time.Second)
		if len(ra.got("")) != 0 || len(rb.got("")) != 0 {
			t.Errorf("sent without the lease: a %d, b %d", len(ra.got("")), len(rb.got("")))
		}
		time.Sleep(20 * time.Second)
		if len(ra.got(""))+len(rb.got("")) != 21 {
			t.Errorf("a sent %d, b %d", len(ra.got("")), len(rb.got("")))
		}
	})
}

func TestShutdownFinishesTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{takes: 8 * time.Second}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		stop := start(t, s)
		store(t, m, numbered(api.StreamRuntime, 0, 3)...)
		time.Sleep(4 * time.Second)
		stop()
		if got := r.got(""); len(got) != 1 || m.left() != 2 {
			t.Errorf("%d sent, %d left", len(got), m.left())
		}
		next := &recorder{}
		start(t, newService(m, next, "b"))
		time.Sleep(3 * time.Second)
		if got := next.got(""); len(got) != 2 || m.left() != 0 {
			t.Errorf("the next replica sent %d, %d left", len(got), m.left())
		}
	})
}

func TestSample(t *testing.T) {
	m := newMemory()
	r := &recorder{answer: func(to api.AlertTarget, _ api.Alert) error {
		if to.Slack != nil {
			return errors.New("a cause that nobody should see")
		}
		return nil
	}}
	s := newService(m, r, "a")
	put(t, s, both)
	answer, err := call(t, s, "POST", "/alert-profiles/{id}/test", "both", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(answer.JSON); got != "[{webhook } {slack:#a internal error} {slack:@b internal error}]" {
		t.Errorf("results %s", got)
	}
	if sent := r.messages(); len(sent) != 1 || !sent[0].alert.Test || sent[0].alert.First().Msg == "" {
		t.Errorf("sent %+v", sent)
	}
	put(t, s, `{"name":"empty"}`)
	if _, err := call(t, s, "POST", "/alert-profiles/{id}/test", "empty", ""); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Errorf("without channels: %v", err)
	}
	if _, err := call(t, s, "POST", "/alert-profiles/{id}/test", "none", ""); autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		t.Errorf("without a profile: %v", err)
	}
}
