package audits

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) alertRoutes() []route.Route {
	return []route.Route{{
		Method: http.MethodGet, Path: "/xsoar-alerts", Alias: []string{"/demisto-alerts"}, Permission: api.PermMonitorRuntimeServerless, Prisma: true,
		Query: []route.Param{
			{Name: "from", Summary: "Not before this time.", Type: "time"},
			{Name: "to", Summary: "Not after this time.", Type: "time"},
		},
		Summary:  "Returns audits as alerts: those of a time, or, without one, those that weren't returned to this caller yet.",
		Response: []json.RawMessage{}, Handle: s.alerts,
	}}
}

const (
	// alertsLimit is how many alerts of each stream are returned at once.
	alertsLimit = 500
	// alertsAge is how old the alerts are at most that a new caller gets.
	alertsAge = 24 * time.Hour
	// alertsTries is how often is tried to move a position that others move too.
	alertsTries = 5
)

// alertStreams are those that a caller may see.
func alertStreams(p route.Principal) []api.Stream {
	streams := []api.Stream{api.StreamRuntime}
	if p.Can(api.PermMonitorWAAS, false) {
		streams = append(streams, api.StreamFirewall)
	}
	return streams
}

func (s *Service) alerts(ctx context.Context, c *route.Call) (route.Answer, error) {
	from, to, err := api.ParseWindow(c.Query)
	if err != nil {
		return route.Answer{}, err
	}
	scopes, err := s.scopes(ctx, c, nil)
	if err != nil {
		return route.Answer{}, err
	}
	q := api.AuditQuery{From: from, To: to, Scopes: scopes}
	if from.IsZero() && to.IsZero() {
		return s.newAlerts(ctx, c, q)
	}
	var alerts [][]byte
	all := 0
	for _, q.Stream = range alertStreams(c.Principal) {
		q.Page = api.Page{Limit: alertsLimit}
		records, err := s.Audits.Audits(ctx, q)
		if err != nil {
			return route.Answer{}, err
		}
		count, err := s.Audits.CountAudits(ctx, q)
		if err != nil {
			return route.Answer{}, err
		}
		all += total(count, q.Page, len(records))
		if alerts, err = appendAlerts(alerts, records); err != nil {
			return route.Answer{}, err
		}
	}
	return listed(alerts, all), nil
}

// newAlerts returns what the caller hasn't got yet. The position moves before the answer is sent: an answer that is lost
// takes its alerts along, and no alert is returned twice.
func (s *Service) newAlerts(ctx context.Context, c *route.Call, q api.AuditQuery) (route.Answer, error) {
	id := "alerts." + c.Principal.Username
	for try := 1; ; try++ {
		position, version, err := s.position(ctx, id)
		if err != nil {
			return route.Answer{}, err
		}
		was := position
		if version == 0 {
			q.From = s.Now().UTC().Add(-alertsAge)
		}
		var alerts [][]byte
		for _, q.Stream = range alertStreams(c.Principal) {
			records, last, err := s.alertsAfter(ctx, q, position.Of(q.Stream))
			if err != nil {
				return route.Answer{}, err
			}
			if alerts, err = appendAlerts(alerts, records); err != nil {
				return route.Answer{}, err
			}
			position = position.With(q.Stream, last)
		}
		if position == was {
			return listed(nil, 0), nil
		}
		err = s.writeDocument(ctx, id, version, position)
		if autodefend.ErrorCode(err) == autodefend.CodeConflict && try < alertsTries {
			continue
		}
		if err != nil {
			return route.Answer{}, err
		}
		return listed(alerts, len(alerts)), nil
	}
}

// alertsAfter reads one stream's audits and returns up to which one that was. A new caller's first alerts leave out older
// ones, which aren't to come later.
func (s *Service) alertsAfter(ctx context.Context, q api.AuditQuery, position int64) ([]api.AuditRecord, int64, error) {
	last := position
	if !q.From.IsZero() {
		var err error
		if last, err = s.newest(ctx, api.AuditQuery{Stream: q.Stream}); err != nil {
			return nil, 0, err
		}
	}
	records, err := s.after(ctx, q, position, alertsLimit)
	switch n := len(records); {
	case n == alertsLimit:
		last = records[n-1].Sequence
	case n > 0:
		last = max(last, records[n-1].Sequence)
	}
	return records, last, err
}

// appendAlerts appends audits as Prisma's alerts: the audit's members and what kind of alert it is.
func appendAlerts(alerts [][]byte, records []api.AuditRecord) ([][]byte, error) {
	for i := range records {
		r := &records[i]
		var members map[string]any
		if err := json.Unmarshal(r.Body, &members); err != nil {
			return nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "read a stored audit", Err: err}
		}
		members["kind"], members["type"], members["category"] = "audit", "serverlessRuntime", r.AttackType
		if r.Stream == api.StreamFirewall {
			members["type"], members["category"] = "serverlessAppFirewall", r.Type
		}
		if members["category"] == "" {
			members["category"] = r.Type
		}
		body, err := json.Marshal(members)
		if err != nil {
			return nil, &autodefend.Error{Code: autodefend.CodeInternal, Message: "write an alert as JSON", Err: err}
		}
		alerts = append(alerts, body)
	}
	return alerts, nil
}
