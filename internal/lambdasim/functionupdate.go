package lambdasim

import (
	"net/http"
)

// updateFunctionConfiguration answers UpdateFunctionConfiguration. Environment
// and Layers are replaced whole when present and left alone when absent; every
// layer of a submitted list is authorised anew.
func updateFunctionConfiguration(_ *World, c *call) (reply, error) {
	if len(c.body) > maxUpdateRequest {
		return reply{}, errTooLarge("Request must be smaller than %d bytes for the UpdateFunctionConfiguration operation", maxUpdateRequest)
	}
	in, err := c.decodeFunction()
	if err != nil {
		return reply{}, err
	}
	var v violations
	in.constraints(&v)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	f, err := c.changeable(in.RevisionId)
	if err != nil {
		return reply{}, err
	}
	next, err := c.configured(f, in)
	if err != nil {
		return reply{}, err
	}
	c.replaceLatest(f, next)
	return jsonReply(http.StatusOK, f.latest.detail(c.region.functionArn(f.name)))
}

// changeable returns the function that an update addresses, refusing versions,
// a stale RevisionId and functions that are still changing.
func (c *call) changeable(revision string) (*function, error) {
	t, err := c.target()
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" && t.qualifier != latest {
		return nil, errInvalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
			"Please specify either a function name or an unqualified function ARN.")
	}
	f := c.region.find(t.name, c.now)
	if f == nil {
		return nil, errNotFound("Function not found: %s", c.region.functionArn(t.name))
	}
	if revision != "" && revision != f.latest.revision {
		return nil, errPrecondition("GetFunction/GetAlias")
	}
	if f.latest.busy() {
		return nil, f.errBusy()
	}
	return f, nil
}

// configured returns $LATEST as an update would leave it, or AWS's refusal.
func (c *call) configured(f *function, in *functionInput) (*version, error) {
	if err := in.checkSettings(); err != nil {
		return nil, err
	}
	if f.latest.spec.PackageType == packageImage && (in.Runtime != nil || in.Handler != nil || in.Layers != nil && len(*in.Layers) > 0) {
		return nil, errImageMembers()
	}
	next := *f.latest
	next.spec = f.latest.spec.clone()
	in.apply(&next.spec)
	next.spec = next.spec.withDefaults()
	if err := checkRuntime(next.spec.Runtime); err != nil {
		return nil, err
	}
	if in.Layers == nil {
		return &next, nil
	}
	var err error
	if next.layers, err = c.authorizeLayers(*in.Layers); err != nil {
		return nil, err
	}
	if err := c.region.checkTotalSize(next.code, next.spec.Layers); err != nil {
		return nil, err
	}
	return &next, f.checkSignatures(&next, false)
}

// replaceLatest starts the update of $LATEST to its next form.
func (c *call) replaceLatest(f *function, next *version) {
	var previous *version
	if c.updateFails {
		old := *f.latest
		previous = &old
	}
	f.latest = next
	f.latest.startUpdate(c.now, previous)
}

// updateFunctionCode answers UpdateFunctionCode.
func updateFunctionCode(_ *World, c *call) (reply, error) {
	in, err := c.decodeFunction()
	if err != nil {
		return reply{}, err
	}
	var v violations
	in.constraints(&v)
	if err := v.err(); err != nil {
		return reply{}, err
	}
	f, err := c.changeable(in.RevisionId)
	if err != nil {
		return reply{}, err
	}
	next, err := c.recoded(f, in)
	if err != nil {
		return reply{}, err
	}
	if in.DryRun {
		return jsonReply(http.StatusOK, f.latest.detail(c.region.functionArn(f.name)))
	}
	if in.Publish {
		return c.updateAndPublish(f, next)
	}
	c.replaceLatest(f, next)
	return jsonReply(http.StatusOK, f.latest.detail(c.region.functionArn(f.name)))
}

// recoded returns $LATEST as a code update would leave it, or AWS's refusal.
func (c *call) recoded(f *function, in *functionInput) (*version, error) {
	spec := &f.latest.spec
	if spec.PackageType == packageImage && in.Code.ImageUri == "" {
		return nil, errInvalid("Please provide ImageUri when updating a function with packageType Image.")
	}
	if spec.PackageType == packageZip && in.Code.ImageUri != "" {
		return nil, errInvalid("Please don't provide ImageUri when updating a function with packageType Zip.")
	}
	if err := checkRuntime(spec.Runtime); err != nil {
		return nil, err
	}
	code, err := in.Code.archive(spec.PackageType)
	if err != nil {
		return nil, err
	}
	next := *f.latest
	next.spec = spec.clone()
	next.code = code
	next.spec.Code, next.spec.ImageURI = nil, in.Code.ImageUri
	next.spec.SigningProfileVersionArn, next.spec.SigningJobArn = "", ""
	assign(&next.spec.Architectures, in.Architectures)
	if err := c.region.checkTotalSize(code, next.spec.Layers); err != nil {
		return nil, err
	}
	return &next, f.checkSignatures(&next, true)
}

// updateAndPublish replaces the code and publishes it at once: the answer is
// the new version, which starts Pending.
func (c *call) updateAndPublish(f *function, next *version) (reply, error) {
	f.latest = next
	f.latest.modified = c.now
	published := f.publish("", c.now)
	published.startCreation(c.now)
	f.latest.startUpdate(c.now, nil)
	f.latest.published = published.number
	return jsonReply(http.StatusOK, published.detail(c.region.functionArn(f.name)+":"+published.number))
}
