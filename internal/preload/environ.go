package preload

import (
	"fmt"
	"strings"
)

// The variables by which the shim comes into a process. The shim hides them again.
const (
	envPreload = "LD_PRELOAD"
	envShim    = "AUTODEFEND_SHIM"
)

// Environ returns env with what brings the shim into a process that is started with it. The owner's own LD_PRELOAD is
// kept after ours. Env itself isn't changed.
func (t *Tier) Environ(env []string) []string {
	return environ(env, t.config.ShimPath, t.socket)
}

func environ(env []string, shim, socket string) []string {
	result := make([]string, 0, len(env)+2)
	preloaded := false
	for _, variable := range env {
		name, value, ok := strings.Cut(variable, "=")
		switch {
		case name == envShim:
		case ok && name == envPreload:
			preloaded = true
			result = append(result, envPreload+"="+preload(shim, value))
		default:
			result = append(result, variable)
		}
	}
	if !preloaded {
		result = append(result, envPreload+"="+shim)
	}
	return append(result, fmt.Sprintf("%s=%d:%s:%s", envShim, wireVersion, socket, shim))
}

// preload puts the shim before the owner's libraries. A colon that ends the value says that there was a variable.
func preload(shim, owners string) string {
	if rest, ok := strings.CutPrefix(owners, shim); ok && (rest == "" || rest[0] == ':') {
		return owners
	}
	return shim + ":" + owners
}
