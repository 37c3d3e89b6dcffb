package journal

import (
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// byConsole is the user of changes that nobody asked for by a request.
const byConsole = "console"

// Audit returns the management audit of a change, to be written in the change's transaction. Before and after are the
// JSON of what was changed; nil when it didn't exist, or doesn't any more. A nil call stands for the Console itself.
func Audit(c *route.Call, t api.MgmtType, now time.Time, before, after []byte) *api.MgmtAudit {
	audit := &api.MgmtAudit{Type: t, Time: now.UTC().Truncate(time.Millisecond), Username: byConsole, Diff: Diff(before, after)}
	if c != nil {
		audit.API, audit.SourceIP, audit.Username = c.API, c.SourceIP, c.Principal.Username
	}
	return audit
}
