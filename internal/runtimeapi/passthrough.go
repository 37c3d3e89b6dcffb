package runtimeapi

import (
	"errors"
	"io"
	"net"
	"time"
)

// Passthrough connects every connection of a listener to the Runtime API, unread, until the listener is closed, which
// makes it return nil. It is what stays of the proxy when the supervisor has died.
func Passthrough(listener net.Listener, upstream string) error {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if noDescriptor(err) {
			time.Sleep(acceptPause)
			continue
		}
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = client.Close() }()
			lambda, err := net.DialTimeout("tcp", upstream, dialTimeout)
			if err != nil {
				return
			}
			defer func() { _ = lambda.Close() }()
			done := make(chan struct{})
			go func() {
				defer close(done)
				carry(lambda, client)
			}()
			carry(client, lambda)
			<-done
		}()
	}
}

// carry copies one direction and passes its end on. After an error neither direction makes sense.
func carry(dst, src net.Conn) {
	_, err := io.Copy(dst, struct{ io.Reader }{src})
	if err != nil || closeWrite(dst) != nil {
		_ = dst.Close()
		_ = src.Close()
	}
}
