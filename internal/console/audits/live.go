package audits

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// liveRate is how many audits a second a client gets in the long run, liveBurst how many at once.
	liveRate  = 100
	liveBurst = 1000
	// liveBatch is how many are read at once.
	liveBatch = 200
	// livePause is the least time between two looks at the store.
	livePause = 200 * time.Millisecond
	// liveBeat is how often a silent stream shows that it's alive.
	liveBeat = 15 * time.Second
	// liveMax is how long a stream lasts. The client then connects again with the id of its last event. That the client may
	// still have what is sent, the server looks at with each piece.
	liveMax = time.Minute
	// mediaEvents is the media type of server-sent events.
	mediaEvents = "text/event-stream"
)

func (s *Service) liveRoutes() []route.Route {
	params := append([]route.Param{
		{Name: "stream", Summary: "runtime, which is the default, or firewall.", Type: "string"},
		{Name: "after", Summary: "The id of the last event that the client has, as the header Last-Event-ID.", Type: "integer"},
	}, queryOf(api.AuditParams(api.StreamRuntime))...)
	return []route.Route{{
		Method: http.MethodGet, Path: "/audits/live", Permission: api.PermMonitorRuntimeServerless, Query: params, Response: "", Media: mediaEvents,
		Summary: "Sends audits as server-sent events as they are stored, from the one after Last-Event-ID or from now." +
			" Event audit has an audit as its data, event dropped how many were left out because they came too fast." +
			" A stream ends after a minute: come again with Last-Event-ID.",
		Handle: s.live,
	}}
}

func (s *Service) live(ctx context.Context, c *route.Call) (route.Answer, error) {
	l, err := s.newLive(ctx, c)
	if err != nil {
		return route.Answer{}, err
	}
	if c.Stream == nil {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeUnavailable, "the connection can't be written to piece by piece")
	}
	stored := s.Signals.Watch(ctx)
	if l.out, err = c.Stream(mediaEvents); err != nil {
		return route.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, liveMax)
	defer cancel()
	// Whoever comes again after a stream in which nothing came must know where to go on.
	if err := l.tell("retry: 1000\n"); err != nil {
		return route.Answer{}, nil
	}
	for {
		more, err := l.next(ctx)
		if err != nil {
			return route.Answer{}, ended(ctx, err)
		}
		if more {
			continue
		}
		if !sleep(ctx, livePause) {
			return route.Answer{}, nil
		}
		if stored = s.awaitStored(ctx, stored); ctx.Err() != nil {
			return route.Answer{}, nil
		}
		if err := l.beat(); err != nil {
			return route.Answer{}, nil
		}
	}
}

// ended is nil when a stream ended because it had to: its client left, or its time was over.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, errGone) {
		return nil
	}
	return err
}

// errGone ends the stream of a client that no longer reads.
var errGone = errors.New("the client is gone")

// live is one client's stream.
type live struct {
	s      *Service
	out    route.Stream
	query  api.AuditQuery
	fields []string
	// indexed is the query without the conditions for which the store looks at some audits only; sift has these.
	indexed api.AuditQuery
	sift    sieve
	// at is the sequence of the last audit that was looked at, sent or dropped.
	at     int64
	tokens float64
	filled time.Time // when tokens were counted last
	spoke  time.Time // when something was sent last
}

