package resolver

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// wwwEvil is the question for the A record of wWw.eViL.test with the id 0xbeef and recursion desired.
	header  = "\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	wwwEvil = "\x03wWw\x04eViL\x04test\x00\x00\x01\x00\x01"
	// opt is an OPT record: 1,232 bytes, DNSSEC wanted, a cookie.
	opt = "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x0c\x00\x0a\x00\x08cookie!!"
)

func withOPT(message string) string {
	return message[:11] + "\x01" + message[12:] + opt
}

// TestAnswersOfOurOwn gives the bytes of what isn't forwarded. Nothing of it reaches the server.
func TestAnswersOfOurOwn(t *testing.T) {
	label63 := "\x3f" + strings.Repeat("a", 63)
	tests := map[string]struct{ message, want string }{
		"denied":               {header + wwwEvil, "\xbe\xef\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00" + wwwEvil},
		"denied, no recursion": {"\xbe\xef\x00" + header[3:] + wwwEvil, "\xbe\xef\x80\x83\x00\x01\x00\x00\x00\x00\x00\x00" + wwwEvil},
		"denied, any type":     {header + wwwEvil[:15] + "\x00\xff\x00\xff", "\xbe\xef\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00" + wwwEvil[:15] + "\x00\xff\x00\xff"},
		"denied with EDNS":     {withOPT(header + wwwEvil), "\xbe\xef\x81\x83\x00\x01\x00\x00\x00\x00\x00\x01" + wwwEvil + "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x06\x00\x0f\x00\x02\x00\x0f"},
		"denied with a cookie of the server": {
			header[:11] + "\x01" + wwwEvil + opt[:10] + "\x14\x00\x0a\x00\x10cookie!!cookie!!",
			"\xbe\xef\x81\x83\x00\x01\x00\x00\x00\x00\x00\x01" + wwwEvil + "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x1a\x00\x0f\x00\x02\x00\x0f\x00\x0a\x00\x10cookie!!cookie!!",
		},
		"a response":            {"\xbe\xef\x81" + header[3:] + wwwEvil, ""},
		"too short":             {header[:11], ""},
		"nothing":               {"", ""},
		"update":                {"\xbe\xef\x29" + header[3:] + wwwEvil, "\xbe\xef\xa9\x84\x00\x00\x00\x00\x00\x00\x00\x00"},
		"no question":           {strings.Replace(header, "\x01\x00\x00\x00", "\x00\x00\x00\x00", 1)[:12], "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"two questions":         {header[:5] + "\x02" + header[6:] + wwwEvil + wwwEvil, "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"an answer in a query":  {header[:7] + "\x01" + header[8:] + wwwEvil, "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"name ends too early":   {header + "\x03wWw\x04eV", "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"question ends early":   {header + wwwEvil[:len(wwwEvil)-1], "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"pointer to itself":     {header + "\xc0\x0c\x00\x01\x00\x01", "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"pointer to the header": {header + "\x03wWw\xc0\x04\x00\x01\x00\x01", "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"label of no kind":      {header + "\x80a\x00\x00\x01\x00\x01", "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"dot in a label":        {header + "\x09evil.test\x04good\x00\x00\x01\x00\x01", "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
		"name of 256 bytes":     {header + strings.Repeat(label63, 4) + "\x00\x00\x01\x00\x01", "\xbe\xef\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"},
	}
	w := newWorld(t, nil)
	for name, tt := range tests {
		for _, tcp := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, tcp), func(t *testing.T) {
				got := w.resolver.answer([]byte(tt.message), w.resolver.config.Listener.Addr(), tcp)
				if string(got) != tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
				if len(got) > headerSize {
					var m dnsmessage.Message
					if err := m.Unpack(got); err != nil {
						t.Errorf("the answer makes no sense: %v", err)
					}
				}
			})
		}
	}
	if n := len(w.server.questions()); n != 0 {
		t.Errorf("%d questions were forwarded", n)
	}
}

// TestNamesAsJudged gives what the policy gets to see of a name.
func TestNamesAsJudged(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	tests := map[string]string{
		"\x04eViL\x04tEsT\x00": "evil.test",
		"\x00":                 "",
		"\x04test\x00":         "test",
		"\x011\x010\x010\x03127\x07in-addr\x04arpa\x00": "1.0.0.127.in-addr.arpa",
		"\x04_sip\x04_tcp\x01x\x00":                     "_sip._tcp.x",
		"\x03a\\b\x01\x00\x02\xc3\xa4\x00":              `a\092b.\000.\195\164`,
		"\x03a b\x04\"\n\x7f*\x00":                      `a\032b."\010\127*`,
		"\x3f" + label63 + "\x3f" + label63 + "\x3f" + label63 + "\x3d" + label63[:61] + "\x00": strings.Join([]string{label63, label63, label63, label63[:61]}, "."),
		"\x0exn--mnchen-3ya\x02de\x00": "xn--mnchen-3ya.de",
	}
	for wire, want := range tests {
		q, err := parseQuery([]byte(header + wire + "\x00\x01\x00\x01"))
		if err != nil || q.domain != want {
			t.Errorf("%q is %+v, %v; want %q", wire, q, err, want)
		}
	}
}
