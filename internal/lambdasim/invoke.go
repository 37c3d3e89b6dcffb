package lambdasim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
)

// Limits of an event, in bytes.
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
)

// maxLogTail is how much of a log the caller gets who asks for it.
const maxLogTail = 4 << 10

// Invocation types.
const (
	invokeSync   = "RequestResponse"
	invokeAsync  = "Event"
	invokeDryRun = "DryRun"
)

// invoke answers Invoke. The dry run says yes; the others need an Invoker.
func invoke(w *World, c *call) (reply, error) {
	kind := c.header.Get("X-Amz-Invocation-Type")
	var bad violations
	bad.oneOf(kind, "invocationType", []string{invokeAsync, invokeSync, invokeDryRun})
	bad.oneOf(c.header.Get("X-Amz-Log-Type"), "logType", []string{"None", "Tail"})
	if err := bad.err(); err != nil {
		return reply{}, err
	}
	v, arn, err := c.invoked()
	if err != nil {
		return reply{}, err
	}
	if kind == invokeDryRun {
		return noContent(), nil
	}
	if kind == "" {
		kind = invokeSync
	}
	in, err := w.invocation(c, v, arn, kind)
	if err != nil {
		return reply{}, err
	}
	if kind == invokeAsync {
		return w.queue(v.function, in), nil
	}
	return reply{after: func(ctx context.Context) (reply, error) {
		out, err := w.runInvocation(ctx, v.function, in)
		if err != nil {
			return reply{}, err
		}
		return c.invokeAnswer(v.number, out), nil
	}}, nil
}

// invoked returns the version that an invocation reaches and the ARN that it
// was reached by. An alias with weights shares its invocations out.
func (c *call) invoked() (*version, string, error) {
	t, err := c.target()
	if err != nil {
		return nil, "", err
	}
	arn := c.region.functionArn(t.name)
	if t.qualifier == "" {
		t.qualifier = latest
	} else {
		arn += ":" + t.qualifier
	}
	v, err := c.lookup(t)
	if err != nil {
		return nil, "", err
	}
	if a := v.function.aliases[t.qualifier]; a != nil {
		draw := seededRand(c.region.world.opts.Seed, "route", c.requestID).Float64()
		for number, weight := range a.weights {
			if routed := v.function.version(number); draw < weight && routed != nil {
				v = routed
			}
		}
	}
	return v, arn, nil
}

// invocation checks whether a version can run an event now.
func (w *World) invocation(c *call, v *version, arn, kind string) (Invocation, error) {
	payload, err := c.event(kind)
	if err != nil {
		return Invocation{}, err
	}
	if w.opts.Invoker == nil {
		return Invocation{}, newError(http.StatusNotImplemented, "NotImplementedException",
			"This simulator holds the configuration of functions but does not run them")
	}
	if err := v.runnable(); err != nil {
		return Invocation{}, err
	}
	in := Invocation{
		Function: v.spec.clone(), Account: c.Account, Region: c.Region, Version: v.number, ARN: arn,
		Code: v.code.content, Layers: w.layerContents(v.spec.Layers), Payload: payload, RequestID: c.requestID,
		TraceID: c.header.Get("X-Amzn-Trace-Id"), TenantID: c.header.Get("X-Amz-Tenant-Id"),
	}
	in.Function.Code = nil
	if in.Code == nil {
		standIn, ok := standInFor(v.spec.Runtime, v.spec.Handler)
		if !ok {
			return Invocation{}, errNoCode(v.spec.Runtime)
		}
		in.Code = standIn
	}
	if text, err := base64.StdEncoding.DecodeString(c.header.Get("X-Amz-Client-Context")); err == nil {
		in.ClientContext = string(text)
	}
	return in, nil
}

