package lambdasim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxBody is the longest request read: AWS takes 50 MB archives as base64.
const maxBody = 80 << 20

// errDropped is the connection that a fault has cut.
var errDropped = errors.New("connection lost by an injected fault")

// ServeHTTP answers one request of any AWS service of the world. A fault that
// loses the connection closes it without an answer.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	answer, err := w.serve(r)
	if err != nil {
		hangUp(rw)
		return
	}
	for key, values := range answer.header {
		rw.Header()[key] = values
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	rw.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		_, _ = rw.Write(answer.body)
	}
}

// hangUp closes the connection under an answer.
func hangUp(rw http.ResponseWriter) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // what net/http offers where hijacking isn't possible
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Client calls a world in process: no sockets, no goroutines. It serves as the
// HTTP client of an aws.Config.
type Client struct {
	world *World
}

// Client returns an in-process client of the world.
func (w *World) Client() *Client { return &Client{world: w} }

// Do answers a request. Faults that lose the connection return an error that
// wraps syscall.ECONNRESET, as a socket would; a cancelled context returns its
// error, and the call may then have been applied or not.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.world.serve(r)
	if r.Body != nil {
		_ = r.Body.Close()
	}
	if err != nil {
		return nil, &url.Error{Op: r.Method[:1] + strings.ToLower(r.Method[1:]), URL: r.URL.String(), Err: err}
	}
	return &http.Response{
		Status:        strconv.Itoa(answer.status) + " " + http.StatusText(answer.status),
		StatusCode:    answer.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        answer.header,
		Body:          io.NopCloser(bytes.NewReader(answer.body)),
		ContentLength: int64(len(answer.body)),
		Request:       r,
	}, nil
}

// serve answers a request; an error means that the connection is lost.
func (w *World) serve(r *http.Request) (reply, error) {
	body, err := readBody(r)
	if err != nil {
		return reply{}, err
	}
	if isPresigned(r) {
		return w.servePresigned(r), nil
	}
	c, svc, failure := w.newCall(r, body)
	if failure != nil {
		return w.render(svc, failure, w.nextRequestID()), nil
	}
	fault := Fault{}
	if w.opts.Faults != nil {
		fault = w.opts.Faults.Inject(*c.Call)
	}
	if err := w.wait(r.Context(), c, fault); err != nil {
		return reply{}, err
	}
	answer, err := w.process(c, fault)
	if err != nil || answer.after == nil {
		return answer, err
	}
	return w.finish(r.Context(), c, answer)
}

// finish makes the answer of a call that takes its time.
func (w *World) finish(ctx context.Context, c *call, answer reply) (reply, error) {
	answer, err := answer.after(ctx)
	switch {
	case err == nil:
		return stamp(answer, c.requestID), nil
	case ctx.Err() != nil:
		return reply{}, ctx.Err()
	}
	return w.render(c.service, asAPIError(err), c.requestID), nil
}

// readBody reads the whole body of a request.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, maxBody)) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(r.Body, maxBody)); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	return body.Bytes(), nil
}

// newCall finds out who calls what. On failure the service that must render
// the error is returned with it; it may be nil.
func (w *World) newCall(r *http.Request, body []byte) (*call, *service, *apiError) {
	id, signed := parseAuthorization(r.Header.Get("Authorization"))
	form := parseForm(r, body)
	svc := w.findService(id.service, signed, r, form)
	if svc == nil {
		if !signed {
			return nil, nil, errMissingToken()
		}
		return nil, nil, newError(http.StatusNotFound, "UnknownOperationException", "The service %s is not simulated", id.service)
	}
	op, params := svc.lookup(r, form)
	if !signed && (op == nil || !op.unsigned) {
		return nil, svc, errMissingToken()
	}
	if op == nil {
		return nil, svc, newError(http.StatusNotFound, "UnknownOperationException",
			"%s %s is not an operation that the simulator knows", r.Method, r.URL.Path)
	}
	c := &call{
		Call: &Call{Region: id.region, Service: svc.name, Operation: op.name, Mutating: op.mutating},
		op:   op, service: svc, accessKey: id.accessKey,
		params: params, query: r.URL.Query(), form: form, header: r.Header, body: body,
		now: time.Now(), base: w.base(r),
	}
	if failure := w.admit(c, id, signed); failure != nil {
		return nil, svc, failure
	}
	return c, svc, nil
}

