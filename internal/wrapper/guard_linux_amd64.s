#include "go_asm.h"
#include "textflag.h"

#define SYS_read 0
#define SYS_close 3
#define SYS_mmap 9
#define SYS_rt_sigprocmask 14
#define SYS_socketpair 53
#define SYS_clone 56
#define SYS_wait4 61
#define SYS_kill 62
#define SYS_prctl 157
#define SYS_exit_group 231
#define SYS_waitid 247
#define SYS_signalfd4 289
#define PR_SET_DUMPABLE 4
#define PROT_READ_WRITE 3
#define MAP_SHARED_ANONYMOUS 0x21
#define PAGE 4096
#define AF_UNIX 1
#define SOCK_SEQPACKET_CLOEXEC 0x80005
#define SIG_SETMASK 2
#define SFD_CLOEXEC 0x80000
#define SIGCHLD 17
#define SIGSTOP 19
#define P_ALL 0
#define WNOHANG 1
#define WEXITED_WNOHANG_WNOWAIT 0x1000005
#define CLD_EXITED 1
#define EINTR 4
// Bit n for signal n: those that a guardian must see to itself, SIGTSTP, SIGTTIN and SIGTTOU, and those that aren't passed
// on, SIGURG, SIGPROF and 32 to 34.
#define STOPS 0x700000
#define OURS 0x708800000
// What is on the stack: two descriptors, a mask, and what the kernel says of a signal or a child.
#define pair_mine 0(SP)
#define pair_theirs 4(SP)
#define mask 8(SP)
#define said 16(SP)
#define si_signo 16(SP)
#define si_code 24(SP)
#define si_pid 32(SP)
#define si_status 40(SP)
#define SPACE 160

