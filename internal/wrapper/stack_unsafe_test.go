package wrapper

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// TestEnvironOn builds stacks as the kernel does.
func TestEnvironOn(t *testing.T) {
	for _, tt := range []struct{ args, environ []string }{
		{nil, nil},
		{[]string{"wrapper"}, nil},
		{nil, []string{"A=1"}},
		{[]string{"wrapper", "", "/bin/true"}, []string{"Z=1", "A=1", "A=2", "", "NOEQUALS", "UTF=ä\xff\n", "A=3"}},
	} {
		var kept [][]byte
		stack := []uintptr{uintptr(len(tt.args))}
		push := func(texts []string) {
			for _, text := range texts {
				zeroed := append([]byte(text), 0)
				kept = append(kept, zeroed)
				stack = append(stack, uintptr(unsafe.Pointer(&zeroed[0])))
			}
			stack = append(stack, 0)
		}
		push(tt.args)
		push(tt.environ)
		if diff := cmp.Diff(tt.environ, environOn(&stack[0])); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.args, diff)
		}
		runtime.KeepAlive(kept)
	}
}
