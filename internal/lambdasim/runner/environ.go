//go:build linux

package runner

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// places are where the parts of a function are for its processes.
type places struct {
	task, opt, runtime, lang string
}

// lambdaPlaces are AWS's.
func lambdaPlaces() places {
	return places{task: "/var/task", opt: "/opt", runtime: "/var/runtime", lang: "/var/lang"}
}

// environment returns the runtime's variables: AWS's defaults, the owner's over
// them, and the reserved ones over those.
func (f Function) environment(p places, program runtimeProgram, api, logStream string) map[string]string {
	env := map[string]string{
		"LANG":            "en_US.UTF-8",
		"TZ":              ":UTC",
		"PATH":            p.lang + "/bin:/usr/local/bin:/usr/bin/:/bin:" + p.opt + "/bin",
		"LD_LIBRARY_PATH": p.lang + "/lib:/lib64:/usr/lib64:" + p.runtime + ":" + p.runtime + "/lib:" + p.task + ":" + p.task + "/lib:" + p.opt + "/lib",

		"AWS_XRAY_CONTEXT_MISSING":       "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":        "169.254.100.1:2000",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
	}
	maps.Copy(env, program.defaults)
	for name, value := range f.Env {
		if !strings.HasPrefix(name, "_") { // dropped by AWS too
			env[name] = value
		}
	}
	maps.Copy(env, f.reserved(p, api, logStream))
	if f.LogPipe {
		env["_LAMBDA_TELEMETRY_LOG_FD"] = "3"
	}
	return env
}

// reserved are the variables that an owner can't set.
func (f Function) reserved(p places, api, logStream string) map[string]string {
	env := map[string]string{
		"_HANDLER":                        f.Handler,
		"_AWS_XRAY_DAEMON_ADDRESS":        "169.254.100.1",
		"_AWS_XRAY_DAEMON_PORT":           "2000",
		"AWS_REGION":                      f.Region,
		"AWS_DEFAULT_REGION":              f.Region,
		"AWS_ACCESS_KEY_ID":               "ASIASIM" + f.AccountID,
		"AWS_SECRET_ACCESS_KEY":           "simulated",
		"AWS_SESSION_TOKEN":               "simulated",
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     f.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       f.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      logStream,
		"AWS_LAMBDA_LOG_FORMAT":           "Text",
		"AWS_LAMBDA_RUNTIME_API":          api,
		"LAMBDA_TASK_ROOT":                p.task,
		"LAMBDA_RUNTIME_DIR":              p.runtime,
	}
	if !strings.HasPrefix(f.Runtime, "provided") {
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + f.Runtime
	}
	return env
}

// extensionEnvironment returns an extension's variables: the runtime's but for
// those that are the runtime's own.
func extensionEnvironment(env map[string]string) map[string]string {
	own := maps.Clone(env)
	for _, name := range []string{
		"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
		"AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT",
		"_HANDLER", "_LAMBDA_TELEMETRY_LOG_FD",
	} {
		delete(own, name)
	}
	return own
}

// entries renders variables for a process, sorted.
func entries(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// newLogStream names a sandbox's log stream.
func newLogStream(version string, now time.Time) string {
	return fmt.Sprintf("%s/[%s]%s", now.UTC().Format("2006/01/02"), version, strings.ReplaceAll(newUUID(), "-", ""))
}
