package alerting

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// test sends a sample by every channel of a profile, whether it's enabled or not.
func (s *Service) test(ctx context.Context, c *route.Call) (route.Answer, error) {
	doc, err := s.documents.Document(ctx, api.KindAlertProfile, c.Path["id"])
	if err != nil {
		return route.Answer{}, named(err, c.Path["id"])
	}
	p, err := readProfile(doc)
	if err != nil {
		return route.Answer{}, err
	}
	ways := channels(p)
	if len(ways) == 0 {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeInvalid, "the alert profile %q has no channel", p.Name).
			WithHint("enable webhook, slack or email, or set autodefend.syslog, sns or eventBridge")
	}
	if err := s.documents.Write(ctx, nil, journal.Audit(c, api.MgmtSettings, s.now(), nil, nil)); err != nil {
		return route.Answer{}, fmt.Errorf("write management audit: %w", err)
	}
	results := make([]api.AlertTest, 0, len(ways))
	for _, channel := range ways {
		result := api.AlertTest{Channel: channel}
		if err := s.sendSample(ctx, p, channel); err != nil {
			result.Error = words(err)
			s.logger.InfoContext(ctx, "a sample alert can't be sent", "profile", p.Name, "channel", channel, "error", err)
		}
		results = append(results, result)
	}
	return route.Answer{JSON: results}, nil
}

func (s *Service) sendSample(ctx context.Context, p *profile, channel string) error {
	to, err := s.target(ctx, p, channel)
	if err != nil {
		return err
	}
	audit, err := sampleAudit(s.now())
	if err != nil {
		return err
	}
	return s.sender.Send(ctx, to, api.Alert{
		ID: "test-" + s.now().UTC().Format("20060102T150405.000Z"), Profile: p.Name, Kind: api.AlertServerlessRuntime, Test: true,
		Audits: []api.AlertAudit{audit},
	})
}

// sampleAudit is an audit of nothing that happened.
func sampleAudit(now time.Time) (api.AlertAudit, error) {
	at := now.UTC().Truncate(time.Millisecond)
	audit := autodefend.Audit{
		ID: "sample", AccountID: "123456789012", AttackType: autodefend.AttackDeniedProcess, Command: "curl https://example.com", Count: 1,
		Effect: autodefend.Prevent, Function: "sample-function", FunctionID: "arn:aws:lambda:eu-west-1:123456789012:function:sample-function",
		Msg: "This is a sample of an alert: nothing happened", PID: 42, ProcessPath: "/usr/bin/curl", Provider: "aws", Region: "eu-west-1",
		RequestID: "sample", RuleName: "sample rule", Runtime: "python3.13", Severity: autodefend.SeverityLow, Time: at, Type: autodefend.AuditProcesses,
	}
	body, err := json.Marshal(audit)
	if err != nil {
		return api.AlertAudit{}, fmt.Errorf("write sample: %w", err)
	}
	return api.AlertAuditOf(api.AuditRecord{
		ID: audit.ID, Stream: api.StreamRuntime, Time: at, Received: at, Account: audit.AccountID, Region: audit.Region, Function: audit.Function,
		FunctionID: audit.FunctionID, Runtime: audit.Runtime, Provider: audit.Provider, Type: string(audit.Type), AttackType: string(audit.AttackType),
		Effect: string(audit.Effect), Rule: audit.RuleName, RequestID: audit.RequestID, Severity: string(audit.Severity), Msg: audit.Msg,
		Count: audit.Count, Body: body,
	}), nil
}
