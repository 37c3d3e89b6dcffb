package main

import (
	"log/slog"

	"github.com/autodefend/autodefend/internal/kernel"
	"github.com/autodefend/autodefend/internal/resolver"
	"github.com/autodefend/autodefend/internal/runtimeapi"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// Names under which a supervisor hands descriptors to its guardian.
const (
	handListener = "listener" // of the filter of tier kernel
	handJournal  = "journal"  // the calls that are being answered
)

// takeOver lets a runtime without its supervisor go on: what it sends to our sockets is passed on unread.
func takeOver(c config, log *slog.Logger, handed map[string]int) {
	sockets := wrapper.HandedSockets(handed)
	serve := func(part string, run func() error) {
		go func() {
			if err := run(); err != nil {
				log.Error("pass through", "part", part, "error", err.Error())
			}
		}()
	}
	if listener, ok := handed[handListener]; ok && listener >= 0 {
		journal, _ := fileOf(handed[handJournal])
		serve("kernel", func() error { return kernel.PassThrough(listener, journal) })
	}
	if listener, err := listenerOf(sockets.API); err == nil && c.lambda.api != "" {
		serve("Runtime API", func() error { return runtimeapi.Passthrough(listener, c.lambda.api) })
	}
	packets, packetErr := packetConnOf(sockets.ResolverUDP)
	listener, listenErr := listenerOf(sockets.ResolverTCP)
	if packetErr == nil && listenErr == nil {
		serve("resolver", func() error { return resolver.Passthrough(packets, listener, "") })
	}
}