func (s *Service) newLive(ctx context.Context, c *route.Call) (*live, error) {
	stream := api.StreamRuntime
	switch text := c.Query.Get("stream"); api.Stream(text) {
	case "", api.StreamRuntime:
	case api.StreamFirewall:
		stream = api.StreamFirewall
		if !c.Principal.Can(api.PermMonitorWAAS, false) {
			return nil, autodefend.Errorf(autodefend.CodeDenied, "the stream firewall needs the permission %s", api.PermMonitorWAAS)
		}
	default:
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "stream: %.80q is unknown", text).WithHint("use runtime or firewall")
	}
	f, err := s.filter(ctx, c, stream)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	l := &live{s: s, query: f.Query, indexed: f.Query, fields: f.Fields, tokens: liveBurst, filled: now, spoke: now}
	l.sift = newSieve(&l.indexed)
	text := c.Query.Get("after")
	if c.Header != nil && c.Header("Last-Event-ID") != "" {
		text = c.Header("Last-Event-ID")
	}
	if text == "" {
		l.at, err = s.newest(ctx, api.AuditQuery{Stream: stream})
		return l, err
	}
	if l.at, err = strconv.ParseInt(text, 10, 64); err != nil || l.at < 0 {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "Last-Event-ID: %.40q is no id of an event", text).
			WithHint("send the id of the last event, or none")
	}
	return l, nil
}

// next sends what was stored since, as far as the rate allows, and reports whether there may be more.
func (l *live) next(ctx context.Context) (bool, error) {
	now := l.s.Now()
	if gone := now.Sub(l.filled); gone > 0 {
		l.tokens = min(liveBurst, l.tokens+gone.Seconds()*liveRate)
	}
	l.filled = now
	limit := min(liveBatch, int(l.tokens))
	if limit == 0 {
		return false, l.drop(ctx)
	}
	// What was stored up to now and isn't asked for needn't be looked at again.
	last, err := l.s.newest(ctx, api.AuditQuery{Stream: l.query.Stream})
	if err != nil || last <= l.at {
		return false, err
	}
	piece := limit
	if !l.sift.open() {
		piece = l.s.piece
	}
	records, err := l.s.after(ctx, l.indexed, l.at, piece)
	if err != nil {
		return false, err
	}
	sent, err := l.sendSome(records, limit)
	if err != nil {
		return false, err
	}
	l.tokens -= float64(sent)
	more := sent == limit || len(records) == piece
	if !more {
		l.at = max(l.at, last)
	}
	if more && sent == 0 {
		return true, l.tell("")
	}
	return more, l.flush()
}

// sendSome sends those of some audits that are searched for, up to limit, and returns how many these are.
func (l *live) sendSome(records []api.AuditRecord, limit int) (int, error) {
	sent := 0
	for i := range records {
		if sent == limit {
			break
		}
		l.at = records[i].Sequence
		if !l.sift.lets(&records[i]) {
			continue
		}
		body, err := selected(records[i].Body, l.fields)
		if err != nil {
			return sent, err
		}
		if err := l.event("audit", body); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// drop leaves out what can't be sent now, and says how much that is.
func (l *live) drop(ctx context.Context) error {
	q := l.query
	q.After = l.at
	last, err := l.s.newest(ctx, q)
	if err != nil || last <= l.at {
		return err
	}
	q.Before = last + 1
	count, err := l.s.Audits.CountAudits(ctx, q)
	if err != nil || count.Total == 0 {
		return err
	}
	l.at = last
	if err := l.event("dropped", fmt.Appendf(nil, `{"count":%d,"atLeast":%t}`, count.Total, count.AtLeast)); err != nil {
		return err
	}
	return l.flush()
}

// event writes one event. Its data are JSON, which has no line breaks.
func (l *live) event(name string, data []byte) error {
	l.spoke = l.s.Now()
	if _, err := fmt.Fprintf(l.out, "id: %d\nevent: %s\ndata: %s\n\n", l.at, name, data); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

func (l *live) flush() error {
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

func (l *live) send(text string) error {
	if _, err := l.out.Write([]byte(text)); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	l.spoke = l.s.Now()
	return l.flush()
}

// beat shows a silent stream's client, and what stands between, that it's alive.
func (l *live) beat() error {
	if l.s.Now().Sub(l.spoke) < liveBeat {
		return nil
	}
	return l.tell(": still here\n")
}

// tell says, without an event, how far was looked: a client that comes again goes on from there.
func (l *live) tell(before string) error {
	return l.send(fmt.Sprintf("%sid: %d\n\n", before, l.at))
}
