#include "go_asm.h"
#include "textflag.h"

#define SYS_fcntl 25
#define SYS_rt_sigaction 134
#define SYS_rt_sigprocmask 135
#define F_GETFD 1
#define SIG_IGN 1
#define EBADF 9

// autodefendNote comes before Go's own entry point. There is no g and no Go stack yet: it makes system calls that only ask,
// stores the answers in ·entry and goes on with the stack pointer untouched.
TEXT autodefendNote(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD $·entry(SB), R19

	MOVD $SYS_rt_sigprocmask, R8
	MOVD $0, R0
	MOVD $0, R1
	ADD $entryState_blocked, R19, R2
	MOVD $8, R3
	SVC

	MOVD $1, R20              // signal
	MOVD $1, R22              // its bit
	MOVD $0, R21              // ignored signals
signal:
	MOVD $SYS_rt_sigaction, R8
	MOVD R20, R0
	MOVD $0, R1
	ADD $entryState_scratch, R19, R2
	MOVD $8, R3
	SVC
	CBNZ R0, nextsignal
	MOVD entryState_scratch(R19), R4
	CMP $SIG_IGN, R4
	BNE nextsignal
	ORR R22, R21, R21
nextsignal:
	LSL $1, R22, R22
	ADD $1, R20, R20
	CMP $64, R20
	BLE signal
	MOVD R21, entryState_ignored(R19)

	MOVD $0, R20              // descriptor
	MOVD $1, R22              // its bit
	MOVD $0, R21              // closed descriptors
descriptor:
	MOVD $SYS_fcntl, R8
	MOVD R20, R0
	MOVD $F_GETFD, R1
	MOVD $0, R2
	SVC
	CMN $EBADF, R0
	BNE nextdescriptor
	ORR R22, R21, R21
nextdescriptor:
	LSL $1, R22, R22
	ADD $1, R20, R20
	CMP $3, R20
	BLT descriptor
	MOVD R21, entryState_closed(R19)

	MOVD $1, R4
	MOVD R4, entryState_noted(R19)
	JMP autodefendGuard(SB)
