#include "textflag.h"

#define SYS_fcntl 25
#define SYS_read 63
#define SYS_write 64
#define SYS_exit_group 94
#define SYS_prctl 167
#define SYS_execve 221
#define SYS_seccomp 277
#define F_SETFD 2
#define FD_CLOEXEC 1
#define PR_SET_DUMPABLE 4
#define PR_SET_NO_NEW_PRIVS 38
#define SECCOMP_SET_MODE_FILTER 1
#define NEW_LISTENER 8
#define NEW_LISTENER_AND_WAIT_KILLABLE 40
#define EINVAL 22
#define ENOENT 2
#define FILTER_BYTES 32768
#define SPACE (FILTER_BYTES+16)

// autodefendEntry is the program's first instruction when it was linked with -E autodefendEntry. It is the launcher of
// tier kernel, which starts once for every function and needs nothing of Go: without Go's runtime it costs a tenth. What
// it says on its socket is described in internal/kernel/launch.go, and written in Go there too, for programs that have
// another entry point. Called with other arguments than
//
//	PROGRAM launch SOCKET FILE -- NAME [ARGUMENT...]
//
// or without a filter on that socket, it goes on to note what the kernel handed over, and to Go.
TEXT autodefendEntry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD RSP, R19
	MOVD (R19), R20           // number of arguments
	CMP $6, R20
	BLT other
	MOVD 16(R19), R0          // the first: "launch", read as two words that overlap
	MOVWU (R0), R1
	MOVD $0x6e75616c, R2
	CMP R2, R1
	BNE other
	MOVWU 3(R0), R1
	MOVD $0x0068636e, R2
	CMP R2, R1
	BNE other
	MOVD 40(R19), R0          // the fourth: "--"
	MOVHU (R0), R1
	MOVD $0x2d2d, R2
	CMP R2, R1
	BNE other
	MOVBU 2(R0), R1
	CBNZ R1, other
	MOVD 24(R19), R0          // the second: the socket, in decimal
	MOVD $0, R21
	MOVD $10, R2
digit:
	MOVBU (R0), R1
	CBZ R1, number
	SUB $'0', R1
	CMP $9, R1
	BHI other
	MUL R2, R21, R21
	ADD R1, R21
	ADD $1, R0
	JMP digit
number:
	MOVD $SPACE, R1
	SUB R1, R19, R22          // struct sock_fprog, then the filter
	MOVD R22, RSP
	MOVD $SYS_read, R8
	MOVD R21, R0
	ADD $16, R22, R1
	MOVD $FILTER_BYTES, R2
	SVC
	CMP $8, R0
	BLT other
	LSR $3, R0, R0
	MOVD R0, (R22)
	ADD $16, R22, R1
	MOVD R1, 8(R22)

	MOVD $SYS_fcntl, R8
	MOVD R21, R0
	MOVD $F_SETFD, R1
	MOVD $FD_CLOEXEC, R2
	SVC

	// A program whose file its user can't read isn't dumpable to begin with, and the supervisor must look into this one.
	MOVD $SYS_prctl, R8
	MOVD $PR_SET_DUMPABLE, R0
	MOVD $1, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	SVC

	MOVD $SYS_prctl, R8
	MOVD $PR_SET_NO_NEW_PRIVS, R0
	MOVD $1, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	SVC
	CBNZ R0, installed

	MOVD $SYS_seccomp, R8
	MOVD $SECCOMP_SET_MODE_FILTER, R0
	MOVD $NEW_LISTENER_AND_WAIT_KILLABLE, R1
	MOVD R22, R2
	SVC
	CMN $EINVAL, R0           // before Linux 5.19
	BNE installed
	MOVD $SYS_seccomp, R8
	MOVD $SECCOMP_SET_MODE_FILTER, R0
	MOVD $NEW_LISTENER, R1
	MOVD R22, R2
	SVC

installed:
	MOVW R0, (R22)            // the listener, or a negative error number
	MOVD $SYS_write, R8
	MOVD R21, R0
	MOVD R22, R1
	MOVD $4, R2
	SVC

	MOVD $SYS_read, R8
	MOVD R21, R0
	MOVD R22, R1
	MOVD $1, R2
	SVC
	MOVD $1, R23              // exit code
	CMP $1, R0
	BNE stop                  // verdict: nobody would answer the calls, so nothing is started
	MOVBU (R22), R1
	CMP $'g', R1
	BNE stop

	MOVD $SYS_execve, R8
	MOVD 32(R19), R0
	ADD $48, R19, R1
	ADD R20<<3, R19, R2
	ADD $16, R2               // the environment
	SVC

	MOVW R0, (R22)            // it failed
	MOVD $126, R23
	CMN $ENOENT, R0
	BNE report
	MOVD $127, R23
report:
	MOVD $SYS_write, R8
	MOVD R21, R0
	MOVD R22, R1
	MOVD $4, R2
	SVC
stop:
	MOVD $SYS_exit_group, R8
	MOVD R23, R0
	SVC
	BRK                       // not reached
other:
	MOVD R19, RSP
	JMP autodefendNote(SB)
