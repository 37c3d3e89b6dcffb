package runtimeapi

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Reply answers an invocation in the function's place.
type Reply struct {
	// Failed makes the invocation an error: the body is an error object and goes to /error instead of /response.
	Failed bool
	// Header holds further fields, such as Content-Type or Lambda-Runtime-Function-Error-Type.
	Header map[string]string
	Body   []byte
}

var errNotRepeatable = errors.New("a poll with a body can't be repeated")

// answer sends a reply to an invocation, polls for the next and returns the connection of that poll. It is a new one:
// the connection that brought the event may have ended with it.
func (s *session) answer(e *exchange, id string, reply *Reply) (net.Conn, error) {
	p := s.proxy
	conn, err := p.dial()
	if err != nil {
		return nil, err
	}
	status, err := post(newStream(conn, &p.plain), reply.request(e, id))
	if err != nil {
		p.release(conn)
		return nil, fmt.Errorf("answer invocation %s: %w", id, err)
	}
	if status/100 != 2 {
		p.config.Log.Error("answer for the function not accepted", "requestID", id, "status", status)
	}
	if p.config.Hooks.Response != nil {
		p.config.Hooks.Response(p.ctx, id)
	}
	if e.head == nil {
		p.release(conn)
		return nil, errNotRepeatable
	}
	if err := s.swap(conn); err != nil {
		return nil, err
	}
	p.beforePoll()
	if _, err := conn.Write(e.head); err != nil {
		return nil, fmt.Errorf("poll for the runtime: %w", err)
	}
	return conn, nil
}

// post sends a request and returns the status of its response.
func post(out *stream, request []byte) (int, error) {
	if _, err := out.conn.Write(request); err != nil {
		return 0, err
	}
	r, head, err := out.response("POST")
	if err != nil {
		return 0, err
	}
	return r.status, out.skip(head, &r.body)
}

// request renders the reply as a request of the runtime that sent e.
func (r *Reply) request(e *exchange, id string) []byte {
	verb := "response"
	if r.Failed {
		verb = "error"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s/invocation/%s/%s HTTP/1.1\r\n", e.route.base, url.PathEscape(id), verb)
	fmt.Fprintf(&b, "Host: %s\r\n", field(e.head, "Host"))
	if agent := field(e.head, "User-Agent"); agent != "" {
		fmt.Fprintf(&b, "User-Agent: %s\r\n", agent)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if value := r.Header[name]; isToken([]byte(name)) && !strings.ContainsAny(value, "\r\n") {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(r.Body))
	b.Write(r.Body)
	return b.Bytes()
}
