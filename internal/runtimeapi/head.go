package runtimeapi

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

var (
	errHead         = errors.New("malformed head")
	errHeadTooLarge = errors.New("head too large")
	errFraming      = errors.New("ambiguous end of message")
)

// headEnd returns the length of the head that p starts with, or 0 when its empty line has not arrived. The first seen
// bytes have been searched before.
func headEnd(p []byte, seen int) int {
	for from := max(seen-2, 0); ; {
		i := bytes.IndexByte(p[from:], '\n')
		if i < 0 {
			return 0
		}
		from += i + 1
		rest := p[from:]
		if len(rest) > 0 && rest[0] == '\n' {
			return from + 1
		}
		if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return from + 2
		}
	}
}

// line cuts the first line from p and removes its end.
func line(p []byte) ([]byte, []byte) {
	first, rest, _ := bytes.Cut(p, []byte{'\n'})
	return bytes.TrimSuffix(first, []byte{'\r'}), rest
}

// fields yields the names and values of a head's fields, in their order. A line that is no field yields an empty name.
func fields(head []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		_, rest := line(head)
		for len(rest) > 0 {
			var field []byte
			field, rest = line(rest)
			if len(field) == 0 {
				return
			}
			name, value, ok := bytes.Cut(field, []byte{':'})
			if !ok || !isToken(name) || bytes.IndexByte(value, '\r') >= 0 {
				name = nil
			}
			if !yield(name, bytes.Trim(value, " \t")) {
				return
			}
		}
	}
}

// isToken reports whether name can be a field's name as far as framing cares: no blanks, no control characters.
func isToken(name []byte) bool {
	return len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// field returns the value of the first field with a name, or "".
func field(head []byte, name string) string {
	for key, value := range fields(head) {
		if strings.EqualFold(string(key), name) {
			return string(value)
		}
	}
	return ""
}

// request is what the proxy needs to know of a request's head.
type request struct {
	method, target string
	body           body
}

func parseRequest(head []byte) (request, error) {
	first, _ := line(head)
	method, rest, ok := bytes.Cut(first, []byte{' '})
	at := bytes.LastIndexByte(rest, ' ')
	if !ok || at < 0 || !isToken(method) {
		return request{}, fmt.Errorf("request line: %w", errHead)
	}
	minor, err := minorVersion(rest[at+1:])
	if err != nil {
		return request{}, err
	}
	l, err := lengthOf(head)
	if err != nil {
		return request{}, err
	}
	r := request{method: string(method), target: string(rest[:at])}
	switch {
	case l.coding && (!l.chunked || l.length >= 0 || minor == 0):
		return request{}, errFraming
	case l.chunked:
		r.body = chunkedBody()
	case l.length > 0:
		r.body = lengthBody(l.length)
	}
	return r, nil
}

// response is what the proxy needs to know of a response's head.
type response struct {
	status int
	body   body
}

// parseResponse reads the head of a response to a request with the given method.
func parseResponse(head []byte, method string) (response, error) {
	first, _ := line(head)
	version, rest, _ := bytes.Cut(first, []byte{' '})
	if _, err := minorVersion(version); err != nil {
		return response{}, err
	}
	code, _, _ := bytes.Cut(rest, []byte{' '})
	status, err := strconv.Atoi(string(code))
	if err != nil || len(code) != 3 || status < 100 {
		return response{}, fmt.Errorf("status line: %w", errHead)
	}
	l, err := lengthOf(head)
	if err != nil {
		return response{}, err
	}
	r := response{status: status, body: closeBody()}
	switch {
	case status < 200 || status == 204 || status == 304 || method == "HEAD":
		r.body = body{}
	case l.coding && l.length >= 0:
		return response{}, errFraming
	case l.chunked:
		r.body = chunkedBody()
	case l.length >= 0 && !l.coding:
		r.body = lengthBody(l.length)
	}
	return r, nil
}

// minorVersion returns the n of HTTP/1.n.
func minorVersion(version []byte) (int, error) {
	switch string(version) {
	case "HTTP/1.1":
		return 1, nil
	case "HTTP/1.0":
		return 0, nil
	default:
		return 0, fmt.Errorf("version: %w", errHead)
	}
}

// lengths are the fields that tell where a body ends.
type lengths struct {
	length  int64 // -1 when not given
	coding  bool  // a transfer coding is given
	chunked bool  // it is "chunked"
}

func lengthOf(head []byte) (lengths, error) {
	l := lengths{length: -1}
	for name, value := range fields(head) {
		switch {
		case name == nil:
			return l, errHead
		case bytes.EqualFold(name, []byte("Content-Length")):
			n, err := strconv.ParseUint(string(value), 10, 62)
			if err != nil || l.length >= 0 && l.length != int64(n) {
				return l, errFraming
			}
			l.length = int64(n)
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			if l.coding {
				return l, errFraming
			}
			l.coding, l.chunked = true, bytes.EqualFold(value, []byte("chunked"))
		}
	}
	return l, nil
}
