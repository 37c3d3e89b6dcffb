package policy

import (
	"bytes"
	"errors"
	"net/netip"

	"github.com/autodefend/autodefend"
)

// eventJSON is an event as people write it. One member names the act and its object:
//
//	{"exec": "/usr/bin/wget", "args": ["wget", "http://x"], "process": {"path": "/usr/bin/bash"}}
//	{"connect": "203.0.113.9:443"}   {"listen": "0.0.0.0:8080"}   {"resolve": "yahoo.com"}
//	{"open": "/etc/passwd", "access": "write"}                    {"tamper": "kill"}
type eventJSON struct {
	kept

	access string
	event  Event
}

// ParseEvent reads an event from JSON, for trying a policy. What is left out is taken to be harmless, and the tier to
// be kernel.
func ParseEvent(data []byte) (Event, error) {
	var errs []error
	j := eventJSON{event: Event{Tier: autodefend.TierKernel, Protocol: "tcp"}}
	readObject("event", bytes.TrimSpace(data), &j, &errs)
	if len(errs) > 0 {
		return Event{}, errors.Join(errs...)
	}
	return j.event, nil
}

func kinds() []Kind { return []Kind{Exec, Connect, Listen, Resolve, Open, Tamper} }

func (j *eventJSON) walk(f *fields) {
	e := &j.event
	object := ""
	for _, k := range kinds() {
		text := ""
		if f.text(string(k), &text); text == "" {
			continue
		}
		if e.Kind != "" {
			f.fail(string(k), "an event is one act", "there is %s already", e.Kind)
		}
		e.Kind, object = k, text
	}
	choice(f, "tier", "a tier", &e.Tier, autodefend.TierKernel, autodefend.TierPreload, autodefend.TierWatch)
	choice(f, "protocol", "a protocol", &e.Protocol, "tcp", "udp")
	choice(f, "access", "an access", &j.access, "read", "write", "both")
	f.flag("after", &e.After)
	f.flag("learnt", &e.Learnt)
	f.object("process", (*processJSON)(j))
	p := &e.Program
	f.texts("args", &p.Args)
	f.text("given", &p.Given)
	f.text("interpreter", &p.Interpreter)
	f.flag("main", &p.Main)
	f.flag("fileless", &p.Fileless)
	f.flag("writable", &p.Writable)
	f.flag("opaque", &p.Opaque)
	f.refuseUnknown("docs/policy.md")
	j.settle(f, object)
}

// settle puts the object where its kind of act has it.
func (j *eventJSON) settle(f *fields, object string) {
	e := &j.event
	switch e.Kind {
	case Exec:
		e.Program.Path = object
	case Connect, Listen:
		address, err := netip.ParseAddrPort(object)
		if err != nil {
			f.fail(string(e.Kind), "write 203.0.113.9:443 or [2001:db8::1]:443", "%q isn't an address with a port", object)
		}
		e.Address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	case Resolve:
		e.Domain = normalName(object)
	case Open:
		e.File = object
		e.Access = map[string]Access{"": Read, "read": Read, "write": Write, "both": Read | Write}[j.access]
	case Tamper:
		e.Detail = object
	default:
		f.fail("", `such as {"resolve": "yahoo.com"}; the others are exec, connect, listen, open and tamper`, "it names no act")
	}
}

// processJSON is the member process of an event.
type processJSON eventJSON

func (j *processJSON) keep() *kept { return &kept{} }

func (j *processJSON) walk(f *fields) {
	p := &j.event.Process
	f.number("pid", &p.PID)
	f.text("path", &p.Path)
	f.text("parent", &p.Parent)
	f.text("command", &p.Command)
	f.refuseUnknown("docs/policy.md")
}
