#include "textflag.h"

#define SYS_write 1
#define SYS_rt_sigreturn 15
#define si_code 8
// Bit n for signal n: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSTKFLT and SIGSYS.
#define FAULTS 0x800109b0

DATA ·relayHandler(SB)/8, $autodefendRelay(SB)
GLOBL ·relayHandler(SB), RODATA, $8
DATA ·relayReturn(SB)/8, $autodefendReturn(SB)
GLOBL ·relayReturn(SB), RODATA, $8

// autodefendRelay is a signal handler: it writes the signal's number, one byte, to the descriptor ·relayPipe. A fault that
// isn't sent by anybody but our own goes on to Go's handler. It runs on the thread's signal stack and touches nothing of
// Go's.
TEXT autodefendRelay(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ $FAULTS, AX
	BTQ DI, AX                // of 64 bits: signal 64 asks for bit 0
	JCC write
	CMPL si_code(SI), $0
	JLE write                 // sent by a process
	MOVQ ·faultHandler(SB), AX
	JMP AX
write:
	PUSHQ DI
	MOVL $SYS_write, AX
	MOVL ·relayPipe(SB), DI
	MOVQ SP, SI
	MOVL $1, DX
	SYSCALL
	POPQ DI
	RET

// autodefendReturn is where a handler returns to.
TEXT autodefendReturn(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVL $SYS_rt_sigreturn, AX
	SYSCALL
	INT $3                    // not reached
