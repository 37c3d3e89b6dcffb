#include "go_asm.h"
#include "textflag.h"

#define SYS_close 57
#define SYS_read 63
#define SYS_signalfd4 74
#define SYS_exit_group 94
#define SYS_waitid 95
#define SYS_kill 129
#define SYS_rt_sigprocmask 135
#define SYS_prctl 167
#define SYS_socketpair 199
#define SYS_clone 220
#define SYS_mmap 222
#define SYS_wait4 260
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
// What is at R22: two descriptors, a mask, and what the kernel says of a signal or a child.
#define pair_mine 0(R22)
#define pair_theirs 4(R22)
#define mask 8(R22)
#define MASK 8
#define SAID 16
#define si_signo 16(R22)
#define si_code 24(R22)
#define si_pid 32(R22)
#define si_status 40(R22)
#define SPACE 160

// autodefendGuard comes after autodefendNote and before Go's own entry point. Where the arguments and the environment are
// those of a runtime with a policy, it divides this process: the child goes on to Go and is the supervisor; this process is
// the guardian, which has nothing to do as long as the supervisor lives but to pass signals on. For that it needs nothing of
// Go. When there is more to do it goes on to Go as well; see Guardian.Run. What it can't do it leaves to Go from the start.
//
//	R19 stack pointer  R20 ·entry  R21 ·forked  R22 space on the stack  R23 signals' descriptor  R24 supervisor
//	R25 the signal that is more than to be passed on, or 0
TEXT autodefendGuard(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD RSP, R19
	MOVD $·entry(SB), R20
	MOVD $·forked(SB), R21
	MOVD R19, entryState_stack(R20)
	MOVD entryState_closed(R20), R0
	CBNZ R0, go               // a descriptor of ours would be in the place of a stream
	MOVD entryState_ignored(R20), R0
	TBNZ $(SIGCHLD-1), R0, go // the supervisor's end would go unseen
	MOVD (R19), R0            // arguments
	CMP $2, R0
	BLT go
	MOVD 16(R19), R1          // the first: a file, not a word of ours
	MOVBU (R1), R1
	CMP $'/', R1
	BNE go
	ADD R0<<3, R19, R1
	ADD $16, R1               // the environment
	MOVD $0x43494c4f505f5754, R2
	MOVD $0x3d59, R3
variable:
	MOVD.P 8(R1), R0
	CBZ R0, go
	MOVD (R0), R4             // TW_POLIC; behind the last variable there is the program's name, and a word of zeros
	CMP R2, R4
	BNE variable
	MOVHU 8(R0), R4           // Y=
	CMP R3, R4
	BNE variable
	MOVBU 10(R0), R4
	CBZ R4, go                // the first one counts, and it is empty

	SUB $SPACE, R19, R22
	MOVD R22, RSP
	MOVD $SYS_mmap, R8
	MOVD $0, R0
	MOVD $PAGE, R1
	MOVD $PROT_READ_WRITE, R2
	MOVD $MAP_SHARED_ANONYMOUS, R3
	MOVD $-1, R4
	MOVD $0, R5
	SVC
	CMN $4095, R0
	BHS go
	MOVD R0, fork_will(R21)

	MOVD $SYS_socketpair, R8
	MOVD $AF_UNIX, R0
	MOVD $SOCK_SEQPACKET_CLOEXEC, R1
	MOVD $0, R2
	MOVD R22, R3
	SVC
	CBNZ R0, go

	MOVD $-1, R0
	MOVD R0, mask
	MOVD $SYS_signalfd4, R8
	ADD $MASK, R22, R1
	MOVD $8, R2
	MOVD $SFD_CLOEXEC, R3
	SVC
	MOVD R0, R23
	TBNZ $63, R0, undo
	MOVD $SYS_rt_sigprocmask, R8
	MOVD $SIG_SETMASK, R0
	ADD $MASK, R22, R1
	MOVD $0, R2
	MOVD $8, R3
	SVC

	MOVD $SYS_clone, R8
	MOVD $SIGCHLD, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	SVC
	MOVD R0, R24
	TBNZ $63, R0, undo
	CBZ R0, supervisor

	MOVD $const_guardian, R0
	MOVD R0, fork_role(R21)
	MOVD R24, fork_supervisor(R21)
	MOVW pair_mine, R0
	MOVD R0, fork_control(R21)
	MOVD $SYS_close, R8
	MOVW pair_theirs, R0
	SVC
	MOVD $SYS_prctl, R8       // Lambda refuses it
	MOVD $PR_SET_DUMPABLE, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	SVC
	B child                   // one that this process was started with may have ended before
next:
	MOVD $SYS_read, R8
	MOVD R23, R0
	ADD $SAID, R22, R1
	MOVD $128, R2
	SVC
	CMN $EINTR, R0
	BEQ next
	MOVD $0, R25
	CMP $128, R0
	BNE wake
	MOVWU si_signo, R25
	CMP $SIGCHLD, R25
	BEQ child
	MOVD $STOPS, R0
	LSR R25, R0, R0           // by the lowest 6 bits: signal 64 asks for bit 0
	TBNZ $0, R0, wake
	MOVD $OURS, R0
	LSR R25, R0, R0
	TBNZ $0, R0, next
	MOVD $SYS_kill, R8
	MOVD R24, R0
	MOVD R25, R1
	SVC                       // a supervisor that has just ended keeps its number until it is collected
	B next

child:                            // any one that has ended: as process 1 of a container we are given the orphans
	MOVD $SYS_waitid, R8
	MOVD $P_ALL, R0
	MOVD $0, R1
	ADD $SAID, R22, R2
	MOVD $WEXITED_WNOHANG_WNOWAIT, R3
	MOVD $0, R4
	SVC
	MOVD $0, R25
	CBNZ R0, wake
	MOVW si_pid, R0
	CBZ R0, next
	CMP R0, R24
	BEQ ended
	MOVD $SYS_wait4, R8
	MOVD $0, R1
	MOVD $WNOHANG, R2
	MOVD $0, R3
	SVC
	B child
ended:
	MOVD fork_will(R21), R1
	MOVWU will_done(R1), R2
	CBZ R2, died
	MOVW si_code, R2
	CMP $CLD_EXITED, R2
	BNE wake                  // of a signal, and so must we
	MOVD $SYS_wait4, R8
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	SVC
	MOVD $SYS_exit_group, R8
	MOVW si_status, R0
	SVC
died:
	MOVWU will_freeze(R1), R0
	CBZ R0, wake
	MOVD $SYS_kill, R8
	MOVD $SIGSTOP, R1
	SVC
wake:
	MOVD R25, fork_woken(R21)
	B restore

supervisor:
	MOVD $const_supervisor, R0
	MOVD R0, fork_role(R21)
	MOVW pair_theirs, R0
	MOVD R0, fork_control(R21)
	MOVD $SYS_close, R8
	MOVW pair_mine, R0
	SVC
	B restore
undo:
	MOVD $SYS_close, R8
	MOVW pair_mine, R0
	SVC
	MOVD $SYS_close, R8
	MOVW pair_theirs, R0
	SVC
restore:
	MOVD $SYS_close, R8
	MOVD R23, R0
	SVC
	MOVD $SYS_rt_sigprocmask, R8
	MOVD $SIG_SETMASK, R0
	ADD $entryState_blocked, R20, R1
	MOVD $0, R2
	MOVD $8, R3
	SVC
go:
	MOVD R19, RSP
	JMP _rt0_arm64_linux(SB)
