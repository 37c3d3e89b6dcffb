/*
 * sys.h - system calls without a C library.
 *
 * The shim's own work must not go through the library it watches: no errno, no cancellation points, no locks, and it
 * must be possible in a signal handler, in a vfork child and before the library has started. Results are the kernel's:
 * a value, or -errno.
 */
#ifndef AUTODEFEND_SYS_H
#define AUTODEFEND_SYS_H

#include <asm/unistd.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers that the headers of an old build machine may not have; they are the same on both architectures. */
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424
#endif
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif
#ifndef __NR_open_tree
#define __NR_open_tree 428
#define __NR_move_mount 429
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

#if defined(__x86_64__)

static inline long ad_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "cc", "memory");
	return result;
}

/* The thread pointer tells threads apart; a vfork child has its parent's. */
static inline uintptr_t ad_thread(void)
{
	uintptr_t self;
	__asm__("mov %%fs:0, %0" : "=r"(self));
	return self;
}

#elif defined(__aarch64__)

static inline long ad_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "cc", "memory");
	return x0;
}

static inline uintptr_t ad_thread(void)
{
	uintptr_t self;
	__asm__("mrs %0, tpidr_el0" : "=r"(self));
	return self;
}

#else
#error "the shim is written for amd64 and arm64"
#endif

#define ad_sys0(nr) ad_sys6((nr), 0, 0, 0, 0, 0, 0)
#define ad_sys1(nr, a) ad_sys6((nr), (long)(a), 0, 0, 0, 0, 0)
#define ad_sys2(nr, a, b) ad_sys6((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define ad_sys3(nr, a, b, c) ad_sys6((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define ad_sys4(nr, a, b, c, d) ad_sys6((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define ad_sys5(nr, a, b, c, d, e) ad_sys6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

/* A pointer that can't be a string's: the kernel says EFAULT better than a crash here would. */
static inline bool ad_foreign(const void *p)
{
	return (uintptr_t)p < 4096 || (intptr_t)p < 0;
}

#endif
