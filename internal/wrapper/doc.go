// Package wrapper stands in for a function's runtime: it starts the runtime as its child and makes itself invisible
// between the two sides.
//
// The child sees what it would have seen without us: arguments, environment, working directory, limits, descriptors at
// their own numbers, signal mask, ignored signals and process group. Whoever started us sees the child: every signal is
// passed on, and we end as the child ended, by exit code or by signal.
//
// There are two ways. A Wrapper alone stands between both sides, and can be given hooks that start a runtime protected. A
// Guardian has a supervisor, a process of the same program that is such a Wrapper, and remains when that one dies: it
// then ends the runtime, or lets it go on, as the fail mode says. Where it can, the program divides into the two at its entry
// point, before there is anything of Go, and the guardian stays without it.
//
// Unless told to fail closed, it fails open. Whatever goes wrong on our side before the child runs is logged in one line
// and the runtime is started without the part that failed, in the end by replacing this process with it.
//
// Three limits are inherent. A signal sent to the whole process group reaches the runtime once from the sender and once
// from each process of ours, because the two cases cannot be told apart. SIGPROF and the signals 32 to 34 belong to Go's
// runtime and are not passed on. Several real-time signals of one number that are pending at once arrive as one.
package wrapper
