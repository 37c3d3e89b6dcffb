package fleet

import (
	"errors"
	"log/slog"
)

// because is a logger that tells the error and, where AWS answered, the id
// under which AWS's own logs have the call.
func because(log *slog.Logger, err error) *slog.Logger {
	log = log.With("error", err)
	var answered interface{ RequestID() string }
	if errors.As(err, &answered) && answered.RequestID() != "" {
		log = log.With("request_id", answered.RequestID())
	}
	return log
}
