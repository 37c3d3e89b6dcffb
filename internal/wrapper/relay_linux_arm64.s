#include "textflag.h"

#define SYS_write 64
#define si_code 8
// Bit n for signal n: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSTKFLT and SIGSYS.
#define FAULTS 0x800109b0

DATA ·relayHandler(SB)/8, $autodefendRelay(SB)
GLOBL ·relayHandler(SB), RODATA, $8
// The kernel has its own place to return to.
DATA ·relayReturn(SB)/8, $0
GLOBL ·relayReturn(SB), RODATA, $8

// autodefendRelay is a signal handler: it writes the signal's number, one byte, to the descriptor ·relayPipe. A fault that
// isn't sent by anybody but our own goes on to Go's handler. It runs on the thread's signal stack and touches nothing of
// Go's.
TEXT autodefendRelay(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD $FAULTS, R3
	LSR R0, R3, R3            // by the lowest 6 bits: signal 64 asks for bit 0
	TBZ $0, R3, write
	MOVW si_code(R1), R4
	CMPW $0, R4
	BLE write                 // sent by a process
	MOVD ·faultHandler(SB), R3
	JMP (R3)
write:
	SUB $16, RSP
	MOVB R0, (RSP)
	MOVWU ·relayPipe(SB), R0
	MOVD RSP, R1
	MOVD $1, R2
	MOVD $SYS_write, R8
	SVC
	ADD $16, RSP
	RET
