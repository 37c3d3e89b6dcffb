package main

import (
	"log/slog"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// guard runs the runtime below a supervisor.
func guard(c config, log *slog.Logger, argv, environ []string) int {
	sockets, err := wrapper.Listen()
	if err != nil {
		log.Error("make sockets", "error", err.Error())
	}
	g := wrapper.Guardian{
		Log:        log,
		FailClosed: c.failMode == autodefend.FailClosed,
		Sockets:    sockets,
		Command: func(control int, sockets wrapper.Sockets) []string {
			return append([]string{"defender"}, supervision{control, sockets}.toArgs()...)
		},
	}
	return g.Run(argv, environ)
}
