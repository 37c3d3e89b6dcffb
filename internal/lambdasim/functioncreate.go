package lambdasim

import (
	"net/http"
	"strconv"
)

// createFunction answers CreateFunction.
func createFunction(_ *World, c *call) (reply, error) {
	if len(c.body) > maxCreateRequest {
		return reply{}, errTooLarge("Request must be smaller than %d bytes for the CreateFunction operation", maxCreateRequest)
	}
	in, err := c.decodeFunction()
	if err != nil {
		return reply{}, err
	}
	name, err := c.checkCreate(in)
	if err != nil {
		return reply{}, err
	}
	code, err := in.Code.archive(in.PackageType)
	if err != nil {
		return reply{}, err
	}
	f := newFunction(c.region, name)
	spec := FunctionSpec{Name: name, PackageType: in.PackageType, ImageURI: in.Code.ImageUri}
	in.apply(&spec)
	v := &version{function: f, spec: spec.withDefaults(), number: latest, code: code, modified: c.now}
	if in.Layers != nil {
		if v.layers, err = c.authorizeLayers(*in.Layers); err != nil {
			return reply{}, err
		}
	}
	if err := c.region.checkTotalSize(v.code, v.spec.Layers); err != nil {
		return reply{}, err
	}
	if err := f.sign(in.CodeSigningConfigArn, v); err != nil {
		return reply{}, err
	}
	for key, value := range in.Tags {
		f.tags[key] = value
	}
	f.latest = v
	c.region.add(f)
	v.startCreation(c.now)
	answer := v.detail(c.region.functionArn(name))
	if in.Publish {
		published := f.publish("", c.now)
		published.startCreation(c.now)
		v.published = published.number
		answer.Version = published.number
	}
	return jsonReply(http.StatusCreated, answer)
}

// sign gives a new function its code signing configuration, if it has one.
func (f *function) sign(config string, v *version) error {
	if config == "" {
		return nil
	}
	arn, err := f.region.knownSigningConfig(config)
	if err != nil {
		return err
	}
	f.signing = arn
	return f.checkSignatures(v, true)
}

// checkCreate validates an input for CreateFunction and returns the bare name.
func (c *call) checkCreate(in *functionInput) (string, error) {
	var v violations
	v.maxLength(in.FunctionName, "functionName", 140)
	v.pattern(in.FunctionName, "functionName", functionPattern)
	in.constraints(&v)
	if in.Role == nil {
		v = append(v, "Value null at 'role' failed to satisfy constraint: Member must not be null")
	}
	if err := v.err(); err != nil {
		return "", err
	}
	ref, _ := parseFunctionRef(in.FunctionName)
	if ref.account != "" && ref.account != c.Account {
		return "", &apiError{status: http.StatusForbidden, code: "AccessDeniedException"}
	}
	if err := c.reachable(ref, in.FunctionName); err != nil {
		return "", err
	}
	if len(ref.name) > 64 {
		return "", errInvalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: "+
			"Member must have length less than or equal to 64", ref.name)
	}
	if err := in.checkSettings(); err != nil {
		return "", err
	}
	if err := checkTags(len(in.Tags)); err != nil {
		return "", err
	}
	if err := in.checkPackage(); err != nil {
		return "", err
	}
	if c.region.functions[ref.name] != nil {
		return "", errConflict("Function already exist: %s", ref.name)
	}
	return ref.name, nil
}

// checkPackage refuses members that don't fit the package type.
func (in *functionInput) checkPackage() error {
	if in.PackageType == packageImage {
		if in.Runtime != nil || in.Handler != nil || in.Layers != nil && len(*in.Layers) > 0 {
			return errImageMembers()
		}
		return nil
	}
	if in.Runtime == nil || in.Handler == nil {
		return errInvalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	return nil
}

// archive reads the code of a creation or of a code update.
func (in *codeInput) archive(packageType string) (*archive, error) {
	switch {
	case packageType == packageImage:
		if in.ImageUri == "" {
			return nil, errInvalid("Please provide ImageUri when creating a function with packageType Image.")
		}
		return imageArchive(in.ImageUri), nil
	case in.S3Bucket != "":
		return nil, errInvalid("Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")
	case len(in.ZipFile) > maxZipped:
		return nil, errTooLarge("Zipped size must be smaller than %d bytes", maxZipped)
	}
	a, ok := readArchive(in.ZipFile)
	if !ok {
		return nil, errInvalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	if a.unzipped > maxUnzipped {
		return nil, errInvalid("Unzipped size must be smaller than %d bytes", maxUnzipped)
	}
	return a, nil
}

// resolvedImage returns the digest form of an image's URI.
func resolvedImage(uri, sha string) string {
	end := len(uri)
	for i := len(uri) - 1; i >= 0 && uri[i] != '/'; i-- {
		if uri[i] == ':' || uri[i] == '@' {
			end = i
		}
	}
	return uri[:end] + "@sha256:" + sha
}

// versionNumber prints the number of a published version.
func versionNumber(n int) string { return strconv.Itoa(n) }