// event returns the payload of an invocation. Nothing is an empty object.
func (c *call) event(kind string) ([]byte, error) {
	limit := maxSyncPayload
	if kind == invokeAsync {
		limit = maxAsyncPayload
	}
	if len(c.body) > limit {
		return nil, newError(http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			"%d byte payload is too large for the %s invocation type (limit %d bytes)", len(c.body), kind, limit)
	}
	if len(c.body) == 0 {
		return []byte("{}"), nil
	}
	var any json.RawMessage
	if err := json.Unmarshal(c.body, &any); err != nil {
		return nil, newError(http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: Could not parse payload into json: %v", err)
	}
	return c.body, nil
}

// runnable returns AWS's refusal to invoke a version that isn't ready, or nil.
func (v *version) runnable() error {
	s := &v.spec
	switch {
	case s.State != stateActive:
		return errConflict("The operation cannot be performed at this time. The function is currently in the following state: %s", s.State)
	case s.EnvUndecryptable:
		return newError(http.StatusBadGateway, "KMSAccessDeniedException", "Lambda was unable to decrypt the environment variables because KMS access was denied. "+
			"Please check the function's KMS key settings. KMS Exception: AccessDeniedException")
	case s.PackageType == packageImage:
		return newError(http.StatusBadGateway, "InvalidRuntimeException", "This simulator runs zip packages, not container images")
	case v.function.reserved != nil && v.function.running >= *v.function.reserved:
		e := newError(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		e.reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
		return e
	}
	return nil
}

// errNoCode answers for a function that was described without code.
func errNoCode(runtime string) *apiError {
	return newError(http.StatusBadGateway, "InvalidRuntimeException", "The function has no code here, and nothing stands in for the runtime %s", runtime)
}

// layerContents returns the zips of layers, also of deleted ones.
func (w *World) layerContents(arns []string) [][]byte {
	var contents [][]byte
	for _, arn := range arns {
		ref, ok := parseLayerArn(arn)
		if !ok || ref.managed {
			continue
		}
		home := w.region(ref.account, ref.region)
		if home == nil || home.layers[ref.name] == nil {
			continue
		}
		if l := home.layers[ref.name].versions[ref.version]; l != nil && l.code.content != nil {
			contents = append(contents, l.code.content)
		}
	}
	return contents
}

// queue runs an event in the background and answers at once.
// Preconditions: w.mu is held.
func (w *World) queue(f *function, in Invocation) reply {
	w.queued.Go(func() { _, _ = w.runInvocation(context.Background(), f, in) }) // nobody waits for the answer
	return reply{status: http.StatusAccepted, header: http.Header{}}
}

// WaitForEvents returns when the asynchronous invocations that were accepted so
// far have ended.
func (w *World) WaitForEvents() { w.queued.Wait() }

// runInvocation runs an event and counts it.
func (w *World) runInvocation(ctx context.Context, f *function, in Invocation) (Outcome, error) {
	w.addRunning(f, 1)
	out, err := w.opts.Invoker.Invoke(ctx, in)
	w.addRunning(f, -1)
	if err == nil {
		w.observe(in, out)
		return out, nil
	}
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case errors.Is(err, ErrInvokerBusy):
		e := newError(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		e.reason = "ConcurrentInvocationLimitExceeded"
		return out, e
	case errors.Is(err, ErrNoRuntime):
		return out, newError(http.StatusBadGateway, "InvalidRuntimeException", "The runtime %s can't be run on this machine", in.Function.Runtime)
	case errors.Is(err, ErrBadPackage):
		return out, newError(http.StatusBadGateway, "InvalidZipFileException", "Lambda could not unzip the deployment package.")
	}
	return out, err
}

// addRunning counts the invocations of a function that run now.
func (w *World) addRunning(f *function, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.running += n
}

// observe adds an invocation to what CloudWatch has seen.
func (w *World) observe(in Invocation, out Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.services.observed == nil {
		w.services.observed = map[metricsKey]Observed{}
	}
	key := metricsKey{in.Account, in.Region, in.Function.Name}
	o := w.services.observed[key]
	o.Invocations++
	if out.FunctionError != "" {
		o.Errors++
	}
	o.DurationP99Millis = max(o.DurationP99Millis, float64(out.Duration.Microseconds())/1000)
	w.services.observed[key] = o
}

// invokeAnswer renders the answer of a synchronous invocation.
func (c *call) invokeAnswer(executed string, out Outcome) reply {
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set("X-Amz-Executed-Version", executed)
	h.Set("X-Amzn-Remapped-Content-Length", strconv.Itoa(0))
	if out.FunctionError != "" {
		h.Set("X-Amz-Function-Error", out.FunctionError)
	}
	if c.header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(logTail(out.Log)))
	}
	return reply{status: http.StatusOK, header: h, body: slices.Clone(out.Payload)}
}

// logTail returns the end of a log.
func logTail(log []byte) []byte {
	return log[max(0, len(log)-maxLogTail):]
}
