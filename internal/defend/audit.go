package defend

import (
	"cmp"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// messageMax bounds an audit's text in bytes, so that a line of the log is far below what one write can pass on whole.
const messageMax = 8 << 10

// blank returns an audit that says where and when.
func (d *Defender) blank(now time.Time) autodefend.Audit {
	s, f := d.state.Load(), d.config.Function
	a := autodefend.Audit{
		ID:        d.config.NewID(),
		Count:     1,
		FQDN:      f.Name,
		Function:  f.Name,
		Provider:  "aws",
		Region:    f.Region,
		RequestID: d.invocations.only(),
		Runtime:   f.Runtime,
		Time:      now.UTC().Truncate(time.Millisecond),
		Version:   d.config.Version,
	}
	if s != nil {
		target := s.envelope.Target
		a.RuleName, a.AccountID = s.compiled.RuleName(), target.AccountID
		a.Function, a.Region = cmp.Or(f.Name, bareName(target.Function)), cmp.Or(f.Region, target.Region)
		a.FQDN = a.Function
	}
	a.FunctionID = d.functionID(a.AccountID)
	if a.AccountID == "" {
		a.AccountID = accountOf(a.FunctionID)
	}
	return a
}

// audit makes the audit of a decision.
func (d *Defender) audit(e policy.Event, x policy.Decision, now time.Time) autodefend.Audit {
	a := d.blank(now)
	a.AttackTechniques, a.AttackType, a.Type, a.Severity = x.Techniques, x.Attack, x.Type, x.Severity
	a.Effect, a.RuleName, a.Msg = x.Effect, x.Rule, x.Message
	a.PID, a.ProcessPath, a.Command = e.Process.PID, e.Process.Path, d.scrub.command(e.Process.Command)
	a.Tier, a.Coverage = e.Tier, coverageOf(e, x)
	switch e.Kind {
	case policy.Exec:
		a.ProcessPath, a.Command = e.Program.Path, d.scrub.command(strings.Join(e.Program.Args, " "))
		a.Msg = d.scrub.replacer.Replace(a.Msg)
	case policy.Connect, policy.Listen:
		a.Port = int(e.Address.Port())
		if e.Kind == policy.Connect {
			a.IP = e.Address.Addr().Unmap().String()
		}
	case policy.Resolve:
		a.Domain = e.Domain
	case policy.Open:
		a.Filepath = e.File
	case policy.Tamper:
		a.Err = e.Detail
	}
	a.Msg = cut(a.Msg, messageMax)
	return a
}

// coverageOf says what was done about one act.
func coverageOf(e policy.Event, x policy.Decision) autodefend.Coverage {
	switch {
	case !x.Deny:
		return autodefend.Seen
	case e.After:
		return autodefend.Detected
	default:
		return autodefend.Enforced
	}
}

// functionID returns the function's ARN as it was invoked, and before that the one that follows from its name.
func (d *Defender) functionID(account string) string {
	if arn := d.invocations.invokedARN(); arn != "" {
		return arn
	}
	f := d.config.Function
	if account == "" || f.Region == "" || f.Name == "" {
		return ""
	}
	return "arn:" + partitionOf(f.Region) + ":lambda:" + f.Region + ":" + account + ":function:" + f.Name
}

// partitionOf returns the partition of AWS that a region belongs to.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// accountOf returns the account in an ARN.
func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 5 {
		return ""
	}
	return parts[4]
}
