package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/defend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/resolver"
	"github.com/autodefend/autodefend/internal/runtimeapi"
	"github.com/autodefend/autodefend/internal/waas/answer"
)

// services are what the function's processes speak to.
type services struct {
	api      netip.AddrPort // of the Runtime API's proxy; not valid without one
	resolver netip.AddrPort // not valid without one
}

// startServices starts the Runtime API's proxy. The resolver is started with the tier that leads to it.
func (s *supervisor) startServices() error {
	if s.config.lambda.api == "" {
		s.log.Debug("no Runtime API: this is not Lambda")
		return nil
	}
	address := s.sockets.APIAddress()
	listener, err := listenerOf(s.sockets.API)
	if err != nil {
		return fmt.Errorf("start Runtime API proxy: %w", err)
	}
	proxy := runtimeapi.NewProxy(runtimeapi.Config{
		Listener: listener,
		Upstream: s.config.lambda.api,
		Log:      s.log,
		Hooks: runtimeapi.Hooks{
			Next:       s.next,
			Invocation: s.invoked,
			Response: func(ctx context.Context, id string) {
				s.tiers.watch.Load().end()
				s.defender.Responded(ctx, id)
			},
			Restored: func(context.Context) { s.defender.Restored() },
		},
	})
	s.services.api = address
	s.contained("Runtime API proxy", proxy.Serve)
	return nil
}

// next is called before the runtime polls. The first time, its start is over.
func (s *supervisor) next(ctx context.Context) {
	if !s.polled.Swap(true) {
		s.tiers.watch.Load().end()
	}
	s.defender.Next(ctx)
}

// invoked is called when an event arrived, before the runtime gets it. What the firewall refuses, the runtime doesn't.
func (s *supervisor) invoked(ctx context.Context, i *runtimeapi.Invocation) (*runtimeapi.Reply, error) {
	s.defender.Invoked(i.RequestID, i.ARN)
	if refusal := s.defender.Inspect(ctx, defend.Invocation{RequestID: i.RequestID, Deadline: i.Deadline, Event: i.Event}); refusal != nil {
		reply := &runtimeapi.Reply{Failed: refusal.Failed, Body: refusal.Body, Header: map[string]string{"Content-Type": "application/json"}}
		if refusal.Failed {
			reply.Header["Lambda-Runtime-Function-Error-Type"] = answer.ErrorType
		}
		return reply, nil
	}
	s.tiers.watch.Load().begin()
	return nil, nil
}

// startResolver starts the resolver for the tier that leads questions to it.
func (s *supervisor) startResolver(tier autodefend.Tier) error {
	if s.services.resolver.IsValid() {
		return nil // another tier started it, and then failed itself
	}
	address := s.sockets.ResolverAddress()
	packets, packetErr := packetConnOf(s.sockets.ResolverUDP)
	listener, listenErr := listenerOf(s.sockets.ResolverTCP)
	if err := errors.Join(packetErr, listenErr); err != nil {
		return fmt.Errorf("start resolver: %w", err)
	}
	r := resolver.New(resolver.Config{
		PacketConn: packets,
		Listener:   listener,
		Judge:      s.defender.Judge,
		Tier:       tier,
		Who:        s.asker,
		Learn:      func(_ string, addrs []netip.Addr, ttl time.Duration) { s.defender.Learn(addrs, ttl) },
		Log:        s.log,
	})
	s.services.resolver = address
	s.contained("resolver", r.Serve)
	return nil
}

// asker tells which process sends a question for a name.
func (s *supervisor) asker(source netip.AddrPort, tcp bool) policy.Process {
	if p, ok := s.tiers.kernel.asked(source); ok {
		return p
	}
	return askerOf(source, tcp, int(s.runtime.Load()))
}

// environ returns env with the proxy's address in the place of Lambda's.
func (v *services) environ(env []string) []string {
	if !v.api.IsValid() {
		return env
	}
	changed := make([]string, len(env))
	for i, variable := range env {
		if strings.HasPrefix(variable, envRuntimeAPI+"=") {
			variable = envRuntimeAPI + "=" + v.api.String()
		}
		changed[i] = variable
	}
	return changed
}

// listenerOf makes a listener of fd, which then has another number.
func listenerOf(fd int) (net.Listener, error) {
	file, err := fileOf(fd)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return net.FileListener(file)
}

func packetConnOf(fd int) (net.PacketConn, error) {
	file, err := fileOf(fd)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return net.FilePacketConn(file)
}

func fileOf(fd int) (*os.File, error) {
	if fd < 0 {
		return nil, errors.New("its socket could not be made")
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}
