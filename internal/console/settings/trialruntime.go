package settings

import (
	"context"
	"encoding/json"
	"net/netip"
	"path"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/policy"
)

// runtimeTrial judges acts that audits tell of.
type runtimeTrial struct {
	policy   *policy.Policy
	compiled map[int]*policy.Compiled // by the rule's place
}

func newRuntimeTrial(raw json.RawMessage) (*runtimeTrial, error) {
	p, err := policy.Parse(raw)
	if err != nil {
		return nil, mistakes(err)
	}
	return &runtimeTrial{policy: p, compiled: make(map[int]*policy.Compiled)}, nil
}

func (t *runtimeTrial) judge(_ context.Context, a *api.AuditRecord, labels map[string]string) (judgement, bool) {
	var audit autodefend.Audit
	if json.Unmarshal(a.Body, &audit) != nil {
		return judgement{}, false
	}
	event, ok := eventOf(&audit)
	if !ok {
		return judgement{}, false
	}
	found := t.policy.Resolve(targetOf(a, labels))
	if found.Rule == nil {
		return judgement{effect: noEffect, why: "no rule holds for the function"}, true
	}
	compiled, ok := t.compiled[found.Index]
	if !ok {
		var err error
		if compiled, err = policy.Compile(found.Rule); err != nil {
			return judgement{}, false
		}
		t.compiled[found.Index] = compiled
	}
	decision := compiled.Decide(event)
	if !decision.Audit {
		return judgement{effect: noEffect, rule: found.Rule.Name, why: decision.Why}, true
	}
	return judgement{effect: string(decision.Effect), rule: decision.Rule, why: decision.Why}, true
}

// eventOf makes the act again that an audit tells of; false when the audit doesn't tell enough.
func eventOf(a *autodefend.Audit) (policy.Event, bool) {
	e := policy.Event{
		Tier: a.Tier, After: a.Coverage == autodefend.Detected, Protocol: "tcp",
		Process: policy.Process{PID: a.PID, Path: a.ProcessPath, Command: a.Command},
	}
	switch a.AttackType {
	case autodefend.AttackDeniedProcess, autodefend.AttackTmpfsProcess:
		return execOf(e, a)
	case autodefend.AttackCryptoMiner:
		return minerOf(e, a)
	case autodefend.AttackDeniedIP, autodefend.AttackDeniedOutboundPort:
		return addressOf(e, a, policy.Connect, a.IP)
	case autodefend.AttackDeniedListeningPort:
		return addressOf(e, a, policy.Listen, "0.0.0.0")
	case autodefend.AttackDeniedDNS:
		e.Kind, e.Domain = policy.Resolve, a.Domain
		return e, a.Domain != ""
	case autodefend.AttackFileAccess:
		// An audit doesn't tell whether the file was read or written: what is denied for reading is for writing.
		e.Kind, e.File, e.Access = policy.Open, a.Filepath, policy.Read
		return e, a.Filepath != ""
	case autodefend.AttackPolicyHijacked:
		e.Kind, e.Detail = policy.Tamper, a.Err
		return e, true
	default:
		return e, false
	}
}

// execOf makes the start of a program again. What the audit says about it only in words is taken from them.
func execOf(e policy.Event, a *autodefend.Audit) (policy.Event, bool) {
	e.Kind = policy.Exec
	e.Process.Path, e.Process.Command = "", ""
	e.Program = policy.Program{
		Path: a.ProcessPath, Args: strings.Fields(a.Command),
		Fileless: strings.Contains(a.Msg, " launched without a file "),
		Writable: strings.Contains(a.Msg, " launched from a writable directory ") || belowWritable(a.ProcessPath),
		Opaque:   strings.Contains(a.Msg, " launched outside of the preload tier's reach "),
	}
	return e, a.ProcessPath != ""
}

func belowWritable(program string) bool {
	clean := path.Clean(program)
	return strings.HasPrefix(clean, "/tmp/") || strings.HasPrefix(clean, "/dev/shm/")
}

// minerOf makes again what was taken for a miner: a program, a name or a connection.
func minerOf(e policy.Event, a *autodefend.Audit) (policy.Event, bool) {
	switch {
	case a.Domain != "":
		e.Kind, e.Domain = policy.Resolve, a.Domain
		return e, true
	case a.IP != "":
		return addressOf(e, a, policy.Connect, a.IP)
	default:
		return execOf(e, a)
	}
}

func addressOf(e policy.Event, a *autodefend.Audit, kind policy.Kind, ip string) (policy.Event, bool) {
	address, err := netip.ParseAddr(ip)
	if err != nil || a.Port < 0 || a.Port > 65535 {
		return e, false
	}
	e.Kind, e.Address = kind, netip.AddrPortFrom(address.Unmap(), uint16(a.Port))
	return e, true
}
