package rest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// defaultMaxBody bounds a body where the route says nothing, in bytes.
const defaultMaxBody = 1 << 20

// readBody reads a request's body, decompressed. limit bounds both forms, in bytes; wait bounds the time.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, wait time.Duration) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(wait))           // a writer of tests has none
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }() // or the handler's context would end with it
	body, err := inflate(http.MaxBytesReader(w, r.Body, limit), r.Header.Get("Content-Encoding"), limit)
	if err != nil {
		return nil, bodyError(err, limit)
	}
	return body, nil
}

// inflate reads a body of a content encoding up to limit bytes.
func inflate(body io.Reader, encoding string, limit int64) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return io.ReadAll(body)
	case "gzip", "x-gzip":
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "Content-Encoding: %.40q isn't known; send gzip or nothing", encoding)
	}
	zipped, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(zipped, limit+1))
	switch {
	case err != nil:
		return nil, err
	case n > limit:
		return nil, tooLarge(limit)
	}
	return b.Bytes(), nil
}

func tooLarge(limit int64) *refusal {
	return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", limit).with("Connection", "close")
}

func bodyError(err error, limit int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r := refuse(http.StatusRequestTimeout, "the body didn't come in time").with("Connection", "close")
		r.cause = err
		return r
	}
	r := refuse(http.StatusBadRequest, "the body can't be read: it ended too early, or isn't what Content-Encoding says")
	r.cause = err
	return r
}
