package lambdasim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// signingConfig is a code signing configuration.
type signingConfig struct {
	ID                string `json:"CodeSigningConfigId"`
	Arn               string `json:"CodeSigningConfigArn"`
	Description       string
	AllowedPublishers struct {
		SigningProfileVersionArns []string
	}
	CodeSigningPolicies struct{ UntrustedArtifactOnDeployment string }
	LastModified        string
}

// signingInput is the body of Create- and UpdateCodeSigningConfig.
type signingInput struct {
	Description       *string
	AllowedPublishers *struct {
		SigningProfileVersionArns []string
	}
	CodeSigningPolicies *struct{ UntrustedArtifactOnDeployment string }
}

// apply writes the given members.
func (in *signingInput) apply(s *signingConfig, now time.Time) {
	assign(&s.Description, in.Description)
	if in.AllowedPublishers != nil {
		s.AllowedPublishers.SigningProfileVersionArns = in.AllowedPublishers.SigningProfileVersionArns
	}
	if in.CodeSigningPolicies != nil {
		s.CodeSigningPolicies.UntrustedArtifactOnDeployment = in.CodeSigningPolicies.UntrustedArtifactOnDeployment
	}
	s.LastModified = now.UTC().Format(lastModifiedFormat)
}

type signingAnswer struct{ CodeSigningConfig *signingConfig }

// createCodeSigningConfig answers CreateCodeSigningConfig.
func createCodeSigningConfig(w *World, c *call) (reply, error) {
	in, err := c.decodeSigning()
	if err != nil {
		return reply{}, err
	}
	n := strconv.Itoa(len(c.region.signing) + c.Index)
	s := &signingConfig{ID: "csc-" + hexOnly(uuid(w.opts.Seed, "csc", c.Account, c.Region, n))[:17]}
	s.Arn = "arn:" + c.account.partition() + ":lambda:" + c.Region + ":" + c.Account + ":code-signing-config:" + s.ID
	s.CodeSigningPolicies.UntrustedArtifactOnDeployment = "Warn"
	in.apply(s, c.now)
	c.region.signing[s.Arn] = s
	return jsonReply(http.StatusCreated, signingAnswer{s})
}

// decodeSigning reads and checks the body of a code signing configuration.
func (c *call) decodeSigning() (*signingInput, error) {
	in := &signingInput{}
	if err := c.decode(in); err != nil {
		return nil, err
	}
	var v violations
	if in.CodeSigningPolicies != nil {
		v.oneOf(in.CodeSigningPolicies.UntrustedArtifactOnDeployment,
			"codeSigningPolicies.untrustedArtifactOnDeployment", []string{"Warn", "Enforce"})
	}
	return in, v.err()
}

// signingConfig returns the configuration that a call's path names.
func (c *call) signingConfig() (*signingConfig, error) {
	arn := c.params["CodeSigningConfigArn"]
	s := c.region.signing[arn]
	if s == nil {
		e := errNotFound("The Lambda code signing configuration %s can not be found.", arn)
		e.sender = ""
		return nil, e
	}
	return s, nil
}

// getCodeSigningConfig answers GetCodeSigningConfig.
func getCodeSigningConfig(_ *World, c *call) (reply, error) {
	s, err := c.signingConfig()
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, signingAnswer{s})
}

// updateCodeSigningConfig answers UpdateCodeSigningConfig.
func updateCodeSigningConfig(_ *World, c *call) (reply, error) {
	in, err := c.decodeSigning()
	if err != nil {
		return reply{}, err
	}
	s, err := c.signingConfig()
	if err != nil {
		return reply{}, err
	}
	in.apply(s, c.now)
	return jsonReply(http.StatusOK, signingAnswer{s})
}

// deleteCodeSigningConfig answers DeleteCodeSigningConfig.
func deleteCodeSigningConfig(_ *World, c *call) (reply, error) {
	s, err := c.signingConfig()
	if err != nil {
		return reply{}, err
	}
	for _, f := range c.region.functions {
		if f.signing == s.Arn {
			return reply{}, errConflict("Cannot delete the code signing configuration: it is in use by functions.")
		}
	}
	delete(c.region.signing, s.Arn)
	return noContent(), nil
}

