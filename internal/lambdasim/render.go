package lambdasim

// configurationJSON is a function's configuration as AWS sends it.
type configurationJSON struct {
	FunctionName               string
	FunctionArn                string
	Runtime                    string `json:",omitempty"`
	Role                       string
	Handler                    string `json:",omitempty"`
	CodeSize                   int64
	Description                string
	Timeout                    int
	MemorySize                 int
	LastModified               string
	CodeSha256                 string
	Version                    string
	VpcConfig                  *vpcJSON         `json:",omitempty"`
	DeadLetterConfig           *deadLetterJSON  `json:",omitempty"`
	Environment                *environmentJSON `json:",omitempty"`
	KMSKeyArn                  string           `json:",omitempty"`
	TracingConfig              tracingJSON
	MasterArn                  string       `json:",omitempty"`
	RevisionID                 string       `json:"RevisionId"`
	Layers                     []layerJSON  `json:",omitempty"`
	State                      string       `json:",omitempty"`
	StateReason                string       `json:",omitempty"`
	StateReasonCode            string       `json:",omitempty"`
	LastUpdateStatus           string       `json:",omitempty"`
	LastUpdateStatusReason     string       `json:",omitempty"`
	LastUpdateStatusReasonCode string       `json:",omitempty"`
	FileSystemConfigs          []FileSystem `json:",omitempty"`
	PackageType                string
	ImageConfigResponse        *imageConfigJSON `json:",omitempty"`
	SigningProfileVersionArn   string           `json:",omitempty"`
	SigningJobArn              string           `json:",omitempty"`
	Architectures              []string
	EphemeralStorage           struct{ Size int }
	SnapStart                  snapStartJSON
	RuntimeVersionConfig       *runtimeVersionJSON `json:",omitempty"`
	LoggingConfig              loggingJSON
	CapacityProviderConfig     *capacityProviderConfig `json:",omitempty"`
	DurableConfig              *Durable                `json:",omitempty"`
	TenancyConfig              *tenancyConfig          `json:",omitempty"`
}

type vpcJSON struct {
	SubnetIDs               []string `json:"SubnetIds"`
	SecurityGroupIDs        []string `json:"SecurityGroupIds"`
	VpcID                   string   `json:"VpcId"`
	Ipv6AllowedForDualStack bool
}

type deadLetterJSON struct{ TargetArn string }

type tracingJSON struct{ Mode string }

type environmentJSON struct {
	Variables *map[string]string    `json:",omitempty"`
	Error     *environmentErrorJSON `json:",omitempty"`
}

type environmentErrorJSON struct{ ErrorCode, Message string }

type layerJSON struct {
	Arn                      string
	CodeSize                 int64
	SigningProfileVersionArn string `json:",omitempty"`
	SigningJobArn            string `json:",omitempty"`
}

type imageConfigJSON struct{ ImageConfig imageOverridesJSON }

type imageOverridesJSON struct {
	EntryPoint       []string `json:",omitempty"`
	Command          []string `json:",omitempty"`
	WorkingDirectory string   `json:",omitempty"`
}

type snapStartJSON struct{ ApplyOn, OptimizationStatus string }

type runtimeVersionJSON struct{ RuntimeVersionArn string }

type loggingJSON struct {
	LogFormat           string
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
	LogGroup            string
}

// lastModifiedFormat is how Lambda prints times in configurations and layers.
const lastModifiedFormat = "2006-01-02T15:04:05.000-0700"

