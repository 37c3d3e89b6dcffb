/*
 * uring.h - one request through io_uring, without a library: its requests pass no filter of system calls.
 */
#ifndef URING_H
#define URING_H

#include "attempt.h"

#include <linux/io_uring.h>

/* ring_submit puts one request in a new ring, waits for its end and returns its result. */
static inline int ring_submit(const struct io_uring_sqe *request)
{
	struct io_uring_params p = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (fd < 0)
		give_up("io_uring_setup");
	size_t length = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	if (length < p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe))
		length = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *ring = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	if (ring == MAP_FAILED || sqes == MAP_FAILED)
		give_up("mmap of the ring");
	sqes[0] = *request;
	((unsigned *)(ring + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(ring + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		give_up("io_uring_enter");
	return ((struct io_uring_cqe *)(ring + p.cq_off.cqes))[0].res;
}

#endif
