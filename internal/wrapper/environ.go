package wrapper

import (
	"os"
	"strings"

	"github.com/autodefend/autodefend"
)

const (
	// EnvExecWrapper is Lambda's variable that names the program to start in the place of the runtime.
	EnvExecWrapper = "AWS_LAMBDA_EXEC_WRAPPER"
	// EnvNextWrapper is our variable that keeps the owner's value of EnvExecWrapper.
	EnvNextWrapper = "AUTODEFEND_NEXT_WRAPPER"
	// EnvPrefix begins the names of all variables that are ours and that the runtime must not see.
	EnvPrefix = "AUTODEFEND_"
	// EnvPolicy is the variable that holds the function's policy. The runtime does not see it either, unless its value
	// isn't one of ours.
	EnvPolicy = "TW_POLICY"
)

// Environ returns the environment this process was started with, byte for byte and in order. os.Environ drops
// duplicates and empty entries, so it only serves where nothing was noted at the entry point and /proc is not readable.
func Environ() []string {
	if entry.noted == 1 {
		return environOn(entry.stack)
	}
	raw, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		return os.Environ()
	}
	text, terminated := strings.CutSuffix(string(raw), "\x00")
	if !terminated {
		return os.Environ()
	}
	return strings.Split(text, "\x00")
}

// childEnviron returns environ without what attaching added to it: our own variables are gone, and EnvExecWrapper holds
// the owner's value next, or is gone when the owner had none. Everything else is kept, in order.
func childEnviron(environ []string, next string) []string {
	kept := make([]string, 0, len(environ)+1)
	pending := next != ""
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case strings.HasPrefix(name, EnvPrefix), strings.HasPrefix(variable, EnvPolicy+"="+autodefend.PolicyPrefix):
		case name != EnvExecWrapper:
			kept = append(kept, variable)
		case pending:
			kept = append(kept, EnvExecWrapper+"="+next)
			pending = false
		}
	}
	if pending {
		kept = append(kept, EnvExecWrapper+"="+next)
	}
	return kept
}

// Lookup returns the first value of name in environ, as getenv would, or the empty string.
func Lookup(environ []string, name string) string {
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}
