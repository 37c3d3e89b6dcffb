package defend

import (
	"net/netip"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// Judge decides one event and records its audit: in the log before it returns. It is a [policy.Judge].
func (d *Defender) Judge(e policy.Event) policy.Decision {
	switch {
	case d.reachesLambda(e) && d.maySpeak(e):
		return policy.Decision{Rule: d.state.Load().compiled.RuleName(), Why: "allowed: the function's own runtime speaks to Lambda"}
	case d.reachesLambda(e):
		e.Kind, e.Detail = policy.Tamper, "the Runtime API"
	case e.Kind == policy.Exec:
		// Also when the tier knows: it's how the first process' start is learnt, after which there's no other.
		started := d.main.starts(e, d.invocations.hasBegun())
		e.Program.Main = e.Program.Main || started
	case e.Kind == policy.Connect && !e.Learnt:
		e.Learnt = d.learnt.has(e.Address.Addr(), d.config.Now())
	}
	decision := d.state.Load().compiled.Decide(e)
	if decision.Audit {
		d.record(e, decision)
	}
	if decision.End && d.config.End != nil {
		d.config.End()
	}
	return decision
}

// reachesLambda tells whether somebody connects to the Runtime API, at our address or at Lambda's own.
func (d *Defender) reachesLambda(e policy.Event) bool {
	return e.Kind == policy.Connect && (same(e.Address, d.config.API) || same(e.Address, d.config.Upstream))
}

// maySpeak tells whether the one who reaches for Lambda may. Nobody may go around the proxy.
func (d *Defender) maySpeak(e policy.Event) bool {
	return same(e.Address, d.config.API) && d.main.speaks(e.Process)
}

// same compares addresses; all of the loopback's are one.
func same(a, b netip.AddrPort) bool {
	if !b.IsValid() || a.Port() != b.Port() {
		return false
	}
	return a.Addr().Unmap() == b.Addr().Unmap() || a.Addr().Unmap().IsLoopback() && b.Addr().Unmap().IsLoopback() || a.Addr().IsUnspecified()
}

// record writes the audit of a decision, unless it has been written.
func (d *Defender) record(e policy.Event, decision policy.Decision) {
	now := d.config.Now()
	if d.repeats.seen(e, now) {
		return
	}
	d.audits.add(d.audit(e, decision, now), now)
}

// hijacked records that the policy itself was tampered with. No rule can turn this off: which one would it be?
func (d *Defender) hijacked(cause error) {
	now := d.config.Now()
	a := d.blank(now)
	a.AttackType, a.Type, a.Severity = autodefend.AttackPolicyHijacked, autodefend.AuditProcesses, autodefend.SeverityHigh
	a.AttackTechniques = []string{"impairDefences"}
	a.Effect = autodefend.Prevent
	a.Msg, a.Err = "Possible tampering of Defender policy detected.", cause.Error()
	a.Coverage = autodefend.Enforced
	d.audits.add(a, now)
}
