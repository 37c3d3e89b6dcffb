// Package bpf holds seccomp programs as values that people can read: a filter is a list of rules, each of which names a
// system call, conditions on its arguments and what then happens. Assemble turns a filter into the classic BPF that the
// kernel takes, for amd64 or arm64; Run interprets that BPF, so that tests need no kernel; Dump prints it.
//
// Two filters are here. Supervised hands the calls that a policy may judge to a supervisor (internal/kernel). LambdaSandbox
// refuses what AWS Lambda's own sandbox is known to refuse, for tests that must run as there.
//
// Every program begins with the same two checks: a call made in another architecture's convention (i386, x32, 32-bit ARM)
// has other numbers, so it would be judged by the wrong rule, and fails with ENOSYS.
package bpf
