#include "textflag.h"

#define SYS_read 0
#define SYS_write 1
#define SYS_execve 59
#define SYS_fcntl 72
#define SYS_prctl 157
#define SYS_exit_group 231
#define SYS_seccomp 317
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
	MOVQ SP, R12
	CMPQ (R12), $6            // arguments
	JLT other
	MOVQ 16(R12), AX          // the first: "launch", read as two words that overlap
	CMPL (AX), $0x6e75616c
	JNE other
	CMPL 3(AX), $0x0068636e
	JNE other
	MOVQ 40(R12), AX          // the fourth: "--"
	CMPW (AX), $0x2d2d
	JNE other
	CMPB 2(AX), $0
	JNE other
	MOVQ 24(R12), AX          // the second: the socket, in decimal
	XORL R13, R13
digit:
	MOVBLZX (AX), CX
	TESTL CX, CX
	JEQ number
	SUBL $'0', CX
	CMPL CX, $9
	JHI other
	IMULL $10, R13
	ADDL CX, R13
	INCQ AX
	JMP digit
number:
	SUBQ $SPACE, SP           // struct sock_fprog, then the filter
	MOVL $SYS_read, AX
	MOVL R13, DI
	LEAQ 16(SP), SI
	MOVL $FILTER_BYTES, DX
	SYSCALL
	CMPQ AX, $8
	JLT other
	SHRQ $3, AX
	MOVQ AX, (SP)
	LEAQ 16(SP), CX
	MOVQ CX, 8(SP)

	MOVL $SYS_fcntl, AX
	MOVL R13, DI
	MOVL $F_SETFD, SI
	MOVL $FD_CLOEXEC, DX
	SYSCALL

	// A program whose file its user can't read isn't dumpable to begin with, and the supervisor must look into this one.
	MOVL $SYS_prctl, AX
	MOVL $PR_SET_DUMPABLE, DI
	MOVL $1, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL

	MOVL $SYS_prctl, AX
	MOVL $PR_SET_NO_NEW_PRIVS, DI
	MOVL $1, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JNE installed

	MOVL $SYS_seccomp, AX
	MOVL $SECCOMP_SET_MODE_FILTER, DI
	MOVL $NEW_LISTENER_AND_WAIT_KILLABLE, SI
	MOVQ SP, DX
	SYSCALL
	CMPQ AX, $-EINVAL         // before Linux 5.19
	JNE installed
	MOVL $SYS_seccomp, AX
	MOVL $SECCOMP_SET_MODE_FILTER, DI
	MOVL $NEW_LISTENER, SI
	MOVQ SP, DX
	SYSCALL

installed:
	MOVL AX, (SP)             // the listener, or a negative error number
	MOVL $SYS_write, AX
	MOVL R13, DI
	MOVQ SP, SI
	MOVL $4, DX
	SYSCALL

	MOVL $SYS_read, AX
	MOVL R13, DI
	MOVQ SP, SI
	MOVL $1, DX
	SYSCALL
	MOVL $1, R14              // exit code
	CMPQ AX, $1
	JNE stop                  // verdict: nobody would answer the calls, so nothing is started
	CMPB (SP), $'g'
	JNE stop

	MOVQ (R12), AX            // number of arguments
	MOVQ 32(R12), DI
	LEAQ 48(R12), SI
	LEAQ 16(R12)(AX*8), DX    // the environment
	MOVL $SYS_execve, AX
	SYSCALL

	MOVL AX, (SP)             // it failed
	MOVL $126, R14
	CMPQ AX, $-ENOENT
	JNE report
	MOVL $127, R14
report:
	MOVL $SYS_write, AX
	MOVL R13, DI
	MOVQ SP, SI
	MOVL $4, DX
	SYSCALL
stop:
	MOVL $SYS_exit_group, AX
	MOVL R14, DI
	SYSCALL
	INT $3                    // not reached
other:
	MOVQ R12, SP
	JMP autodefendNote(SB)