// admit resolves the caller and numbers the call.
func (w *World) admit(c *call, id identity, signed bool) *apiError {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.account = w.first
	if signed {
		a, principal, failure := w.resolve(id, c.now)
		if failure != nil {
			return failure
		}
		c.account, c.principal = a, principal
	}
	if c.account == nil {
		return errUnknownToken(c.service.name)
	}
	c.region = c.account.regions[c.Region]
	if c.region == nil && !c.service.global {
		return errUnknownToken(c.service.name)
	}
	c.Account = c.account.spec.ID
	if c.op.resource != nil {
		c.Resource = c.op.resource(c)
	}
	c.Index = w.calls
	c.requestID = w.requestID()
	return nil
}

// wait lets the time of a call pass.
func (w *World) wait(ctx context.Context, c *call, fault Fault) error {
	delay := fault.Delay
	if w.opts.Latency != nil {
		delay += w.opts.Latency(*c.Call)
	}
	if delay <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// process applies a call and answers it, or fails as the fault says.
func (w *World) process(c *call, fault Fault) (reply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.now = time.Now()

	if fault.Kind == DropBefore {
		w.count(c, false, true)
		return reply{}, dropped()
	}
	answer, err := w.apply(c, fault)
	switch fault.Kind {
	case DropAfter:
		w.count(c, false, true)
		return reply{}, dropped()
	case ServerErrorAfter:
		err = errServer()
	}
	if err != nil {
		failure := asAPIError(err)
		throttled := failure.status == http.StatusTooManyRequests
		w.count(c, throttled, !throttled)
		return w.render(c.service, failure, c.requestID), nil
	}
	w.count(c, false, answer.status >= http.StatusBadRequest)
	return stamp(answer, c.requestID), nil
}

// apply draws a token, checks the permission and runs the handler.
// Preconditions: w.mu is held.
func (w *World) apply(c *call, fault Fault) (reply, error) {
	if fault.Kind == Throttle {
		return reply{}, errThrottled()
	}
	if c.region != nil && !c.region.take(c.op.quota, c.now) {
		return reply{}, errThrottled()
	}
	if fault.Kind == ServerError {
		return reply{}, errServer()
	}
	action := c.op.action
	if action == "" {
		action = c.service.name + ":" + c.op.name
	}
	if failure := c.denied(action, c.resourceARN()); failure != nil {
		return reply{}, failure
	}
	if fault.Kind == OwnerEdit {
		c.region.ownerEdit(c.Resource, fault.Edit, c.now)
	}
	c.updateFails = fault.Kind == UpdateFails
	return c.op.handle(w, c)
}

// render writes an error in the service's protocol.
func (w *World) render(svc *service, e *apiError, requestID string) reply {
	render := renderRESTJSON
	if svc != nil && svc.renderError != nil {
		render = svc.renderError
	}
	return stamp(render(e, requestID), requestID)
}

// stamp puts the request id and the date on an answer.
func stamp(answer reply, requestID string) reply {
	if answer.header == nil {
		answer.header = http.Header{}
	}
	answer.header.Set("X-Amzn-Requestid", requestID)
	answer.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return answer
}

// nextRequestID numbers a request that reached no operation.
func (w *World) nextRequestID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requestID()
}

// requestID counts a call and returns its id. Preconditions: w.mu is held.
func (w *World) requestID() string {
	w.calls++
	return uuid(w.opts.Seed, "request", strconv.Itoa(w.calls))
}

// uuid returns an id that depends on the seed and the words alone.
func uuid(seed uint64, words ...string) string {
	rng := seededRand(seed, words...)
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rng.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rng.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// base returns the scheme and host for presigned locations.
func (w *World) base(r *http.Request) string {
	if w.opts.BaseURL != "" {
		return strings.TrimSuffix(w.opts.BaseURL, "/")
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	scheme := r.URL.Scheme
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	return scheme + "://" + host
}

// parseForm parses a form-encoded body; other bodies give an empty form.
func parseForm(r *http.Request, body []byte) url.Values {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return url.Values{}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return url.Values{}
	}
	return form
}

// findService returns the service a request means: the one in the credential
// scope, or for unsigned requests the one that knows the operation.
func (w *World) findService(name string, signed bool, r *http.Request, form url.Values) *service {
	for i := range w.table {
		svc := &w.table[i]
		if signed && svc.name == name {
			return svc
		}
		if !signed {
			if op, _ := svc.lookup(r, form); op != nil {
				return svc
			}
		}
	}
	return nil
}

// dropped returns the error of a connection that a fault has cut.
func dropped() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: fmt.Errorf("%w: %w", errDropped, syscall.ECONNRESET)}
}

// errServer returns the answer of a failing service.
func errServer() *apiError {
	return &apiError{
		status: http.StatusInternalServerError, code: "ServiceException",
		message: "An error occurred and the request cannot be processed.", sender: "Server", upperMessage: true,
	}
}