// listCodeSigningConfigs answers ListCodeSigningConfigs.
func listCodeSigningConfigs(_ *World, c *call) (reply, error) {
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	items := []*signingConfig{}
	next := ""
	for _, arn := range slices.Sorted(maps.Keys(c.region.signing)) {
		if arn <= after {
			continue
		}
		if len(items) == limit {
			next = marker(items[limit-1].Arn)
			break
		}
		items = append(items, c.region.signing[arn])
	}
	return jsonReply(http.StatusOK, struct {
		CodeSigningConfigs []*signingConfig
		NextMarker         string `json:",omitempty"`
	}{items, next})
}

// listFunctionsByCodeSigningConfig answers ListFunctionsByCodeSigningConfig.
func listFunctionsByCodeSigningConfig(_ *World, c *call) (reply, error) {
	s, err := c.signingConfig()
	if err != nil {
		return reply{}, err
	}
	after, limit, err := c.page()
	if err != nil {
		return reply{}, err
	}
	arns, next, last := []string{}, "", ""
	for _, name := range c.region.sortedNames() {
		if name <= after || c.region.functions[name].signing != s.Arn {
			continue
		}
		if len(arns) == limit {
			next = marker(last)
			break
		}
		arns, last = append(arns, c.region.functionArn(name)), name
	}
	return jsonReply(http.StatusOK, struct {
		FunctionArns []string
		NextMarker   string `json:",omitempty"`
	}{arns, next})
}

// functionSigningJSON is the answer of the function's code signing calls.
type functionSigningJSON struct{ CodeSigningConfigArn, FunctionName string }

// getFunctionCodeSigningConfig answers GetFunctionCodeSigningConfig.
func getFunctionCodeSigningConfig(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	if f.signing == "" {
		return jsonReply(http.StatusOK, struct{}{})
	}
	return jsonReply(http.StatusOK, functionSigningJSON{f.signing, f.name})
}

// putFunctionCodeSigningConfig answers PutFunctionCodeSigningConfig.
func putFunctionCodeSigningConfig(_ *World, c *call) (reply, error) {
	var in struct{ CodeSigningConfigArn string }
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	arn, err := c.region.knownSigningConfig(in.CodeSigningConfigArn)
	if err != nil {
		return reply{}, err
	}
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	f.signing = arn
	return jsonReply(http.StatusOK, functionSigningJSON{f.signing, f.name})
}

// deleteFunctionCodeSigningConfig answers DeleteFunctionCodeSigningConfig.
func deleteFunctionCodeSigningConfig(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	f.signing = ""
	return noContent(), nil
}

// knownSigningConfig refuses the ARN of a configuration that isn't there.
func (r *region) knownSigningConfig(arn string) (string, error) {
	if r.signing[arn] == nil {
		e := newError(http.StatusNotFound, "CodeSigningConfigNotFoundException",
			"The code signing configuration cannot be found. Check that the provided configuration is not deleted: %s.", arn)
		e.upperMessage = true
		return "", e
	}
	return arn, nil
}

// checkSignatures refuses what isn't signed by an allowed profile when the
// function's configuration enforces it. Code is checked when it is new, layers
// always.
func (f *function) checkSignatures(next *version, newCode bool) error {
	s := f.region.signing[f.signing]
	if s == nil || s.CodeSigningPolicies.UntrustedArtifactOnDeployment != "Enforce" {
		return nil
	}
	allowed := func(profile string) bool {
		return slices.Contains(s.AllowedPublishers.SigningProfileVersionArns, profile)
	}
	trusted := !newCode || allowed(next.spec.SigningProfileVersionArn)
	for _, l := range next.layers {
		trusted = trusted && allowed(l.SigningProfileVersionArn)
	}
	if trusted {
		return nil
	}
	return newError(http.StatusBadRequest, "CodeVerificationFailedException",
		"Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. "+
			"Check the provided signature for %s.", f.name)
}
