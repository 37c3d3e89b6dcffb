package layer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const (
	// tailBytes is what the first request asks for: the longest end of a zip and, for most zips, the whole directory.
	tailBytes = 128 << 10
	// blockBytes is what every later request asks for.
	blockBytes = 2 << 20
	// maxRedirects is how often one request is redirected before it is an error.
	maxRedirects = 3
)

// RangeReader reads parts of a file over HTTP. It keeps the file's end and the block that was read last, about 2 MiB
// together, so that UnzippedSize costs one request for most files. It can be used by several goroutines.
//
// The address is treated as a secret, as presigned addresses are: its query never appears in an error.
type RangeReader struct {
	ctx    context.Context //nolint:containedctx // io.ReaderAt has no room for one; it ends with the caller's operation
	client *http.Client
	url    *url.URL
	etag   string
	size   int64
	tail   block

	mu   sync.Mutex
	last block // guarded by mu
}

// block is a part of the file that was read.
type block struct {
	offset int64
	data   []byte
}

func (b block) contains(offset int64, length int) bool {
	return offset >= b.offset && offset+int64(length) <= b.offset+int64(len(b.data))
}

// NewRangeReader makes the first request, for the end of the file at address, and returns the file's size in bytes. ctx
// and client serve for the reader's life. A server that ignores the range, or redirects to another host, is an error.
func NewRangeReader(ctx context.Context, client *http.Client, address string) (*RangeReader, int64, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return nil, 0, errors.New("read remote file: the address is not an http or https URL")
	}
	stays := *client
	stays.CheckRedirect = sameHostOnly
	r := &RangeReader{ctx: ctx, client: &stays, url: parsed}
	response, err := r.request(fmt.Sprintf("bytes=-%d", tailBytes))
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	part, err := parseContentRange(response.Header.Get("Content-Range"))
	if err == nil && (part.length() > tailBytes || part.last+1 != part.total) {
		err = errors.New("the server sent another part than the end")
	}
	if err != nil {
		return nil, 0, r.fail(err)
	}
	r.etag, r.size = response.Header.Get("ETag"), part.total
	r.tail, err = readPart(response.Body, part)
	if err != nil {
		return nil, 0, r.fail(err)
	}
	return r, r.size, nil
}

// ReadAt implements io.ReaderAt.
func (r *RangeReader) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, r.fail(errors.New("negative offset"))
	}
	done := 0
	for done < len(p) && offset+int64(done) < r.size {
		n, err := r.readSome(p[done:], offset+int64(done))
		if err != nil {
			return done, err
		}
		done += n
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// readSome copies what one block has, requesting it when it is not there. It returns at least one byte or an error.
//
// Preconditions: 0 <= offset < r.size.
func (r *RangeReader) readSome(p []byte, offset int64) (int, error) {
	if r.tail.contains(offset, 1) {
		return copy(p, r.tail.data[offset-r.tail.offset:]), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.contains(offset, 1) {
		fetched, err := r.fetch(offset)
		if err != nil {
			return 0, err
		}
		r.last = fetched
	}
	return copy(p, r.last.data[offset-r.last.offset:]), nil
}

// fetch requests the block that starts at offset and ends where the tail begins, at the latest.
func (r *RangeReader) fetch(offset int64) (block, error) {
	want := contentRange{first: offset, last: min(offset+blockBytes, r.tail.offset) - 1, total: r.size}
	response, err := r.request(fmt.Sprintf("bytes=%d-%d", want.first, want.last))
	if err != nil {
		return block{}, err
	}
	defer func() { _ = response.Body.Close() }()
	got, err := parseContentRange(response.Header.Get("Content-Range"))
	if err == nil && (got != want || response.Header.Get("ETag") != r.etag) {
		err = errors.New("the file changed while it was read")
	}
	if err != nil {
		return block{}, r.fail(err)
	}
	part, err := readPart(response.Body, want)
	if err != nil {
		return block{}, r.fail(err)
	}
	return part, nil
}

// request asks for one range and returns an answer with status 206, whose body the caller closes.
func (r *RangeReader) request(byteRange string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.url.String(), http.NoBody)
	if err != nil {
		return nil, r.fail(errors.New("the address is malformed"))
	}
	request.Header.Set("Range", byteRange)
	request.Header.Set("Accept-Encoding", "identity") // offsets are of the file as it is stored
	response, err := r.client.Do(request)
	if err != nil {
		return nil, r.fail(withoutAddress(err))
	}
	if response.StatusCode == http.StatusPartialContent {
		return response, nil
	}
	_ = response.Body.Close() // unread: it may be the whole file
	if response.StatusCode == http.StatusOK {
		return nil, r.fail(errors.New("the server ignores ranges"))
	}
	return nil, r.fail(fmt.Errorf("status %d", response.StatusCode))
}

func (r *RangeReader) fail(err error) error {
	return fmt.Errorf("read remote file from %s: %w", r.url.Host, err)
}

// withoutAddress returns the cause of an error of http.Client, which quotes the address. A cause that could quote one
// itself is dropped.
func withoutAddress(err error) error {
	var quoted *url.Error
	if errors.As(err, &quoted) {
		err = quoted.Err
	}
	if strings.Contains(err.Error(), "?") {
		return errors.New("the request was not answered")
	}
	return err
}

// sameHostOnly lets a redirect stay on its host and scheme.
func sameHostOnly(next *http.Request, via []*http.Request) error {
	if next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
		return errors.New("redirected to another host")
	}
	if len(via) > maxRedirects {
		return errors.New("redirected too often")
	}
	return nil
}

// contentRange is a Content-Range header: bytes first to last of total.
type contentRange struct {
	first, last, total int64
}

func (c contentRange) length() int64 { return c.last - c.first + 1 }

func parseContentRange(header string) (contentRange, error) {
	var c contentRange
	n, err := fmt.Sscanf(header, "bytes %d-%d/%d", &c.first, &c.last, &c.total)
	if err != nil || n != 3 || c.first < 0 || c.last < c.first || c.total <= c.last {
		return contentRange{}, errors.New("the answer does not say which part of the file it is")
	}
	return c, nil
}

// readPart reads exactly the part that the header announced.
//
// Preconditions: the part's length is within tailBytes or blockBytes.
func readPart(body io.Reader, part contentRange) (block, error) {
	data := make([]byte, part.length())
	if _, err := io.ReadFull(body, data); err != nil {
		return block{}, fmt.Errorf("the answer ended early: %w", err)
	}
	return block{offset: part.first, data: data}, nil
}
