package resolver

import (
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// maxLearnt bounds the addresses and aliases that are taken from one answer.
	maxLearnt = 256
	// maxAliases bounds a chain of CNAME records.
	maxAliases = 16
)

// finding is a record of an answer that leads to addresses.
type finding struct {
	owner     string
	alias     string // of a CNAME
	addresses []netip.Addr
	ttl       uint32
}

// addresses returns those that an answer gives to the queried name, directly or by aliases, and how long they are
// valid. What else the answer holds was not asked for and teaches nothing.
func (q *query) addresses(message []byte) ([]netip.Addr, time.Duration) {
	findings := findingsOf(message)
	owners := map[string]bool{q.name: true}
	ttl := ^uint32(0)
	for range maxAliases {
		known := len(owners)
		for _, f := range findings {
			if f.alias != "" && owners[f.owner] {
				owners[f.alias] = true
				ttl = min(ttl, f.ttl)
			}
		}
		if len(owners) == known {
			break
		}
	}
	var all []netip.Addr
	for _, f := range findings {
		if owners[f.owner] && len(f.addresses) > 0 {
			all = append(all, f.addresses...)
			ttl = min(ttl, f.ttl)
		}
	}
	if len(all) == 0 {
		return nil, 0
	}
	return all, time.Duration(ttl) * time.Second
}

// findingsOf reads an answer up to the first thing that makes no sense.
func findingsOf(message []byte) []finding {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || header.RCode != dnsmessage.RCodeSuccess || p.SkipAllQuestions() != nil {
		return nil
	}
	var all []finding
	for len(all) < maxLearnt {
		h, err := p.AnswerHeader()
		if err != nil {
			break
		}
		f, err := findingOf(&p, h)
		if err != nil {
			break
		}
		all = append(all, f)
	}
	return all
}

func findingOf(p *dnsmessage.Parser, h dnsmessage.ResourceHeader) (finding, error) {
	f := finding{owner: lower(h.Name), ttl: h.TTL}
	switch h.Type {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		f.addresses = []netip.Addr{netip.AddrFrom4(r.A)}
		return f, err
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		f.addresses = []netip.Addr{netip.AddrFrom16(r.AAAA).Unmap()}
		return f, err
	case dnsmessage.TypeCNAME:
		r, err := p.CNAMEResource()
		f.alias = lower(r.CNAME)
		return f, err
	case dnsmessage.TypeHTTPS:
		r, err := p.HTTPSResource()
		f.addresses = hints(r.SVCBResource)
		return f, err
	case dnsmessage.TypeSVCB:
		r, err := p.SVCBResource()
		f.addresses = hints(r)
		return f, err
	default:
		return f, p.SkipAnswer()
	}
}

// hints are the addresses that a service binding suggests to connect to without asking again.
func hints(r dnsmessage.SVCBResource) []netip.Addr {
	var all []netip.Addr
	if value, ok := r.GetParam(dnsmessage.SVCParamIPv4Hint); ok {
		for ; len(value) >= 4; value = value[4:] {
			all = append(all, netip.AddrFrom4([4]byte(value)))
		}
	}
	if value, ok := r.GetParam(dnsmessage.SVCParamIPv6Hint); ok {
		for ; len(value) >= 16; value = value[16:] {
			all = append(all, netip.AddrFrom16([16]byte(value)).Unmap())
		}
	}
	return all
}