// configuration renders a version as listings show it, under the given ARN.
func (v *version) configuration(arn string) configurationJSON {
	s := &v.spec
	c := configurationJSON{
		FunctionName: v.function.name, FunctionArn: arn,
		Runtime: s.Runtime, Role: s.Role, Handler: s.Handler,
		CodeSize: v.code.size, CodeSha256: v.code.sha256,
		Description: s.Description, Timeout: s.Timeout, MemorySize: s.Memory,
		LastModified: v.modified.UTC().Format(lastModifiedFormat),
		Version:      v.number,
		KMSKeyArn:    s.KMSKeyArn, MasterArn: s.MasterArn, RevisionID: v.revision,
		TracingConfig:            tracingJSON{s.TracingMode},
		PackageType:              s.PackageType,
		SigningProfileVersionArn: s.SigningProfileVersionArn, SigningJobArn: s.SigningJobArn,
		Architectures:     s.Architectures,
		SnapStart:         v.snapStart(),
		LoggingConfig:     loggingJSON{s.Logging.LogFormat, s.Logging.ApplicationLogLevel, s.Logging.SystemLogLevel, s.Logging.LogGroup},
		FileSystemConfigs: s.FileSystems,
		Environment:       v.environment(),
		DurableConfig:     s.Durable,
	}
	c.EphemeralStorage.Size = s.EphemeralStorage
	for _, l := range v.layers {
		c.Layers = append(c.Layers, layerJSON(l))
	}
	v.addOptional(&c)
	return c
}

// addOptional renders the structures that most functions don't have.
func (v *version) addOptional(c *configurationJSON) {
	s := &v.spec
	if s.DeadLetterArn != "" {
		c.DeadLetterConfig = &deadLetterJSON{s.DeadLetterArn}
	}
	if s.VPC != nil {
		c.VpcConfig = &vpcJSON{
			SubnetIDs: notNil(s.VPC.SubnetIDs), SecurityGroupIDs: notNil(s.VPC.SecurityGroupIDs),
			VpcID: s.VPC.VpcID, Ipv6AllowedForDualStack: s.VPC.IPv6AllowedForDualStack,
		}
	}
	if s.ImageConfig != nil {
		c.ImageConfigResponse = &imageConfigJSON{imageOverridesJSON{
			EntryPoint: s.ImageConfig.EntryPoint, Command: s.ImageConfig.Command, WorkingDirectory: s.ImageConfig.WorkingDirectory,
		}}
	}
	if s.CapacityProviderArn != "" {
		c.CapacityProviderConfig = &capacityProviderConfig{}
		c.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn = s.CapacityProviderArn
	}
	if s.TenantIsolation != "" {
		c.TenancyConfig = &tenancyConfig{s.TenantIsolation}
	}
}

// detail adds what listings leave out: the states and the runtime version.
func (v *version) detail(arn string) configurationJSON {
	c := v.configuration(arn)
	c.State, c.StateReason, c.StateReasonCode = v.spec.State, v.spec.StateReason, v.spec.StateReasonCode
	c.LastUpdateStatus = v.spec.LastUpdateStatus
	c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = v.spec.LastUpdateStatusReason, v.spec.LastUpdateStatusReasonCode
	if v.spec.Runtime != "" {
		r := v.function.region
		id := uuid(0, "runtime", v.spec.Runtime) + uuid(1, "runtime", v.spec.Runtime)
		c.RuntimeVersionConfig = &runtimeVersionJSON{
			"arn:" + r.account.partition() + ":lambda:" + r.name + "::runtime:" + hexOnly(id),
		}
	}
	return c
}

// environment renders the variables, or the error that stands in for them.
func (v *version) environment() *environmentJSON {
	if v.spec.EnvUndecryptable {
		return &environmentJSON{Error: &environmentErrorJSON{
			ErrorCode: "AccessDeniedException",
			Message: "Lambda was unable to decrypt your environment variables because the KMS access was denied. " +
				"Please check your KMS permissions. KMS Exception: AccessDeniedException",
		}}
	}
	if v.spec.Env == nil {
		return nil
	}
	return &environmentJSON{Variables: &v.spec.Env}
}

// snapStart renders SnapStart: snapshots exist for published versions only.
func (v *version) snapStart() snapStartJSON {
	status := "Off"
	if v.spec.SnapStart == "PublishedVersions" && v.number != latest {
		status = "On"
	}
	return snapStartJSON{v.spec.SnapStart, status}
}

// notNil makes a nil slice an empty one, which JSON tells apart.
func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// hexOnly takes the dashes off a uuid.
func hexOnly(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range []byte(s) {
		if c != '-' {
			b = append(b, c)
		}
	}
	return string(b)
}
