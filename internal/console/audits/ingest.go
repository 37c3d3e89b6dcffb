package audits

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) ingestRoutes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodPost, Path: "/defender/audits", Permission: route.Function, Write: true, MaxBody: api.MaxBatchBody, Busy: s.busy,
			Summary: "Takes audits of the runtime from a Defender. The answer means that they are stored.",
			Request: []api.RuntimeAudit{}, Handle: func(ctx context.Context, c *route.Call) (route.Answer, error) {
				return s.ingest(ctx, c, api.StreamRuntime)
			},
		},
		{
			Method: http.MethodPost, Path: "/defender/audits/firewall", Permission: route.Function, Write: true, MaxBody: api.MaxBatchBody, Busy: s.busy,
			Summary: "Takes audits of the firewall from a Defender. The answer means that they are stored.",
			Request: []api.FirewallAudit{}, Handle: func(ctx context.Context, c *route.Call) (route.Answer, error) {
				return s.ingest(ctx, c, api.StreamFirewall)
			},
		},
		{
			Method: http.MethodPost, Path: "/defender/heartbeat", Permission: route.Function, Write: true, MaxBody: 4 << 10,
			Summary: "Notes that a Defender runs. Asking for the policy and sending audits do so too.",
			Request: api.Heartbeat{}, Handle: s.heartbeat,
		},
	}
}

// busy says for how long Defenders had better keep their audits.
func (s *Service) busy() time.Duration {
	if !s.gate.full() {
		return 0
	}
	s.counters.shed.Add(1)
	return time.Second
}

// ingest stores a batch. Everything that is cheap comes first: who sends too much, or comes when too much is under way,
// is turned away before the body is read as JSON.
func (s *Service) ingest(ctx context.Context, c *route.Call, stream api.Stream) (route.Answer, error) {
	from, now := c.Principal.Function, s.Now().UTC().Truncate(time.Millisecond)
	size := charged(c.Body)
	if wait := s.rates.take(from, size, now); wait > 0 {
		s.counters.limited.Add(1)
		return slowDown(wait, "this function sends too many audits"), nil
	}
	if !s.gate.enter(size, len(c.Body)) {
		s.counters.shed.Add(1)
		return slowDown(time.Second, "too many audits are being stored"), nil
	}
	defer s.gate.leave(size, len(c.Body))
	records, version, err := s.read(ctx, c, stream, now)
	if err == nil {
		err = allCharged(records, size)
	}
	if err != nil {
		s.counters.refused.Add(1)
		return route.Answer{}, err
	}
	if len(records) == 0 {
		return route.Answer{}, nil
	}
	s.variety.bound(from, records)
	began := time.Now() // of the monotonic clock: how long it takes is no matter of what day it is
	stored, err := s.Audits.AppendAudits(ctx, records)
	s.gate.stored(time.Since(began), began)
	if err != nil {
		return route.Answer{}, fmt.Errorf("store audits: %w", err)
	}
	s.counters.stored.Add(int64(stored))
	s.counters.repeated.Add(int64(len(records) - stored))
	first := &records[0]
	s.Heard(api.DefenderRecord{
		FunctionID: first.FunctionID, Account: first.Account, Region: first.Region, Function: first.Function, Runtime: first.Runtime,
		Version: version, LastSeen: now,
	})
	return route.Answer{}, nil
}

// charged is how many audits a batch is taken for before it's read as JSON. JSON knows other ways to write the name of the
// id, so who writes it otherwise may be charged for fewer than there are.
func charged(body []byte) int {
	return min(max(1, bytes.Count(body, []byte(`"_id"`))), api.MaxBatch)
}

// allCharged refuses a batch that was taken for fewer audits than it has.
func allCharged(records []api.AuditRecord, size int) error {
	if len(records) <= size {
		return nil
	}
	return autodefend.Errorf(autodefend.CodeInvalid, `_id: %d audits name it otherwise than "_id"`, len(records)-size).
		WithHint("audits are counted by this name, in lower case and without escapes")
}

// slowDown is 429 with the time to wait.
func slowDown(wait time.Duration, why string) route.Answer {
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return route.Answer{
		Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": seconds},
		JSON: struct {
			Err string `json:"err"`
		}{why + "; try again in " + seconds + " s"},
	}
}

