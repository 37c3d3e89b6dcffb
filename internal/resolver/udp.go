package resolver

import (
	"slices"
)

// maxPacket is the largest query that is taken over UDP, in bytes. Nobody sends larger ones.
const maxPacket = 4096

// servePackets answers questions over UDP, each on a goroutine of its own.
func (r *Resolver) servePackets() error {
	conn := r.config.PacketConn
	slots := make(chan struct{}, maxQuestions)
	buffer := make([]byte, maxPacket)
	for {
		n, source, err := conn.ReadFrom(buffer)
		if r.ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		message := slices.Clone(buffer[:n])
		slots <- struct{}{}
		r.running.Go(func() {
			defer func() { <-slots }()
			if answer := r.answer(message, source, false); answer != nil {
				_, _ = conn.WriteTo(answer, source) // who asked may be gone
			}
		})
	}
}
