package audits

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// kind is what distinguishes the endpoints of the two streams.
type kind struct {
	stream   api.Stream
	path     string
	what     string
	response any
	columns  []string
}

func kindOf(stream api.Stream) kind {
	if stream == api.StreamFirewall {
		return kind{stream, "/audits/firewall/app/serverless", "the firewall", []api.FirewallAudit{}, api.FirewallAuditFields()}
	}
	return kind{stream, "/audits/runtime/serverless", "the runtime", []api.RuntimeAudit{}, api.RuntimeAuditFields()}
}

func (s *Service) auditRoutes(stream api.Stream) []route.Route {
	k := kindOf(stream)
	query := queryOf(api.AuditParams(stream))
	buckets := append(queryOf(api.AuditParams(stream)), route.Param{Name: "buckets", Summary: "How many slices, 1 to 100.", Type: "integer"})
	return []route.Route{
		{
			Method: http.MethodGet, Path: k.path, Permission: permissionOf(stream), List: true, Prisma: true, Query: query,
			Summary: "Lists audits of " + k.what + ", the newest first.", Response: k.response,
			Handle: func(ctx context.Context, c *route.Call) (route.Answer, error) { return s.list(ctx, c, k) },
		},
		{
			Method: http.MethodGet, Path: k.path + "/download", Permission: permissionOf(stream), List: true, Prisma: true, Query: query,
			Summary: "Downloads audits of " + k.what + " as CSV.", Response: "", Media: mediaCSV,
			Handle: func(ctx context.Context, c *route.Call) (route.Answer, error) { return s.download(ctx, c, k) },
		},
		{
			Method: http.MethodGet, Path: k.path + "/timeslice", Permission: permissionOf(stream), Prisma: true, Query: buckets,
			Summary: "Counts audits of " + k.what + " in slices of the time between from and to.", Response: []api.Slice{},
			Handle: func(ctx context.Context, c *route.Call) (route.Answer, error) { return s.timeslice(ctx, c, k) },
		},
	}
}

// queryOf describes parameters as routes do.
func queryOf(all []api.Param) []route.Param {
	query := make([]route.Param, len(all))
	for i, p := range all {
		query[i] = route.Param{Name: p.Name, Summary: p.Summary, Type: p.Type, Many: p.Many}
	}
	return query
}

// filter reads what is asked for, and adds what the caller may see.
func (s *Service) filter(ctx context.Context, c *route.Call, stream api.Stream) (api.AuditFilter, error) {
	f, err := api.ParseAuditFilter(stream, c.Query)
	if err != nil {
		return f, err
	}
	f.Query.Scopes, err = s.scopes(ctx, c, f.Collections)
	return f, err
}

func (s *Service) list(ctx context.Context, c *route.Call, k kind) (route.Answer, error) {
	f, err := s.filter(ctx, c, k.stream)
	if err != nil {
		return route.Answer{}, err
	}
	if f.Aggregate {
		return s.aggregated(ctx, f)
	}
	records, err := s.Audits.Audits(ctx, f.Query)
	if err != nil {
		return route.Answer{}, err
	}
	count, err := s.Audits.CountAudits(ctx, f.Query)
	if err != nil {
		return route.Answer{}, err
	}
	bodies := make([][]byte, len(records))
	for i := range records {
		if bodies[i], err = selected(records[i].Body, f.Fields); err != nil {
			return route.Answer{}, err
		}
	}
	return listed(bodies, total(count, f.Query.Page, len(records))), nil
}

// total is what Total-Count says. Where the store stopped counting there is at least one more than what was returned, so
// that clients which read page by page go on.
func total(count api.AuditCount, page api.Page, returned int) int {
	n := count.Total
	if count.AtLeast && returned == page.Limit {
		n = max(n, page.Offset+returned+1)
	}
	return n
}

// listed is a page of JSON values.
func listed(bodies [][]byte, total int) route.Answer {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, body := range bodies {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(body)
	}
	b.WriteByte(']')
	return route.Answer{Raw: b.Bytes(), Media: "application/json", Header: map[string]string{"Total-Count": strconv.Itoa(total)}}
}

// listedValues is a page of values.
func listedValues[V any](all []V, fields []string, total int) (route.Answer, error) {
	bodies := make([][]byte, len(all))
	for i, v := range all {
		body, err := json.Marshal(v)
		if err != nil {
			return route.Answer{}, &autodefend.Error{Code: autodefend.CodeInternal, Message: "write a list as JSON", Err: err}
		}
		if bodies[i], err = selected(body, fields); err != nil {
			return route.Answer{}, err
		}
	}
	return listed(bodies, total), nil
}

// selected is a JSON object with some of its members, in the order they are wanted in; no fields select all.
func selected(body []byte, fields []string) ([]byte, error) {
	if len(fields) == 0 {
		return body, nil
	}
	members, err := membersOf(body)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range fields {
		value, ok := members[name]
		if !ok {
			continue
		}
		delete(members, name)
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name)) // it is a member's, so JSON and Go quote it alike
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (s *Service) timeslice(ctx context.Context, c *route.Call, k kind) (route.Answer, error) {
	f, err := s.filter(ctx, c, k.stream)
	if err != nil {
		return route.Answer{}, err
	}
	for name, at := range map[string]bool{"from": f.Query.From.IsZero(), "to": f.Query.To.IsZero()} {
		if at {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "%s: is missing", name).WithHint("a timeslice needs from and to")
		}
	}
	slices, err := s.Audits.Timeslice(ctx, f.Query, f.Buckets)
	if err != nil {
		return route.Answer{}, err
	}
	if slices == nil {
		slices = []api.Slice{}
	}
	return route.Answer{JSON: slices}, nil
}
