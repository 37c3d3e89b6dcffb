package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/autodefend/autodefend/internal/console/route"
)

// Media types.
const (
	mediaJSON = "application/json"
	mediaText = "text/plain; charset=utf-8"
	mediaCSV  = "text/csv"
)

// answer sends what a handler returned.
func (e *endpoint) answer(x *exchange, a route.Answer) {
	body, media := a.Raw, a.Media
	if a.JSON != nil {
		var err error
		if body, err = marshal(a.JSON); err != nil {
			e.fail(x, fmt.Errorf("write answer: %w", err))
			return
		}
		media = mediaJSON
	}
	if media == "" && len(body) > 0 {
		media = mediaJSON
	}
	e.nameTable(x, media)
	for name, value := range a.Header {
		x.w.Header().Set(name, value)
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	e.write(x, status, media, body)
}

// nameTable gives a table a name to be saved under, which is the route's.
func (e *endpoint) nameTable(x *exchange, media string) {
	if media != mediaCSV {
		return
	}
	name := strings.ReplaceAll(strings.Trim(strings.TrimSuffix(e.route.Path, "/download"), "/"), "/", "-")
	x.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
}

// marshal writes a value as JSON. A nil list is an empty one, and what only matters in HTML stays as it is.
func marshal(value any) ([]byte, error) {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Slice && v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
		return []byte("[]"), nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// pieceSize is how much of an answer must be taken within the time for writing, in bytes.
const pieceSize = 64 << 10

// write sends a whole answer.
func (s *Server) write(x *exchange, status int, media string, body []byte) {
	header := x.w.Header()
	if media != "" {
		header.Set("Content-Type", media)
	}
	bodiless := status == http.StatusNotModified || status == http.StatusNoContent
	if !bodiless {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	rc := http.NewResponseController(x.w)
	_ = rc.SetWriteDeadline(time.Now().Add(s.limits.Write)) // a writer of tests has none
	x.w.WriteHeader(status)
	if bodiless || x.r.Method == http.MethodHead {
		return
	}
	for len(body) > 0 {
		n := min(pieceSize, len(body))
		_ = rc.SetWriteDeadline(time.Now().Add(s.limits.Write))
		if _, err := x.w.Write(body[:n]); err != nil {
			s.log.Debug("the caller didn't take the answer", slog.String("request", x.id), slog.Any("error", err))
			return
		}
		body = body[n:]
	}
}

// setHeaders sets what every response has: it is for the one who asked, and no page.
func (s *Server) setHeaders(x *exchange) {
	header := x.w.Header()
	header.Set("X-Request-Id", x.id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	if s.source.secure(x.r) {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}
