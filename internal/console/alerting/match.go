package alerting

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// floodMinutes is how many minutes' worth of audits a channel's backlog may take at once.
const floodMinutes = 10

// toll is what deliveries take of a channel's room in the outbox.
type toll struct {
	bucket    string
	perMinute int
	told      int
}

// deliveriesOf are the deliveries that profiles ask for, of audits of one stream, and what is to be paid for them once they
// are in the outbox: what couldn't be stored takes no room.
func (s *Service) deliveriesOf(profiles []*profile, audits []api.AuditRecord) ([]api.Delivery, []toll, error) {
	var all []api.Delivery
	var tolls []toll
	for _, p := range profiles {
		var wanted []api.AuditRecord
		for _, audit := range audits {
			if p.Tells(api.AlertKindOf(audit.Stream), audit.Rule) {
				wanted = append(wanted, audit)
			}
		}
		for _, channel := range channels(p) {
			t := toll{bucket: bucketOf(p, channel), perMinute: perMinuteOr(p.Autodefend.MaxPerMinute) * mostTogether}
			t.told = min(len(wanted), s.flood.available(t.bucket, t.perMinute, s.now()))
			deliveries, err := s.channelDeliveries(p, channel, wanted, t.told)
			if err != nil {
				return nil, nil, err
			}
			all, tolls = append(all, deliveries...), append(tolls, t)
		}
	}
	return all, tolls, nil
}

// channelDeliveries are a channel's deliveries. More audits than all of its messages could ever carry would only fill the
// database: those beyond the first some are told by their number.
func (s *Service) channelDeliveries(p *profile, channel string, audits []api.AuditRecord, some int) ([]api.Delivery, error) {
	var all []api.Delivery
	now := s.now()
	for _, audit := range audits[:some] {
		d, err := delivery(p, channel, audit, now)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	if some == len(audits) {
		return all, nil
	}
	d, err := delivery(p, channel, summary(audits[some:]), now)
	return append(all, d), err
}

// delivery is an audit on its way to a channel.
func delivery(p *profile, channel string, audit api.AuditRecord, now time.Time) (api.Delivery, error) {
	entry := api.AlertEntry{Channel: channel, Kind: api.AlertKindOf(audit.Stream), Audit: api.AlertAuditOf(audit)}
	body, err := json.Marshal(entry)
	if err != nil {
		return api.Delivery{}, fmt.Errorf("write alert: %w", err)
	}
	return api.Delivery{ID: deliveryID(p.Name, channel, audit), Profile: p.Name, Body: body, Created: now, Next: dueAt(p, now)}, nil
}

// summary stands for audits that aren't told one by one.
func summary(beyond []api.AuditRecord) api.AuditRecord {
	first, last := beyond[0], beyond[len(beyond)-1]
	return api.AuditRecord{
		ID: fmt.Sprintf("more-%d-%d", first.Sequence, last.Sequence), Stream: first.Stream, Time: last.Time, Received: last.Received,
		Severity: "high", Count: len(beyond),
		Msg: fmt.Sprintf("%d more audits than can be told one by one: the Console has them all", len(beyond)),
	}
}

// deliveryID follows from what is delivered where.
func deliveryID(profile, channel string, audit api.AuditRecord) string {
	sum := sha256.Sum256([]byte(profile + "\x00" + channel + "\x00" + string(audit.Stream) + "\x00" + audit.ID))
	return hex.EncodeToString(sum[:16])
}

// dueAt is when an alert may be sent: at the end of the profile's buffer period, so that all of a period go together.
func dueAt(p *profile, now time.Time) time.Time {
	period := time.Duration(p.Autodefend.BufferPeriodSec) * time.Second
	if period == 0 {
		return now
	}
	return now.Truncate(period).Add(period)
}
