package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	headerSize = 12
	// minUDPSize is what an answer over UDP may have when the query doesn't say, in bytes.
	minUDPSize = 512
)

var (
	errNoQuery   = errors.New("not a query")       // not to be answered
	errOpcode    = errors.New("not a lookup")      // NOTIMP
	errMalformed = errors.New("malformed message") // FORMERR
)

// query is a message that asks for one name.
type query struct {
	message []byte
	// domain is the name, lower case and without the final dot; bytes that can't be printed are escaped as \DDD.
	domain string
	// name is the question's name as dnsmessage gives it, in lower case.
	name string
	// end is where the question ends in message.
	end int
	// edns: the message has an OPT record, which allows answers of udpSize bytes over UDP.
	edns    bool
	udpSize int
	// cookie is the program's and its server's, as the program sent it (RFC 7873); nil when it has none of the server.
	cookie []byte
}

// parseQuery understands a message as far as it must. The errors are errNoQuery, errOpcode and errMalformed.
func parseQuery(message []byte) (*query, error) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	switch {
	case err != nil || header.Response:
		return nil, errNoQuery
	case header.OpCode != 0:
		return nil, errOpcode
	case binary.BigEndian.Uint16(message[4:]) != 1 || binary.BigEndian.Uint16(message[6:]) != 0:
		return nil, fmt.Errorf("%w: not one question", errMalformed)
	}
	end, ok := questionEnd(message)
	if !ok {
		return nil, fmt.Errorf("%w: question", errMalformed)
	}
	question, err := p.Question()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	name := lower(question.Name)
	q := &query{message: message, name: name, domain: printable(strings.TrimSuffix(name, ".")), end: end, udpSize: minUDPSize}
	q.readEDNS(&p)
	return q, nil
}

// questionEnd returns where the first question ends. Its name must be spelled out: nothing precedes it that it could
// point to.
func questionEnd(message []byte) (int, bool) {
	for at := headerSize; at < len(message); {
		size := int(message[at])
		if size == 0 {
			end := at + 1 + 4
			return end, end <= len(message)
		}
		if size > 63 {
			return 0, false
		}
		at += size + 1
	}
	return 0, false
}

// readEDNS looks for an OPT record. One that can't be read is between the program and its server.
func (q *query) readEDNS(p *dnsmessage.Parser) {
	if p.SkipAllQuestions() != nil || p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return
	}
	for {
		header, err := p.AdditionalHeader()
		if err != nil {
			return
		}
		if header.Type == dnsmessage.TypeOPT {
			q.edns, q.udpSize = true, max(minUDPSize, int(header.Class))
			q.readCookie(p)
			return
		}
		if p.SkipAdditional() != nil {
			return
		}
	}
}

// readCookie keeps a complete cookie. A program that knows its server to send cookies drops answers without, and would
// wait for another instead of being told no.
func (q *query) readCookie(p *dnsmessage.Parser) {
	opt, err := p.OPTResource()
	if err != nil {
		return
	}
	for _, option := range opt.Options {
		if option.Code == optionCookie && len(option.Data) >= minCookie && len(option.Data) <= maxCookie {
			q.cookie = option.Data
		}
	}
}

// lower gives a name in lower case. Only ASCII letters have case in DNS.
func lower(name dnsmessage.Name) string {
	b := make([]byte, name.Length)
	for i, c := range name.Data[:name.Length] {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		b[i] = c
	}
	return string(b)
}

// printable escapes what would be unreadable in a log, the way zone files do.
func printable(name string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '\\' }
	var b strings.Builder
	for i := range len(name) {
		if plain(name[i]) {
			b.WriteByte(name[i])
		} else {
			fmt.Fprintf(&b, "\\%03d", name[i])
		}
	}
	return b.String()
}

// answeredBy reports whether a message is the response to the query.
func (q *query) answeredBy(message []byte) bool {
	if len(message) < q.end || message[0] != q.message[0] || message[1] != q.message[1] || message[2]&0x80 == 0 {
		return false
	}
	if binary.BigEndian.Uint16(message[4:]) != 1 {
		return false
	}
	asked, given := q.message[headerSize:q.end], message[headerSize:q.end]
	return strings.EqualFold(string(asked[:len(asked)-4]), string(given[:len(given)-4])) &&
		string(asked[len(asked)-4:]) == string(given[len(given)-4:])
}
