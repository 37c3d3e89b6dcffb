package lambdasim

import "time"

// Account describes one AWS account of a world.
type Account struct {
	// ID is the account's twelve digits.
	ID string
	// Alias is the account's name for people; it may be empty.
	Alias string
	// Partition is aws, aws-us-gov, aws-cn…; empty means aws.
	Partition string
	// Regions are the enabled regions, the only ones that answer.
	Regions []string
	// Roles are the roles that AssumeRole may hand out.
	Roles []Role
	// ConcurrencyLimit is the account's concurrent executions; zero means 1000.
	ConcurrencyLimit int
}

// Role describes an IAM role and whom it trusts.
type Role struct {
	// Name and Path make up the ARN; an empty path means "/".
	Name, Path string
	// TrustedAccounts are the account ids that may assume the role.
	TrustedAccounts []string
	// TrustedServices are the service principals that may assume the role.
	TrustedServices []string
	// ExternalID, when set, must be presented to assume the role.
	ExternalID string
}

// FunctionSpec is the configuration of one function as its owner sees it.
// The zero value of a field is AWS's default for it.
type FunctionSpec struct {
	Name        string
	Description string
	// Runtime and Handler are empty for images.
	Runtime, Handler string
	// Role is the execution role's ARN.
	Role string
	// Timeout is in seconds; zero means 3.
	Timeout int
	// Memory is in MB; zero means 128.
	Memory int
	// EphemeralStorage is in MB; zero means 512.
	EphemeralStorage int
	// PackageType is Zip or Image; empty means Zip.
	PackageType string
	// ImageURI is set for images.
	ImageURI string
	// Architectures holds x86_64 or arm64; empty means x86_64.
	Architectures []string
	// Env holds the true environment variables, also when EnvUndecryptable
	// hides them from callers. Nil means that the function has no environment.
	Env map[string]string
	// EnvUndecryptable makes answers carry Environment.Error in place of the
	// variables, as when the caller may not use the customer's key.
	EnvUndecryptable bool
	KMSKeyArn        string
	// Layers are layer version ARNs in their order.
	Layers []string
	// Tags belong to the function, not to its configuration.
	Tags map[string]string
	// TracingMode is Active or PassThrough; empty means PassThrough.
	TracingMode string
	// DeadLetterArn is the target of DeadLetterConfig.
	DeadLetterArn string
	VPC           *VPC
	FileSystems   []FileSystem
	ImageConfig   *ImageConfig
	Logging       Logging
	// SnapStart is PublishedVersions or None; empty means None.
	SnapStart string
	// CapacityProviderArn puts the function on Managed Instances.
	CapacityProviderArn string
	// Durable is set for durable functions.
	Durable *Durable
	// TenantIsolation is the tenancy mode, PER_TENANT or empty.
	TenantIsolation string
	// MasterArn marks a Lambda@Edge replica.
	MasterArn string
	// CodeSigningConfigArn is the signing configuration of the function.
	CodeSigningConfigArn string
	// SigningProfileVersionArn and SigningJobArn are set on signed code.
	SigningProfileVersionArn, SigningJobArn string
	// ReservedConcurrency is nil when none is reserved.
	ReservedConcurrency *int
	// CodeSize is the archive's size in bytes; UnzippedSize is what its
	// central directory declares. Zero sizes are those of a tiny archive.
	CodeSize, UnzippedSize int64
	// Code is the real archive; when empty a synthetic one is described by the
	// two sizes and shared between functions.
	Code []byte
	// State, StateReason and StateReasonCode are for functions that are not
	// Active, such as Inactive or Failed ones. Empty means Active.
	State, StateReason, StateReasonCode string
	// LastUpdateStatus and its reasons: empty means Successful. InProgress in
	// a seeded function lasts for ever, like another deployer's stuck update.
	LastUpdateStatus, LastUpdateStatusReason, LastUpdateStatusReasonCode string
	// LastModified is when the configuration was last written; zero means now.
	LastModified time.Time
	// Versions is how many versions PutFunction publishes from this spec.
	Versions int
	// Aliases maps alias names to versions ("1", "$LATEST").
	Aliases map[string]string
}

// VPC is a function's VpcConfig.
type VPC struct {
	SubnetIDs, SecurityGroupIDs []string
	VpcID                       string
	IPv6AllowedForDualStack     bool
}

// FileSystem is one entry of FileSystemConfigs.
type FileSystem struct {
	Arn, LocalMountPath string
}

// ImageConfig overrides an image's own settings.
type ImageConfig struct {
	Command, EntryPoint []string
	WorkingDirectory    string
}

// Logging is a function's LoggingConfig; empty fields are AWS's defaults.
type Logging struct {
	LogFormat, LogGroup, ApplicationLogLevel, SystemLogLevel string
}

// Durable is a function's DurableConfig: both times are as AWS gives them, in
// days for the retention and in seconds for the execution.
type Durable struct {
	RetentionPeriodInDays, ExecutionTimeout int
}

// LayerSpec describes a layer version to put into a world.
type LayerSpec struct {
	Name, Description, LicenseInfo string
	// Version is the version's number; zero is the next one.
	Version int
	// Content is the real archive; when empty, CodeSize and UnzippedSize
	// describe a synthetic one.
	Content                []byte
	CodeSize, UnzippedSize int64
	Runtimes               []string
	Architectures          []string
	// SigningProfileVersionArn and SigningJobArn are set on signed layers.
	SigningProfileVersionArn, SigningJobArn string
	// SharedWith are account ids that may read the version; "*" is everyone.
	SharedWith []string
	// Deleted versions keep working where they are held and can't be attached.
	Deleted bool
}

// FunctionState is everything the world knows of a function: for assertions.
// The embedded spec has every default filled in.
type FunctionState struct {
	FunctionSpec
	Account, Region, ARN string
	// Version is $LATEST.
	Version    string
	RevisionID string
	CodeSha256 string
	// LayerDetails has an entry for each of Layers.
	LayerDetails []LayerDetail
	// Published are the published versions in ascending order.
	Published []VersionState
	// AliasStates are the aliases by name.
	AliasStates map[string]AliasState
	// Policy is the resource policy's JSON, empty when there is none.
	Policy string
}

// LayerDetail is what a function's configuration says of one of its layers.
type LayerDetail struct {
	Arn                                     string
	CodeSize                                int64
	SigningProfileVersionArn, SigningJobArn string
}

// VersionState is a published version, frozen.
type VersionState struct {
	FunctionSpec
	Version, ARN, RevisionID, CodeSha256 string
}

// AliasState is an alias of a function.
type AliasState struct {
	Name, ARN, FunctionVersion, Description, RevisionID string
	// Weights maps further versions to their share of the traffic, 0 to 1.
	Weights map[string]float64
}
