#include "go_asm.h"
#include "textflag.h"

#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_fcntl 72
#define F_GETFD 1
#define SIG_IGN 1
#define EBADF 9

// autodefendNote comes before Go's own entry point. There is no g and no Go stack yet: it makes system calls that only ask,
// stores the answers in ·entry and goes on with the stack pointer untouched.
TEXT autodefendNote(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVL $SYS_rt_sigprocmask, AX
	XORL DI, DI
	XORL SI, SI
	LEAQ ·entry+entryState_blocked(SB), DX
	MOVL $8, R10
	SYSCALL

	MOVL $1, BX               // signal
	XORL R12, R12             // ignored signals
signal:
	MOVL $SYS_rt_sigaction, AX
	MOVL BX, DI
	XORL SI, SI
	LEAQ ·entry+entryState_scratch(SB), DX
	MOVL $8, R10
	SYSCALL
	TESTQ AX, AX
	JNE nextsignal
	MOVQ ·entry+entryState_scratch(SB), AX
	CMPQ AX, $SIG_IGN
	JNE nextsignal
	LEAL -1(BX), CX
	BTSQ CX, R12
nextsignal:
	INCL BX
	CMPL BX, $64
	JLE signal
	MOVQ R12, ·entry+entryState_ignored(SB)

	XORL BX, BX               // descriptor
	XORL R12, R12             // closed descriptors
descriptor:
	MOVL $SYS_fcntl, AX
	MOVL BX, DI
	MOVL $F_GETFD, SI
	XORL DX, DX
	SYSCALL
	CMPQ AX, $-EBADF
	JNE nextdescriptor
	BTSQ BX, R12
nextdescriptor:
	INCL BX
	CMPL BX, $3
	JLT descriptor
	MOVQ R12, ·entry+entryState_closed(SB)

	MOVQ $1, AX
	MOVQ AX, ·entry+entryState_noted(SB)
	JMP autodefendGuard(SB)
