package layer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// secretQuery is what a presigned address carries and no error may show.
const secretQuery = "X-Amz-Signature=5eCr3t&x=%zz"

// serve serves data with ranges and counts the requests.
func serve(t *testing.T, data []byte) (string, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/code?" + secretQuery, &requests
}

// TestUnzippedSizeOverHTTP also counts the requests that directories of several sizes cost.
func TestUnzippedSizeOverHTTP(t *testing.T) {
	large := makeZip(t, "", 1000)
	large = append(bytes.Repeat([]byte{1}, 20<<20), large...)
	tests := []struct {
		name     string
		data     []byte
		want     int64
		requests int64
	}{
		{"shorter than the first request", makeZip(t, "", 1000, 234), 1234, 1},
		{"20 MiB, small directory", large, 1000, 1},
		{"longest comment", makeZip(t, strings.Repeat("c", 65535), 9), 9, 1},
		{"directory of 2 MB", makeDirectory(t, append(make([]uint64, 40000), 5)...), 5, 2},
		{"directory of 4 MB", makeDirectory(t, append(make([]uint64, 80000), 5)...), 5, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, requests := serve(t, tt.data)
			r, size, err := NewRangeReader(t.Context(), http.DefaultClient, address)
			if err != nil || size != int64(len(tt.data)) {
				t.Fatalf("got size %d, %v; want %d", size, err, len(tt.data))
			}
			got, err := UnzippedSize(r, size)
			if err != nil || got != tt.want {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
			if requests.Load() != tt.requests {
				t.Errorf("took %d requests, want %d", requests.Load(), tt.requests)
			}
		})
	}
}

func TestRangeReaderReads(t *testing.T) {
	data := make([]byte, 3*blockBytes+tailBytes+77)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(data)
	address, requests := serve(t, data)
	r, size, err := NewRangeReader(t.Context(), http.DefaultClient, address)
	if err != nil {
		t.Fatal(err)
	}
	const around = tailBytes + 500 // where a block and the end meet
	if err := iotest.TestReader(io.NewSectionReader(r, size-around, 1000), data[size-around:][:1000]); err != nil {
		t.Error(err)
	}
	requests.Store(0)
	if got, err := io.ReadAll(io.NewSectionReader(r, 0, size)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("got other bytes, %v", err)
	}
	if requests.Load() != 4 {
		t.Errorf("took %d requests, want 4", requests.Load())
	}
	if n, err := r.ReadAt(make([]byte, 10), size-4); n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("over the end: got %d, %v", n, err)
	}
}

func TestRangeReaderRefuses(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed to another host")
	}))
	defer elsewhere.Close()
	part := func(header string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", header)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "0123456789")
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"ranges ignored", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all of it") }, "ignores ranges"},
		{"expired", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "status 403"},
		{"empty file", func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(nil))
		}, "does not say"},
		{"no Content-Range", part(""), "does not say"},
		{"nonsense", part("bytes 5-4/10"), "does not say"},
		{"unknown length", part("bytes 0-9/*"), "does not say"},
		{"not the end", part("bytes 0-9/20"), "another part"},
		{"more than asked for", part("bytes 0-999999999/1000000000"), "another part"},
		{"short body", part("bytes 0-19/20"), "ended early"},
		{"redirect to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/?"+r.URL.RawQuery, http.StatusFound)
		}, "another host"},
		{"redirect for ever", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		}, "too often"},
		{"malformed redirect", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[?"+r.URL.RawQuery)
			w.WriteHeader(http.StatusFound)
		}, "not answered"},
		{"connection lost", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			_, _, err := NewRangeReader(t.Context(), http.DefaultClient, server.URL+"/code?"+secretQuery)
			assertSafe(t, err, tt.want)
		})
	}
}

func TestRangeReaderRefusesAddresses(t *testing.T) {
	for _, address := range []string{"", "file:///etc/passwd?" + secretQuery, "http://%zz?" + secretQuery, "https://?" + secretQuery, "/code"} {
		_, _, err := NewRangeReader(t.Context(), http.DefaultClient, address)
		assertSafe(t, err, "not an http or https URL")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := NewRangeReader(ctx, http.DefaultClient, "http://127.0.0.1:1/?"+secretQuery)
	assertSafe(t, err, "canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// TestRangeReaderSeesChange replaces the file between two requests.
func TestRangeReaderSeesChange(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", []string{`"1"`, `"2"`}[requests.Add(1)-1])
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, 1<<20)))
	}))
	defer server.Close()
	r, _, err := NewRangeReader(t.Context(), http.DefaultClient, server.URL+"/?"+secretQuery)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ReadAt(make([]byte, 1), 0)
	assertSafe(t, err, "changed")
}

// assertSafe checks that err says want and no part of the address's query.
func assertSafe(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want an error with %q", err, want)
	}
	if text := err.Error(); strings.Contains(text, "5eCr3t") || strings.Contains(text, "X-Amz") {
		t.Errorf("the error shows the secret: %s", text)
	}
}
