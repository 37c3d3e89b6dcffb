package bypass

import "golang.org/x/sys/unix"

// hasX32 tells whether the kernel knows the x32 numbers of system calls.
func hasX32() bool {
	const x32 = 0x40000000
	_, _, errno := unix.RawSyscall(x32+unix.SYS_GETPID, 0, 0, 0)
	return errno == 0
}
