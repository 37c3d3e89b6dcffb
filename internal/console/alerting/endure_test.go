package alerting

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/notify"
)

// TestALeaseThatEndedUnnoticed: a replica that was suspended gets its lease again, under a new token, and goes on.
func TestALeaseThatEndedUnnoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`}`)
		start(t, s)
		time.Sleep(time.Second)
		m.Lapse(leaseName)
		time.Sleep(leaseRenewal)
		store(t, m, audit(api.StreamRuntime, "a1", "r"))
		time.Sleep(3 * leaseRenewal)
		if got := r.got("webhook"); fmt.Sprint(got) != "[a1]" {
			t.Errorf("told %v", got)
		}
	})
}

// dead puts dead letters into the outbox, the oldest first.
func dead(t *testing.T, m *memory, n int) {
	t.Helper()
	letters := make([]api.Delivery, n)
	for i := range letters {
		letters[i] = api.Delivery{ID: fmt.Sprintf("%06d", i), Profile: "gone", Created: time.Now().Add(time.Duration(i-n) * time.Second), Outcome: "dead", Body: []byte("{}")}
	}
	if err := m.Enqueue(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
}

// TestTooManyDeadLetters: a receiver that refuses everything doesn't fill the database.
func TestTooManyDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := newService(m, &recorder{}, "a")
		dead(t, m, deadMost+3*deadPage+1)
		start(t, s)
		time.Sleep(2 * time.Minute)
		left := m.waiting("dead")
		if len(left) != deadMost {
			t.Errorf("%d are kept, want %d", len(left), deadMost)
		}
		for _, d := range left {
			if d.ID <= fmt.Sprintf("%06d", 3*deadPage) {
				t.Errorf("%s is kept, and newer ones went", d.ID)
				break
			}
		}
	})
}

// TestManyOldDeadLetters: removing keeps up with what gets old.
func TestManyOldDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := newService(m, &recorder{}, "a")
		dead(t, m, 3*deadPage+7)
		time.Sleep(2 * deadAge)
		start(t, s)
		time.Sleep(2 * time.Minute)
		if left := m.left(); left != 0 {
			t.Errorf("%d are left", left)
		}
	})
}

// TestAllDeadLetters: every dead letter is meant, also of more than one page, and each once.
func TestAllDeadLetters(t *testing.T) {
	m := newMemory()
	s := newService(m, &recorder{}, "a")
	dead(t, m, 2*deadPage+3)
	if _, err := call(t, s, "POST", "/alerts/dead/{id}/retry", "all", ""); err != nil {
		t.Fatal(err)
	}
	if waiting, left := m.waiting(""), m.waiting("dead"); len(waiting) != 2*deadPage+3 || len(left) != 0 {
		t.Errorf("%d wait and %d are dead", len(waiting), len(left))
	}
	m = newMemory()
	s = newService(m, &recorder{}, "a")
	dead(t, m, deadPage+3)
	if _, err := call(t, s, "DELETE", "/alerts/dead/{id}", fmt.Sprintf("%06d", deadPage+1), ""); err != nil {
		t.Error(err)
	}
	if _, err := call(t, s, "DELETE", "/alerts/dead/{id}", "all", ""); err != nil || m.left() != 0 {
		t.Errorf("%d are left: %v", m.left(), err)
	}
	if _, err := call(t, s, "DELETE", "/alerts/dead/{id}", "000001", ""); autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		t.Errorf("one that is gone: %v", err)
	}
}

// TestWhatIsntStoredTakesNoRoom: a full disk doesn't use up what may be told one by one.
func TestWhatIsntStoredTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &recorder{}
		s := newService(m, r, "a")
		put(t, s, `{"name":"p",`+webhookOfAll+`,"autodefend":{"maxPerMinute":1}}`)
		start(t, s)
		m.fault("Enqueue", autodefend.Errorf(autodefend.CodeUnavailable, "the disk is full"))
		store(t, m, numbered(api.StreamRuntime, 0, 400)...)
		time.Sleep(time.Minute)
		m.fault("Enqueue", nil)
		time.Sleep(10 * time.Second)
		m.mu.Lock()
		enqueued := m.enqueued
		m.mu.Unlock()
		if enqueued != 400 {
			t.Errorf("%d deliveries for 400 audits", enqueued)
		}
	})
}

// TestErrorsOfChannelsThatAreGone: lastError tells of the channels that the profile has.
func TestErrorsOfChannelsThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := &recorder{answer: func(api.AlertTarget, api.Alert) error {
			return autodefend.Errorf(autodefend.CodeInvalid, "answered 400")
		}}
		s := newService(m, r, "a")
		put(t, s, both)
		start(t, s)
		store(t, m, audit(api.StreamRuntime, "a1", "r"))
		time.Sleep(5 * time.Second)
		lastError := func() string { return profilesOf(t, s)[0]["lastError"].(string) }
		if got := lastError(); strings.Count(got, "answered 400") != 3 {
			t.Fatalf("lastError %q", got)
		}
		put(t, s, `{"name":"both",`+webhookOfAll+`}`)
		if got := lastError(); got != "webhook: answered 400" {
			t.Errorf("lastError %q, and there is a webhook only", got)
		}
	})
}

// topic takes messages in place of SNS.
type topic struct{ messages []string }

func (c *topic) PublishSNS(_ context.Context, _ api.AlertSNS, _, message string, _ map[string]string) error {
	c.messages = append(c.messages, message)
	return nil
}

func (*topic) PutEvents(context.Context, api.AlertEventBridge, []notify.Event) error { return nil }

// TestMessagesFitTheirFormat: audits that are put together aren't more than the service takes of their format.
func TestMessagesFitTheirFormat(t *testing.T) {
	for _, format := range []api.AlertFormat{api.AlertJSON, api.AlertOCSF, api.AlertASFF} {
		synctest.Test(t, func(t *testing.T) {
			m, sns := newMemory(), &topic{}
			s := newService(m, nil, "a")
			s.sender = notify.New(notify.Config{AWS: sns})
			put(t, s, `{"name":"p","autodefend":{"bufferPeriodSec":10,"format":"`+string(format)+`","sns":{"topicArn":"arn:aws:sns:eu-west-1:123456789012:t"}},
				"policy":{"serverlessAppFirewall":{"enabled":true,"allRules":true}}}`)
			start(t, s)
			audits := numbered(api.StreamFirewall, 0, 50)
			for i := range audits {
				audits[i].Body = []byte(`{"_id":"` + audits[i].ID + `","rawEvent":"` + strings.Repeat(`\"`, 2500) + `"}`)
			}
			store(t, m, audits...)
			time.Sleep(time.Minute)
			synctest.Wait()
			all := strings.Join(sns.messages, "")
			for _, a := range audits {
				if !strings.Contains(all, a.ID) {
					t.Fatalf("%s: %s is missing, and %d are dead", format, a.ID, len(m.waiting("dead")))
				}
			}
		})
	}
}
