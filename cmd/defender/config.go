package main

import (
	"fmt"
	"log/slog"
)

// envLog is the variable that makes the program talk: "debug" adds a line when the runtime has started.
const envLog = "AUTODEFEND_LOG"

// logLevel returns the level that value of envLog asks for. A value that is not known means failures only, and an error.
func logLevel(value string) (slog.Level, error) {
	switch value {
	case "":
		return slog.LevelError, nil
	case "debug":
		return slog.LevelDebug, nil
	}
	return slog.LevelError, fmt.Errorf("%s: unknown value, the only one is \"debug\"", envLog)
}
