package defend

import "sync"

// invocations knows which requests the function is working on.
type invocations struct {
	mu      sync.Mutex
	running map[string]bool
	arn     string // of the function as it was invoked last
	begun   bool   // the runtime asked for its first event
}

func newInvocations() *invocations { return &invocations{running: make(map[string]bool)} }

func (v *invocations) waiting() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begun = true
}

func (v *invocations) hasBegun() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.begun
}

func (v *invocations) start(id, arn string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begun = true
	v.running[id] = true
	if arn != "" {
		v.arn = arn
	}
}

func (v *invocations) end(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.running, id)
}

// clear forgets all requests, as after a snapshot was restored.
func (v *invocations) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.running)
}

// only returns the request that is being worked on, when there is exactly one. With several at once nobody can tell
// which of them a process acts for.
func (v *invocations) only() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.running) != 1 {
		return ""
	}
	for id := range v.running {
		return id
	}
	return ""
}

func (v *invocations) invokedARN() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.arn
}
