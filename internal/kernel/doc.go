// Package kernel is the tier that stops acts before they happen, by seccomp user notification: the kernel hands each call
// that a policy may judge to the supervisor, and the caller waits for its answer.
//
// An answer is one of three. The call fails with an error. The kernel goes on with the call itself, which is only right
// where nothing that was looked at can change meanwhile, because it lies in registers, or where the policy only alerts:
// memory and names of files can be changed by others between our look and the kernel's. In all other cases the supervisor
// makes the call on the caller's behalf, on what it looked at: it opens the file, judges the name of what it opened and
// puts that very descriptor into the caller; it copies the address, judges the copy and connects the caller's socket to
// the copy. Starting a program can't be done on behalf, so the kernel does it and the new program is compared with the
// judged one before its first instruction, while the thread is stopped by ptrace.
//
// When the supervisor can't find out what it has to judge, the verdict depends on the section's effect: an effect that
// stops acts denies, any other lets the kernel go on. The functions named refuse say so in code.
//
// # Decisions worth knowing
//
// A filter can't be changed later, so all sections are trapped when policies can be refreshed (Config.Refresh), and a
// section that is off is answered at once.
//
// New namespaces, mounts, chroot and the like would give a process other names for files and processes than ours. They
// fail with EPERM while any section stops acts, as they do in Lambda's sandbox, and pass otherwise. clone3, io_uring and
// userfaultfd always fail with ENOSYS: nobody can see what they are asked. A process that makes itself unreadable by
// prctl(PR_SET_DUMPABLE, 0) is told that it worked, and isn't.
//
// Signals to "everybody" or "my group" go to all but the supervisor and its guardian, which are in the group too.
//
// # Waiting for the runtime
//
// Programs are verified by ptrace, so whoever waits for the runtime, or for any child, in the supervisor's process is told
// of stops that are no job control: their status has bits above the lowest 16, or a stop signal that doesn't stop jobs.
// They are to be ignored; it doesn't matter who collects them.
//
// # Known limits
//
// A peer sees the supervisor's process id as that of a UNIX socket's other end, where the policy stops network acts. A
// signal sent by pidfd_send_signal has the supervisor as its sender. A program that another one traces can't be verified and
// isn't started, nor is one whose file its user can't read, while the policy stops programs: where the Defender's own is
// such a file the probe finds that the tier doesn't work. Of more than 20,000 files below denied directories, links that
// some had before the start aren't known. A relative path of a UNIX socket that is bound is judged and then looked up by the
// kernel again. A named pipe whose opening was given up stays open on our side until its other end comes. Before Linux 5.14
// a signal between the two steps of an opening can leave a descriptor behind in the caller; before 5.19 signals in a rapid
// row, faster than an answer, hold a call up. The name by which an interpreter opens a script after its start is judged as a
// file, not as a program.
package kernel
