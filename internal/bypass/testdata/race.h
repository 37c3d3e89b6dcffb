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

#define SECONDS 8

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
	int over = stop || time(NULL) > began + SECONDS || (tries >= least && met >= least / 4) ||
		   (tries % 16 == 15 && (!access("/proof/ran", F_OK) || !access("/proof/reached", F_OK)));
	if (over) {
		char text[24];
		note("/proof/tries", text, (size_t)snprintf(text, sizeof text, "%ld", tries));
	}
	tries++;
	return !over;
}

/* flipped: one more change; a varying pause, so that tries meet changes at every point. */
static inline void flipped(void)
{
	for (volatile long i = flips++ % 200; i > 0; i--)
		;
}

#endif