// read makes records of a batch, and returns the Defender's version.
func (s *Service) read(ctx context.Context, c *route.Call, stream api.Stream, now time.Time) ([]api.AuditRecord, string, error) {
	reports, err := api.DecodeAudits(stream, c.Body)
	if err != nil {
		return nil, "", err
	}
	collections := lastNames{membership: s.collectionsOf(ctx)}
	records := make([]api.AuditRecord, len(reports))
	version := ""
	for i, report := range reports {
		origin := report.Origin()
		if err := bind(c.Principal.Function, origin); err != nil {
			return nil, "", err.at(i)
		}
		*origin.Time = s.timely(*origin.Time, now)
		*origin.Collections = collections.names(*origin.Account, *origin.Region, *origin.Function)
		version = origin.Version
		if records[i], err = report.Record(now); err != nil {
			return nil, "", err
		}
	}
	return records, version, nil
}

// timely is the Defender's time, or when the audit came where that can't be.
func (s *Service) timely(reported, now time.Time) time.Time {
	reported = reported.UTC().Truncate(time.Millisecond)
	if reported.After(now) || now.Sub(reported) > s.Ingest.OldestAge {
		return now
	}
	return reported
}

// foreign is an audit's member that names another function than the token.
type foreign struct{ member, have, want string }

func (f *foreign) at(i int) error {
	return autodefend.Errorf(autodefend.CodeInvalid, "audits[%d].%s: %.80q isn't that of the token, %.80q", i, f.member, f.have, f.want).
		WithHint("a Defender's token speaks for one function; make one for this function")
}

// bind sets from the token what it says of the function, and refuses an audit that says something else.
func bind(token route.FunctionIdentity, o api.Origin) *foreign {
	for _, m := range []struct {
		member string
		value  *string
		want   string
	}{
		{"accountID", o.Account, token.Account}, {"region", o.Region, token.Region}, {"function", o.Function, token.Function},
	} {
		if *m.value == "" {
			*m.value = m.want
		}
		if m.want != "" && *m.value != m.want {
			return &foreign{m.member, *m.value, m.want}
		}
	}
	if *o.Function == "" {
		return &foreign{"function", "", "the function's name"}
	}
	if *o.Provider == "" {
		*o.Provider = "aws"
	}
	if *o.FQDN == "" {
		*o.FQDN = *o.Function
	}
	return bindARN(o)
}

// bindARN does the same for the function's ARN.
func bindARN(o api.Origin) *foreign {
	if *o.FunctionID == "" {
		*o.FunctionID = functionID(*o.Account, *o.Region, *o.Function)
		return nil
	}
	parts := strings.Split(*o.FunctionID, ":")
	if parts[0] != "arn" {
		if *o.Provider == "aws" && *o.FunctionID != *o.Function {
			return &foreign{"functionID", *o.FunctionID, functionID(*o.Account, *o.Region, *o.Function)}
		}
		return nil
	}
	isFunction := (len(parts) == 7 || len(parts) == 8) && parts[2] == "lambda" && parts[5] == "function"
	if !isFunction || parts[6] != *o.Function || !agrees(*o.Region, parts[3]) || !agrees(*o.Account, parts[4]) {
		return &foreign{"functionID", *o.FunctionID, functionID(*o.Account, *o.Region, *o.Function)}
	}
	if *o.Region == "" {
		*o.Region = parts[3]
	}
	if *o.Account == "" {
		*o.Account = parts[4]
	}
	return nil
}

// agrees tells whether a part of an ARN is what is known, if something is.
func agrees(known, part string) bool { return known == "" || known == part }

// functionID is a function's ARN, or its name where the ARN isn't known.
func functionID(account, region, function string) string {
	if account == "" || region == "" {
		return function
	}
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return autodefend.FunctionARN{Partition: partition, Region: region, Account: account, Name: function}.String()
}

// heartbeat notes that a Defender runs. The body may be empty.
func (s *Service) heartbeat(_ context.Context, c *route.Call) (route.Answer, error) {
	beat := api.Heartbeat{}
	if len(bytes.TrimSpace(c.Body)) > 0 {
		if err := json.Unmarshal(c.Body, &beat); err != nil {
			s.Log.Debug("heartbeat", slog.Any("error", err))
			return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "the body is no JSON object of a heartbeat").
				WithHint(`send {"version": "...", "runtime": "...", "policyETag": "..."}, or nothing`)
		}
	}
	const longest = 256
	for member, value := range map[string]string{"version": beat.Version, "runtime": beat.Runtime, "policyETag": beat.PolicyETag} {
		if len(value) > longest || strings.ContainsRune(value, 0) {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "%s: is too long, or has a NUL character", member)
		}
	}
	f := c.Principal.Function
	s.Heard(api.DefenderRecord{
		Account: f.Account, Region: f.Region, Function: f.Function,
		Runtime: beat.Runtime, Version: beat.Version, PolicyETag: beat.PolicyETag,
	})
	return route.Answer{}, nil
}
