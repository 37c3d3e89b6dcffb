package resolver

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Passthrough forwards what arrives at a resolver's sockets, unjudged and unread, until they are closed, which makes it
// return nil. It is what stays of the resolver when the supervisor has died. Either socket may be nil; conf is the path
// of resolv.conf, "" for the usual one.
func Passthrough(packets net.PacketConn, listener net.Listener, conf string) error {
	if conf == "" {
		conf = defaultResolvConf
	}
	file := &resolvConf{path: conf}
	return passBetween(packets, listener, func() []netip.AddrPort { return file.settings().servers })
}

func passBetween(packets net.PacketConn, listener net.Listener, upstreams func() []netip.AddrPort) error {
	ended := make(chan error, 2)
	servers := 0
	if packets != nil {
		servers++
		go func() { ended <- passPackets(packets, upstreams) }()
	}
	if listener != nil {
		servers++
		go func() { ended <- passConnections(listener, upstreams) }()
	}
	var all error
	for range servers {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			all = errors.Join(all, err)
		}
	}
	return all
}

func passPackets(packets net.PacketConn, upstreams func() []netip.AddrPort) error {
	slots := make(chan struct{}, maxQuestions)
	buffer := make([]byte, maxPacket)
	for {
		n, source, err := packets.ReadFrom(buffer)
		if err != nil {
			return err
		}
		message := slices.Clone(buffer[:n])
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			for _, server := range upstreams() {
				if answer := passPacket(message, server); answer != nil {
					_, _ = packets.WriteTo(answer, source)
					return
				}
			}
		}()
	}
}

// passPacket returns what a server sends back, or nil.
func passPacket(message []byte, server netip.AddrPort) []byte {
	conn, err := net.Dial("udp", server.String())
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(maxWait))
	if _, err := conn.Write(message); err != nil {
		return nil
	}
	answer := make([]byte, 64<<10)
	n, err := conn.Read(answer)
	if err != nil {
		return nil
	}
	return answer[:n]
}

func passConnections(listener net.Listener, upstreams func() []netip.AddrPort) error {
	for {
		client, err := listener.Accept()
		if noDescriptor(err) {
			time.Sleep(acceptPause)
			continue
		}
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = client.Close() }()
			for _, server := range upstreams() {
				if conn, err := net.DialTimeout("tcp", server.String(), maxWait); err == nil {
					passConnection(client, conn)
					return
				}
			}
		}()
	}
}

// passConnection copies both ways until either side ends.
func passConnection(client, server net.Conn) {
	go func() {
		defer func() { _ = server.Close() }()
		_, _ = io.Copy(server, client)
	}()
	_, _ = io.Copy(client, server)
	_ = server.Close()
}
