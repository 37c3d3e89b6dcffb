package resolver

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// FuzzQuery reads any message. Of what is understood, dnsmessage must find the same question, also in our answers.
func FuzzQuery(f *testing.F) {
	for _, message := range []string{ask, withOPT(ask), header + wwwEvil, header + "\xc0\x0c\x00\x01\x00\x01", header + "\x00\x00\x02\x00\x01", okay} {
		f.Add([]byte(message))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		before := bytes.Clone(message)
		q, err := parseQuery(message)
		if !bytes.Equal(before, message) {
			t.Fatal("the message was changed")
		}
		if err != nil {
			return
		}
		question := questionOf(t, message)
		if q.name != lower(question.Name) || strings.ContainsFunc(q.domain, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q is %q, for dnsmessage %q", message, q.domain, question.Name)
		}
		for _, answer := range [][]byte{q.denied(), q.failed(dnsmessage.RCodeServerFailure)} {
			var m dnsmessage.Message
			if err := m.Unpack(answer); err != nil || !q.answeredBy(answer) || m.Questions[0] != question {
				t.Errorf("%q is answered with %q: %v", message, answer, err)
			}
		}
	})
}

func questionOf(t *testing.T, message []byte) dnsmessage.Question {
	var p dnsmessage.Parser
	if _, err := p.Start(message); err != nil {
		t.Fatal(err)
	}
	question, err := p.Question()
	if err != nil {
		t.Fatal(err)
	}
	return question
}

// FuzzAddresses reads any answer. What is learnt is bounded, and nothing without validity.
func FuzzAddresses(f *testing.F) {
	f.Add(response(0, record{"good.test.", 60, a("192.0.2.1")}, record{"good.test.", 5, cname("edge.cdn.")}, record{"edge.cdn.", 60, a("::1")}))
	f.Add(response(0, record{"good.test.", 60, &dnsmessage.HTTPSResource{SVCBResource: *hinting()}}))
	f.Add([]byte(okay + "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04"))
	f.Add([]byte(okay[:7] + "\x01" + okay[8:] + "\xc0\x1e\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x1e"))
	f.Fuzz(func(t *testing.T, message []byte) {
		q, err := parseQuery([]byte(ask))
		if err != nil {
			t.Fatal(err)
		}
		q.answeredBy(message)
		addresses, validity := q.addresses(message)
		for _, addr := range addresses {
			if !addr.IsValid() || addr.Is4In6() {
				t.Errorf("learnt %v", addr)
			}
		}
		if len(addresses) == 0 && validity != 0 {
			t.Errorf("nothing is valid for %v", validity)
		}
	})
}

// FuzzResolvConf reads any file. There is always somebody to ask, and an end to it.
func FuzzResolvConf(f *testing.F) {
	for _, text := range []string{"nameserver 1.1.1.1\noptions timeout:1 attempts:2\n", "nameserver fe80::1%lo\r\n", "# x\n; y", "options timeout:-1 attempts:99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parseResolvConf(text)
		if len(s.servers) < 1 || len(s.servers) > maxServers || s.attempts < 1 || s.attempts > maxAttempts || s.timeout <= 0 || s.timeout > maxTimeout {
			t.Errorf("%q gives %+v", text, s)
		}
	})
}
