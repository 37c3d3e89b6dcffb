package resolver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

// record is one record of an answer.
type record struct {
	owner string
	ttl   uint32
	body  dnsmessage.ResourceBody
}

func a(text string) dnsmessage.ResourceBody {
	addr := netip.MustParseAddr(text)
	if addr.Is4() {
		return &dnsmessage.AResource{A: addr.As4()}
	}
	return &dnsmessage.AAAAResource{AAAA: addr.As16()}
}

func cname(to string) dnsmessage.ResourceBody {
	return &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)}
}

// response packs an answer to the question for GooD.test.
func response(code dnsmessage.RCode, records ...record) []byte {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 0xbeef, Response: true, RCode: code},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("GooD.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	for _, r := range records {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(r.owner), Class: dnsmessage.ClassINET, TTL: r.ttl}, Body: r.body,
		})
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// hinting is a service binding with three whole addresses.
func hinting() *dnsmessage.SVCBResource {
	return &dnsmessage.SVCBResource{Priority: 1, Target: dnsmessage.MustNewName("."), Params: []dnsmessage.SVCParam{
		{Key: dnsmessage.SVCParamIPv4Hint, Value: []byte{192, 0, 2, 7, 192, 0, 2, 8, 1}},
		{Key: dnsmessage.SVCParamIPv6Hint, Value: append(make([]byte, 15), 1)},
	}}
}

func TestAddresses(t *testing.T) {
	tests := map[string]struct {
		message []byte
		want    []string
		ttl     time.Duration
	}{
		"addresses": {response(0, record{"good.TEST.", 60, a("192.0.2.1")}, record{"good.test.", 30, a("2001:db8::1")}), []string{"192.0.2.1", "2001:db8::1"}, 30 * time.Second},
		"alias": {
			response(0, record{"good.test.", 5, cname("Edge.cdn.")}, record{"edge.cdn.", 60, cname("node.cdn.")}, record{"node.cdn.", 60, a("192.0.2.1")}),
			[]string{"192.0.2.1"},
			5 * time.Second,
		},
		"alias in any order": {
			response(0, record{"node.cdn.", 60, a("192.0.2.1")}, record{"edge.cdn.", 60, cname("node.cdn.")}, record{"good.test.", 90, cname("edge.cdn.")}),
			[]string{"192.0.2.1"},
			time.Minute,
		},
		"aliases in a circle":       {response(0, record{"good.test.", 5, cname("a.test.")}, record{"a.test.", 5, cname("good.test.")}), nil, 0},
		"of another name":           {response(0, record{"evil.test.", 60, a("192.0.2.66")}, record{"good.test.", 60, a("192.0.2.1")}), []string{"192.0.2.1"}, time.Minute},
		"only of another name":      {response(0, record{"evil.test.", 60, a("192.0.2.66")}), nil, 0},
		"alias of another name":     {response(0, record{"x.test.", 60, cname("evil.test.")}, record{"evil.test.", 60, a("192.0.2.66")}), nil, 0},
		"IPv4 in IPv6":              {response(0, record{"good.test.", 0, a("::ffff:192.0.2.1")}), []string{"192.0.2.1"}, 0},
		"hints":                     {response(0, record{"good.test.", 60, &dnsmessage.HTTPSResource{SVCBResource: *hinting()}}), []string{"192.0.2.7", "192.0.2.8", "::1"}, time.Minute},
		"hints of any service":      {response(0, record{"good.test.", 60, hinting()}), []string{"192.0.2.7", "192.0.2.8", "::1"}, time.Minute},
		"other records in between":  {response(0, record{"good.test.", 1, &dnsmessage.TXTResource{TXT: []string{"x"}}}, record{"good.test.", 60, a("192.0.2.1")}), []string{"192.0.2.1"}, time.Minute},
		"none":                      {response(0), nil, 0},
		"a failure with addresses":  {response(dnsmessage.RCodeNameError, record{"good.test.", 60, a("192.0.2.1")}), nil, 0},
		"cut in the second address": {response(0, record{"good.test.", 60, a("192.0.2.1")}, record{"good.test.", 60, a("192.0.2.2")})[:55+2], []string{"192.0.2.1"}, time.Minute},
		"no message":                {[]byte("x"), nil, 0},
	}
	q, err := parseQuery([]byte(ask))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			addresses, ttl := q.addresses(tt.message)
			var got []string
			for _, addr := range addresses {
				got = append(got, addr.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || ttl != tt.ttl {
				t.Errorf("valid for %v, want %v (-want +got):\n%s", ttl, tt.ttl, diff)
			}
		})
	}
}

// TestLearntBeforeTheProgramKnows: whoever connects at once must be let.
func TestLearntBeforeTheProgramKnows(t *testing.T) {
	w := newWorld(t, nil)
	w.server.play(answers(string(response(0, record{"GooD.test.", 60, a("192.0.2.1")}))))
	w.over("udp", ask)
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := w.learnt["good.test"]; len(got) != 1 || got[0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("learnt %v", got)
	}
}

// TestLearntIsBounded: an answer full of addresses teaches some.
func TestLearntIsBounded(t *testing.T) {
	records := make([]record, 2*maxLearnt)
	for i := range records {
		records[i] = record{"good.test.", 60, a("192.0.2.1")}
	}
	q, err := parseQuery([]byte(ask))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := q.addresses(response(0, records...)); len(got) != maxLearnt {
		t.Errorf("learnt %d addresses, want %d", len(got), maxLearnt)
	}
}
