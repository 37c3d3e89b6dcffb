package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	// idleTimeout is how long a connection over TCP may be silent or block, as RFC 7766 advises: seconds.
	idleTimeout = 10 * time.Second
	// acceptPause is how long to wait for a descriptor when there is none.
	acceptPause = 50 * time.Millisecond
)

var errTooLong = errors.New("message too long")

// serveConnections answers questions over TCP, those of one connection in turn.
func (r *Resolver) serveConnections() error {
	slots := make(chan struct{}, maxConnections)
	for {
		slots <- struct{}{}
		conn, err := r.config.Listener.Accept()
		if r.ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return nil
		}
		if noDescriptor(err) {
			time.Sleep(acceptPause)
			<-slots
			continue
		}
		if err != nil {
			return err
		}
		r.running.Go(func() {
			defer func() { <-slots }()
			defer func() { _ = conn.Close() }()
			defer context.AfterFunc(r.ctx, func() { _ = conn.Close() })()
			r.serveConnection(conn)
		})
	}
}

// noDescriptor reports whether a connection could not be accepted for a reason that passes.
func noDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func (r *Resolver) serveConnection(conn net.Conn) {
	for {
		_ = conn.SetDeadline(time.Now().Add(idleTimeout))
		message, err := readMessage(conn)
		if err != nil {
			return
		}
		answer := r.answer(message, conn.RemoteAddr(), true)
		if answer == nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(idleTimeout))
		if writeMessage(conn, answer) != nil {
			return
		}
	}
}

// readMessage reads a message and its length.
func readMessage(conn net.Conn) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}

// writeMessage writes a message and its length at once.
func writeMessage(conn net.Conn, message []byte) error {
	if len(message) > 0xffff {
		return errTooLong
	}
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := conn.Write(append(framed, message...))
	return err
}
