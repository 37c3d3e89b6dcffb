// Package preload is the tier that needs no permission from the kernel: a library in every process of the function (its
// source is in shim, the language hooks in hooks) that asks this package before it lets an act happen.
//
// A process has two ways to learn what is allowed. The table (table.go) is read-only memory shared with all of them: it
// settles most acts in the process itself. What it doesn't settle is a question (wire.go), one packet on a connection of
// its own (serve.go), answered by the policy's Judge.
//
// A question only ever speaks about the process that asks it. Who that is comes from the kernel (the socket's peer
// credentials); which program it wants to start, and what that program really is, comes from this package's own look at
// /proc (facts.go, resolve.go, program.go). What the asker says of itself is used only where it can hurt nobody but the
// asker: the names of things it wants to do. Everything that is read here was written by a process of the same user and
// may be hostile: sizes are bounded, and nothing that is wrong is answered.
//
// When a new image starts it says hello (hello.go). It is looked at again then, because the file that was judged may have
// been exchanged before the kernel started it.
package preload
