package main

import (
	"encoding/json"
	"log/slog"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// guard runs the runtime below a supervisor.
func guard(c config, log *slog.Logger, argv, environ []string) int {
	g := wrapper.Guardian{
		Log:        log,
		FailClosed: c.failMode == autodefend.FailClosed,
		Command:    func(control int) []string { return append([]string{"defender"}, supervisorArgs(control)...) },
		Died:       func(runtime int, closed bool) { writeAudit(bereaved(c, runtime, closed)) },
		TakeOver:   func(handed map[string]int) { takeOver(c, log, handed) },
	}
	return g.Run(argv, environ)
}

// bereaved is the audit of a supervisor's death. Nothing in a function ends it but somebody who wants to.
func bereaved(c config, runtime int, closed bool) autodefend.Audit {
	a := autodefend.Audit{
		ID:               newID(),
		AttackTechniques: []string{"impairDefences"},
		AttackType:       autodefend.AttackPolicyHijacked,
		Count:            1,
		Effect:           autodefend.Alert,
		Err:              "the supervisor died; the function goes on unprotected",
		FQDN:             c.lambda.name,
		Function:         c.lambda.name,
		Msg:              "Possible tampering of Defender policy detected.",
		PID:              runtime,
		Provider:         "aws",
		Region:           c.lambda.region,
		Runtime:          strings.TrimPrefix(c.lambda.executionEnv, "AWS_Lambda_"),
		Severity:         autodefend.SeverityHigh,
		Time:             wallClock().UTC(),
		Type:             autodefend.AuditProcesses,
		Version:          version(),
		Coverage:         autodefend.Seen,
	}
	if closed {
		a.Effect, a.Coverage = autodefend.Block, autodefend.Detected
		a.Err = "the supervisor died; the function is ended"
	}
	return a
}

// writeAudit writes an audit to the function's log.
func writeAudit(a autodefend.Audit) {
	if line, err := json.Marshal(a); err == nil {
		_, _ = wrapper.Stderr{}.Write(append(line, '\n'))
	}
}
