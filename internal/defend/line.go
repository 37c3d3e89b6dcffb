package defend

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
)

// lines writes to the function's log: one JSON object a line, one call of Write each.
type lines struct {
	mu   sync.Mutex
	out  io.Writer
	log  *slog.Logger
	lost int // lines that could not be written since one could
}

// write writes a value and returns the line's length. A line that can't be written is counted, and the next one that can
// is followed by the number.
func (l *lines) write(value any) int {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.out.Write(b.Bytes())
	}
	if err != nil {
		l.lost++
		return b.Len()
	}
	if l.lost > 0 {
		l.log.Error("lines of the log were lost", "lines", l.lost)
		l.lost = 0
	}
	return b.Len()
}
