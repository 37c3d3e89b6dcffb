package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// maxWait bounds the wait for one server: the next must have its turn before the program gives up, after five
	// seconds by default.
	maxWait = 2 * time.Second
	// maxTotal bounds all tries for one question.
	maxTotal = 10 * time.Second
	// minBuffer is the least room for an answer over UDP, in bytes.
	minBuffer = 4096
)

var errForeign = errors.New("the response is to another question")

// upstream asks the servers that the programs would have asked.
type upstream struct {
	config Config
	conf   resolvConf
	// good is the server that answered last: it is asked first.
	good atomic.Int32
}

func newUpstream(config Config) *upstream {
	return &upstream{config: config, conf: resolvConf{path: config.ResolvConf}}
}

// settings returns whom to ask and how often.
func (u *upstream) settings() settings {
	s := settings{servers: u.config.Upstreams, timeout: defaultTimeout, attempts: defaultAttempts}
	if len(s.servers) == 0 {
		s = u.conf.settings()
	}
	s.servers = slices.DeleteFunc(slices.Clone(s.servers), u.isSelf)
	return s
}

// isSelf keeps a question from going round in circles.
func (u *upstream) isSelf(server netip.AddrPort) bool {
	return u.config.PacketConn != nil && addrPort(u.config.PacketConn.LocalAddr()) == server ||
		u.config.Listener != nil && addrPort(u.config.Listener.Addr()) == server
}

// ask forwards a query until a server answers it. A server that fails or refuses is not the last to be asked, but the
// last such answer is better than none.
func (u *upstream) ask(ctx context.Context, q *query, tcp bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTotal)
	defer cancel()
	s := u.settings()
	if len(s.servers) == 0 {
		return nil, errors.New("no server to forward to")
	}
	first := int(u.good.Load())
	var unhelpful []byte
	var failures error
	for range s.attempts {
		for i := range s.servers {
			at := (first + i) % len(s.servers)
			answer, err := exchange(ctx, s.servers[at], q, tcp, min(s.timeout, maxWait))
			if err == nil && helpful(answer) {
				u.good.Store(int32(at))
				return answer, nil
			}
			if err == nil {
				unhelpful = answer
			} else {
				failures = err
			}
		}
		if unhelpful != nil {
			return unhelpful, nil
		}
	}
	return nil, failures
}

// helpful reports whether another server need not be asked.
func helpful(answer []byte) bool {
	switch dnsmessage.RCode(answer[3] & 0xf) {
	case dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused, dnsmessage.RCodeNotImplemented:
		return false
	default:
		return true
	}
}

// exchange asks one server once.
func exchange(ctx context.Context, server netip.AddrPort, q *query, tcp bool, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	network := "udp"
	if tcp {
		network = "tcp"
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if tcp {
		err = writeMessage(conn, q.message)
	} else {
		_, err = conn.Write(q.message)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	answer, err := receive(conn, q, tcp)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	return answer, nil
}

// receive waits for the response to a query. Over UDP, others are passed over.
func receive(conn net.Conn, q *query, tcp bool) ([]byte, error) {
	if tcp {
		answer, err := readMessage(conn)
		if err == nil && !q.answeredBy(answer) {
			err = errForeign
		}
		return answer, err
	}
	buffer := make([]byte, max(q.udpSize, minBuffer))
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		if q.answeredBy(buffer[:n]) {
			return buffer[:n], nil
		}
	}
}
