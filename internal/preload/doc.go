// Package preload is the tier that needs no permission from the kernel: a library in every process of the function (its
// source is in shim) that asks this package before it lets an act happen.
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
// There are no hooks for single languages. The library stands behind every system call that the C library makes and at
// every library that is loaded, so what Python, Node.js and Ruby do through their own names, and through bindings and
// native modules, comes by it all the same (endtoend_test.go has a row for each way). A hook would see less, be visible to
// the program through NODE_OPTIONS or RUBYOPT, and could not ask where the library isn't.
//
// When a new image starts it says hello (hello.go). It is looked at again then, because the file that was judged may have
// been exchanged before the kernel started it.
package preload
