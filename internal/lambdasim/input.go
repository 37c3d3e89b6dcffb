package lambdasim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
)

// functionInput is the body of CreateFunction, UpdateFunctionConfiguration and
// UpdateFunctionCode: a member that is absent or null leaves things alone.
type functionInput struct {
	FunctionName string
	Runtime      *string
	Role         *string
	Handler      *string
	Description  *string
	Timeout      *int
	MemorySize   *int
	PackageType  string
	KMSKeyArn    *string
	RevisionId   string
	Publish      bool
	DryRun       bool
	Tags         map[string]string
	Layers       *[]string

	Architectures          *[]string
	CodeSigningConfigArn   string
	Environment            *environmentInput
	EphemeralStorage       *struct{ Size int }
	DeadLetterConfig       *struct{ TargetArn string }
	TracingConfig          *struct{ Mode string }
	SnapStart              *struct{ ApplyOn string }
	VpcConfig              *vpcInput
	FileSystemConfigs      *[]FileSystem
	ImageConfig            *ImageConfig
	LoggingConfig          *loggingInput
	CapacityProviderConfig *capacityProviderConfig
	DurableConfig          *Durable
	TenancyConfig          *tenancyConfig

	Code *codeInput
	codeInput
}

// codeInput is where code comes from: the Code member of CreateFunction, or
// the body of UpdateFunctionCode.
type codeInput struct {
	ZipFile                          []byte
	S3Bucket, S3Key, S3ObjectVersion string
	ImageUri                         string
}

type vpcInput struct {
	SubnetIds, SecurityGroupIds []string
	Ipv6AllowedForDualStack     bool
}

type loggingInput struct {
	LogFormat, LogGroup, ApplicationLogLevel, SystemLogLevel string
}

type capacityProviderConfig struct {
	LambdaManagedInstancesCapacityProviderConfig struct{ CapacityProviderArn string }
}

type tenancyConfig struct{ TenantIsolationMode string }

// environmentInput is a submitted environment. AWS measures and, in its error,
// prints the variables in the order they came in, so the order is kept.
type environmentInput struct {
	variables map[string]string
	keys      []string
}

// UnmarshalJSON reads {"Variables":{…}}, keeping the order of the variables.
func (e *environmentInput) UnmarshalJSON(data []byte) error {
	var outer struct{ Variables json.RawMessage }
	if err := json.Unmarshal(data, &outer); err != nil {
		return err
	}
	e.variables = map[string]string{}
	if len(outer.Variables) == 0 || bytes.Equal(outer.Variables, []byte("null")) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(outer.Variables))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return errors.Join(errors.New("environment variables must be an object"), err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var value *string
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if value == nil {
			return errors.New("an environment variable can't be null")
		}
		name, _ := key.(string)
		if _, seen := e.variables[name]; !seen {
			e.keys = append(e.keys, name)
		}
		e.variables[name] = *value
	}
	return nil
}

// text returns the variables as the compact JSON that AWS measures.
func (e *environmentInput) text() string {
	b := []byte{'{'}
	for i, key := range e.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quoted(key)...)
		b = append(b, ':')
		b = append(b, quoted(e.variables[key])...)
	}
	return string(append(b, '}'))
}

// quoted returns a JSON string without HTML escapes.
func quoted(s string) []byte {
	text, err := encodeJSON(s)
	if err != nil {
		return []byte(`""`)
	}
	return text
}

// decode reads a JSON body; an empty one is an empty object.
func (c *call) decode(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return &apiError{status: http.StatusBadRequest, code: "SerializationException", message: "Could not parse request body into json: " + err.Error()}
	}
	return nil
}

// decodeFunction reads a function input, once: it may carry 50 MB of code.
func (c *call) decodeFunction() (*functionInput, error) {
	if c.function != nil {
		return c.function, nil
	}
	in := &functionInput{}
	if err := c.decode(in); err != nil {
		return nil, err
	}
	if in.Code == nil {
		in.Code = &in.codeInput
	}
	c.function = in
	return in, nil
}

