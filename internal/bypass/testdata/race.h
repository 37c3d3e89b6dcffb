/*
 * race.h - when a race is over: it was won, or it was tried often enough, with changes in between, or it takes too long.
 * The harness writes /proof/reached as soon as a server sees what it must not.
 */
#ifndef RACE_H
#define RACE_H

#include "attempt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define SECONDS 3

static _Atomic int stop;
static _Atomic long flips;

/* again: one more try, of at least so many; a quarter of them must have met a change. */
static inline int again(long least)
{
	static time_t began;
	static long tries, met, before;
	if (flips != before)
		met++;
	before = flips;
	if (!began)
		began = time(NULL);
	if (stop || time(NULL) > began + SECONDS)
		return 0;
	if (++tries % 16 == 0 && (!access("/proof/ran", F_OK) || !access("/proof/reached", F_OK)))
		return 0;
	return tries <= least || met < least / 4;
}

/* flipped: one more change; a varying pause, so that tries meet changes at every point. */
static inline void flipped(void)
{
	for (volatile long i = flips++ % 200; i > 0; i--)
		;
}

#endif
