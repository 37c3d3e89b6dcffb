// Package watch is the tier that looks: it lists the function's processes and their sockets in /proc while invocations
// run, asks the policy's Judge about what no other tier has judged, and ends what is denied. It needs no permission, sees
// acts only after they began, and so is the second net below the tiers that stop them.
//
// Nothing happens between calls of Scan. A frozen function is not looked at, and there is no timer.
//
// What belongs to the function is found by descent: the root process and all below it, those whose parents are gone by
// then included. What is read is written by processes that may be hostile: everything is bounded, and a process is only
// ended when it is certain that its number still means the process that was judged.
package watch