// assign copies a member that was given.
func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// apply writes the given members into a configuration. Environment and layers
// are replaced whole; logging is merged.
func (in *functionInput) apply(spec *FunctionSpec) {
	assign(&spec.Runtime, in.Runtime)
	assign(&spec.Role, in.Role)
	assign(&spec.Handler, in.Handler)
	assign(&spec.Description, in.Description)
	assign(&spec.Timeout, in.Timeout)
	assign(&spec.Memory, in.MemorySize)
	assign(&spec.KMSKeyArn, in.KMSKeyArn)
	assign(&spec.Layers, in.Layers)
	assign(&spec.Architectures, in.Architectures)
	assign(&spec.FileSystems, in.FileSystemConfigs)
	if in.Environment != nil {
		spec.Env = in.Environment.variables
	}
	if in.EphemeralStorage != nil {
		spec.EphemeralStorage = in.EphemeralStorage.Size
	}
	if in.DeadLetterConfig != nil {
		spec.DeadLetterArn = in.DeadLetterConfig.TargetArn
	}
	if in.TracingConfig != nil {
		spec.TracingMode = in.TracingConfig.Mode
	}
	if in.SnapStart != nil {
		spec.SnapStart = in.SnapStart.ApplyOn
	}
	in.applyPlacement(spec)
	if in.LoggingConfig != nil {
		spec.Logging = in.LoggingConfig.merge(spec.Logging)
	}
}

// applyPlacement writes the members that say where and how a function runs.
func (in *functionInput) applyPlacement(spec *FunctionSpec) {
	if in.VpcConfig != nil {
		spec.VPC = in.VpcConfig.vpc()
	}
	if in.ImageConfig != nil {
		spec.ImageConfig = in.ImageConfig
		if len(in.ImageConfig.Command) == 0 && len(in.ImageConfig.EntryPoint) == 0 && in.ImageConfig.WorkingDirectory == "" {
			spec.ImageConfig = nil
		}
	}
	if in.CapacityProviderConfig != nil {
		spec.CapacityProviderArn = in.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn
	}
	if in.DurableConfig != nil {
		spec.Durable = in.DurableConfig
	}
	if in.TenancyConfig != nil {
		spec.TenantIsolation = in.TenancyConfig.TenantIsolationMode
	}
}

// vpc returns the stored form; the VPC's id follows from the subnets.
func (in *vpcInput) vpc() *VPC {
	v := &VPC{
		SubnetIDs: in.SubnetIds, SecurityGroupIDs: in.SecurityGroupIds,
		IPv6AllowedForDualStack: in.Ipv6AllowedForDualStack,
	}
	if len(in.SubnetIds) > 0 {
		v.VpcID = "vpc-" + uuid(0, "vpc")[:8]
	}
	return v
}

// merge lays the given members over the logging configuration as it is. Levels
// exist for the JSON format only.
func (in *loggingInput) merge(old Logging) Logging {
	if in.LogFormat != "" {
		old.LogFormat = in.LogFormat
	}
	if in.LogGroup != "" {
		old.LogGroup = in.LogGroup
	}
	if old.LogFormat != logFormatJSON {
		old.ApplicationLogLevel, old.SystemLogLevel = "", ""
		return old
	}
	if in.ApplicationLogLevel != "" {
		old.ApplicationLogLevel = in.ApplicationLogLevel
	}
	if in.SystemLogLevel != "" {
		old.SystemLogLevel = in.SystemLogLevel
	}
	return old
}

const (
	logFormatJSON = "JSON"
	packageZip    = "Zip"
	packageImage  = "Image"
)

// withDefaults fills in what AWS fills in.
func (spec FunctionSpec) withDefaults() FunctionSpec {
	fill := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	number := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	number(&spec.Timeout, 3)
	number(&spec.Memory, 128)
	number(&spec.EphemeralStorage, 512)
	fill(&spec.PackageType, packageZip)
	fill(&spec.TracingMode, "PassThrough")
	fill(&spec.SnapStart, "None")
	fill(&spec.Logging.LogFormat, "Text")
	fill(&spec.Logging.LogGroup, "/aws/lambda/"+spec.Name)
	if spec.Logging.LogFormat == logFormatJSON {
		fill(&spec.Logging.ApplicationLogLevel, "INFO")
		fill(&spec.Logging.SystemLogLevel, "INFO")
	}
	if len(spec.Architectures) == 0 {
		spec.Architectures = []string{"x86_64"}
	}
	return spec
}