// autodefendGuard comes after autodefendNote and before Go's own entry point. Where the arguments and the environment are
// those of a runtime with a policy, it divides this process: the child goes on to Go and is the supervisor; this process is
// the guardian, which has nothing to do as long as the supervisor lives but to pass signals on. For that it needs nothing of
// Go. When there is more to do it goes on to Go as well; see Guardian.Run. What it can't do it leaves to Go from the start.
//
//	R12 stack pointer  R13 signals' descriptor  R14 supervisor  BX the signal that is more than to be passed on, or 0
TEXT autodefendGuard(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ SP, R12
	MOVQ SP, ·entry+entryState_stack(SB)
	CMPQ ·entry+entryState_closed(SB), $0
	JNE go                    // a descriptor of ours would be in the place of a stream
	BTQ $(SIGCHLD-1), ·entry+entryState_ignored(SB)
	JCS go                    // the supervisor's end would go unseen
	CMPQ (R12), $2            // arguments
	JLT go
	MOVQ 16(R12), AX          // the first: a file, not a word of ours
	CMPB (AX), $'/'
	JNE go
	MOVQ (R12), AX
	LEAQ 16(R12)(AX*8), DI    // the environment
	MOVQ $0x43494c4f505f5754, CX
variable:
	MOVQ (DI), AX
	ADDQ $8, DI
	TESTQ AX, AX
	JEQ go
	CMPQ (AX), CX             // TW_POLIC; behind the last variable there is the program's name, and a word of zeros
	JNE variable
	CMPW 8(AX), $0x3d59       // Y=
	JNE variable
	CMPB 10(AX), $0
	JEQ go                    // the first one counts, and it is empty

	SUBQ $SPACE, SP
	MOVL $SYS_mmap, AX
	XORL DI, DI
	MOVL $PAGE, SI
	MOVL $PROT_READ_WRITE, DX
	MOVL $MAP_SHARED_ANONYMOUS, R10
	MOVQ $-1, R8
	XORL R9, R9
	SYSCALL
	CMPQ AX, $-4095
	JCC go
	MOVQ AX, ·forked+fork_will(SB)

	MOVL $SYS_socketpair, AX
	MOVL $AF_UNIX, DI
	MOVL $SOCK_SEQPACKET_CLOEXEC, SI
	XORL DX, DX
	LEAQ pair_mine, R10
	SYSCALL
	TESTQ AX, AX
	JNE go

	MOVQ $-1, mask
	MOVL $SYS_signalfd4, AX
	MOVL $-1, DI
	LEAQ mask, SI
	MOVL $8, DX
	MOVL $SFD_CLOEXEC, R10
	SYSCALL
	MOVQ AX, R13
	TESTQ AX, AX
	JLT undo
	MOVL $SYS_rt_sigprocmask, AX
	MOVL $SIG_SETMASK, DI
	LEAQ mask, SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL

	MOVL $SYS_clone, AX
	MOVL $SIGCHLD, DI
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	MOVQ AX, R14
	TESTQ AX, AX
	JLT undo
	JEQ supervisor

	MOVQ $const_guardian, ·forked+fork_role(SB)
	MOVQ R14, ·forked+fork_supervisor(SB)
	MOVLQSX pair_mine, AX
	MOVQ AX, ·forked+fork_control(SB)
	MOVL $SYS_close, AX
	MOVL pair_theirs, DI
	SYSCALL
	MOVL $SYS_prctl, AX       // Lambda refuses it
	MOVL $PR_SET_DUMPABLE, DI
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	JMP child                 // one that this process was started with may have ended before
next:
	MOVL $SYS_read, AX
	MOVL R13, DI
	LEAQ said, SI
	MOVL $128, DX
	SYSCALL
	CMPQ AX, $-EINTR
	JEQ next
	XORL BX, BX
	CMPQ AX, $128
	JNE wake
	MOVL si_signo, BX
	CMPL BX, $SIGCHLD
	JEQ child
	MOVQ $STOPS, CX
	BTQ BX, CX                // of 64 bits: signal 64 asks for bit 0
	JCS wake
	MOVQ $OURS, CX
	BTQ BX, CX
	JCS next
	MOVL $SYS_kill, AX
	MOVL R14, DI
	MOVL BX, SI
	SYSCALL                   // a supervisor that has just ended keeps its number until it is collected
	JMP next

child:                            // any one that has ended: as process 1 of a container we are given the orphans
	MOVL $SYS_waitid, AX
	MOVL $P_ALL, DI
	XORL SI, SI
	LEAQ said, DX
	MOVL $WEXITED_WNOHANG_WNOWAIT, R10
	XORL R8, R8
	SYSCALL
	XORL BX, BX
	TESTQ AX, AX
	JNE wake
	MOVL si_pid, DI
	TESTL DI, DI
	JEQ next
	CMPL DI, R14
	JEQ ended
	MOVL $SYS_wait4, AX
	XORL SI, SI
	MOVL $WNOHANG, DX
	XORL R10, R10
	SYSCALL
	JMP child
ended:
	MOVQ ·forked+fork_will(SB), AX
	CMPL will_done(AX), $0
	JEQ died
	CMPL si_code, $CLD_EXITED
	JNE wake                  // of a signal, and so must we
	MOVL $SYS_wait4, AX
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	SYSCALL
	MOVL $SYS_exit_group, AX
	MOVL si_status, DI
	SYSCALL
died:
	MOVL will_freeze(AX), DI
	TESTL DI, DI
	JEQ wake
	MOVL $SYS_kill, AX
	MOVL $SIGSTOP, SI
	SYSCALL
wake:
	MOVQ BX, ·forked+fork_woken(SB)
	JMP restore

supervisor:
	MOVQ $const_supervisor, ·forked+fork_role(SB)
	MOVLQSX pair_theirs, AX
	MOVQ AX, ·forked+fork_control(SB)
	MOVL $SYS_close, AX
	MOVL pair_mine, DI
	SYSCALL
	JMP restore
undo:
	MOVL $SYS_close, AX
	MOVL pair_mine, DI
	SYSCALL
	MOVL $SYS_close, AX
	MOVL pair_theirs, DI
	SYSCALL
restore:
	MOVL $SYS_close, AX
	MOVL R13, DI
	SYSCALL
	MOVL $SYS_rt_sigprocmask, AX
	MOVL $SIG_SETMASK, DI
	LEAQ ·entry+entryState_blocked(SB), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
go:
	MOVQ R12, SP
	JMP _rt0_amd64_linux(SB)
