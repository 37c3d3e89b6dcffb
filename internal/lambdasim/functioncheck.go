package lambdasim

import (
	"slices"
	"strings"
)

// Limits of a function's configuration.
const (
	maxEnvironment   = 4096
	maxUpdateRequest = 5120
	maxUnzipped      = 262_144_000
	maxZipped        = 52_428_800
	maxCreateRequest = 70_167_211
	maxMemory        = 10_240
	maxTimeout       = 900
	maxTags          = 50
)

// currentRuntimes may be used in creations and updates, in AWS's own order.
func currentRuntimes() []string {
	return []string{
		"nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
		"python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
		"nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
	}
}

// blockedRuntimes existed once; functions on them can't be changed any more.
func blockedRuntimes() []string {
	return []string{
		"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
		"python2.7", "python3.6", "python3.7", "java8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1",
		"ruby2.5", "ruby2.7", "go1.x", "provided",
	}
}

// reservedVariables are the names that Lambda sets itself.
func reservedVariables() []string {
	return []string{
		"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
	}
}

// constraints collects what the front door finds wrong with an input.
func (in *functionInput) constraints(v *violations) {
	if in.Role != nil {
		v.pattern(*in.Role, "role", rolePattern)
	}
	if in.Handler != nil {
		v.maxLength(*in.Handler, "handler", 128)
		v.pattern(*in.Handler, "handler", `[^\s]+`)
	}
	if in.Description != nil {
		v.maxLength(*in.Description, "description", 256)
	}
	v.between(in.MemorySize, "memorySize", 128, 32_768)
	v.between(in.Timeout, "timeout", 1, maxTimeout)
	v.oneOf(in.PackageType, "packageType", []string{packageImage, packageZip})
	if in.EphemeralStorage != nil {
		v.between(&in.EphemeralStorage.Size, "ephemeralStorage.size", 512, 10_240)
	}
	if in.SnapStart != nil {
		v.oneOf(in.SnapStart.ApplyOn, "snapStart.applyOn", []string{"PublishedVersions", "None"})
	}
	if in.TracingConfig != nil {
		v.oneOf(in.TracingConfig.Mode, "tracingConfig.mode", []string{"Active", "PassThrough"})
	}
	in.listConstraints(v)
	in.vpcConstraints(v)
	in.loggingConstraints(v)
}

// listConstraints checks the members that are lists and maps.
func (in *functionInput) listConstraints(v *violations) {
	if in.Architectures != nil {
		v.architectures(*in.Architectures, "architectures")
	}
	if in.Layers != nil {
		for _, arn := range *in.Layers {
			if len(arn) > 2048 || !fullMatch(layerArnPattern, arn) {
				v.add(bracketed(*in.Layers), "layers", "Member must satisfy constraint: [Member must have length less than or equal to 2048, "+
					"Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "+layerArnPattern+", Member must not be null]")
				break
			}
		}
	}
	if in.Environment != nil {
		for _, key := range in.Environment.keys {
			if !fullMatch(envKeyPattern, key) {
				v.addSecret("environment.variables", "Map keys must satisfy constraint: "+
					"[Member must satisfy regular expression pattern: "+envKeyPattern+", Member must not be null]")
				break
			}
		}
	}
}

// architectures checks a list of architectures: known values, one at most
// where AWS wants one.
func (v *violations) architectures(list []string, field string) {
	if field == "architectures" && len(list) > 1 {
		v.add(bracketed(list), field, "Member must have length less than or equal to 1")
		return
	}
	for _, a := range list {
		if a != "x86_64" && a != "arm64" {
			v.add(bracketed(list), field, "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
			return
		}
	}
}

// vpcConstraints checks the form of subnet and security group ids.
func (in *functionInput) vpcConstraints(v *violations) {
	if in.VpcConfig == nil {
		return
	}
	check := func(list []string, field, pattern string) {
		for _, id := range list {
			if !fullMatch(pattern, id) {
				v.add(bracketed(list), field, "Member must satisfy constraint: [Member must have length less than or equal to 1024, "+
					"Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: "+pattern+"]")
				return
			}
		}
	}
	check(in.VpcConfig.SubnetIds, "vpcConfig.subnetIds", "subnet-[0-9a-z]*")
	check(in.VpcConfig.SecurityGroupIds, "vpcConfig.securityGroupIds", "sg-[0-9a-zA-Z]*")
}

// loggingConstraints checks the values of LoggingConfig.
func (in *functionInput) loggingConstraints(v *violations) {
	if l := in.LoggingConfig; l != nil {
		v.oneOf(l.LogFormat, "loggingConfig.logFormat", []string{logFormatJSON, "Text"})
		v.oneOf(l.ApplicationLogLevel, "loggingConfig.applicationLogLevel", []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"})
		v.oneOf(l.SystemLogLevel, "loggingConfig.systemLogLevel", []string{"DEBUG", "INFO", "WARN"})
	}
}

// bracketed prints a list as AWS's messages do.
func bracketed(list []string) string {
	return "[" + strings.Join(list, ", ") + "]"
}

// checkRuntime refuses runtimes that never were or that are blocked.
func checkRuntime(runtime string) error {
	if runtime == "" || slices.Contains(currentRuntimes(), runtime) {
		return nil
	}
	if slices.Contains(blockedRuntimes(), runtime) {
		return errInvalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. "+
			"We recommend you use a supported runtime while creating or updating functions.", runtime)
	}
	return errInvalid("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: %s or be a valid ARN",
		runtime, bracketed(currentRuntimes()))
}

// check refuses environments with reserved names or beyond the limit. The
// error repeats the whole environment, as AWS's does.
func (e *environmentInput) check() error {
	if e == nil {
		return nil
	}
	var reserved []string
	for _, key := range e.keys {
		if slices.Contains(reservedVariables(), key) {
			reserved = append(reserved, key)
		}
	}
	if len(reserved) > 0 {
		return errInvalid("Lambda was unable to configure your environment variables because the environment variables you have provided "+
			"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s",
			strings.Join(reserved, ", "))
	}
	if text := e.text(); len(text) > maxEnvironment {
		return errInvalid("Lambda was unable to configure your environment variables because the environment variables you have provided "+
			"exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}

// checkMemory refuses sizes that the front door still lets through.
func checkMemory(memory *int) error {
	if memory != nil && *memory > maxMemory {
		return errInvalid("'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to %d", maxMemory)
	}
	return nil
}

// checkTags refuses more tags than a function can have.
func checkTags(n int) error {
	if n > maxTags {
		return errInvalid("Number of tags exceeds resource tag limit.")
	}
	return nil
}

// errImageMembers answers a zip function's members on an image.
func errImageMembers() *apiError {
	return errInvalid("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
}

// checkSettings runs the checks that creations and configuration updates share.
func (in *functionInput) checkSettings() error {
	if err := checkMemory(in.MemorySize); err != nil {
		return err
	}
	if in.Runtime != nil {
		if err := checkRuntime(*in.Runtime); err != nil {
			return err
		}
	}
	return in.Environment.check()
}
