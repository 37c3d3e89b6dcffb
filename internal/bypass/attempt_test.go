package bypass

import "time"

// attempt is one way to get around a rule.
type attempt struct {
	name string
	// about is what the matrix says of it.
	about string
	// run is the program that the function's runtime is replaced by. A first element without "/" is a program that
	// testdata holds the source of: NAME.c is compiled into /var/task/NAME, scripts are started by their interpreter.
	run []string
	// env is added to the function's environment.
	env []string
	// rule names what the attempt tries to break: a file of testdata/rules, without ".json".
	rule string
	// proof is what tells that it succeeded.
	proof proof
	// needs are files without which the attempt can't be tried on a machine, such as a musl compiler.
	needs []string
	// crafted: it takes machine code or pointers into code of the attacker's making. Preload, which lives in the same
	// address space, claims nothing there.
	crafted bool
	// tries is how often a race is run inside of one attempt, for the page.
	tries int
	// writableLayer makes the layer's files belong to the function's user, as they do where a layer is unpacked by
	// the function's owner.
	writableLayer bool
	// within is how long a run may take; 0 is 20 s.
	within time.Duration
	// preload is the verdict expected of the preload tier; "" is prevented.
	preload verdict
	// preloadLambda is the verdict expected in the lambda profile where it differs from preload.
	preloadLambda verdict
	// kernel is the verdict expected of the kernel tier; "" is prevented.
	kernel verdict
}

// proof is an effect that the harness sees from outside of the attempt.
type proof string

// The proofs.
const (
	ran      proof = "ran"      // the denied program ran: it writes a file that only it writes
	leaked   proof = "leaked"   // the secret file's token, new in every run, came out
	changed  proof = "changed"  // the protected file isn't what it was
	sent     proof = "sent"     // a server at a denied address saw a connection or bytes
	listened proof = "listened" // the harness could connect to the denied port
	resolved proof = "resolved" // some server saw the denied name
	down     proof = "down"     // a process of the Defender ended or stopped while the function lived on
	won      proof = "won"      // the attempt itself says so, where only it can know: memory written, a descriptor held
	forged   proof = "forged"   // the Runtime API got a call, or the log got an audit, that the attempt invented
)
