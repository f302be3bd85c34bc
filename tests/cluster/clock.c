/* A library that sets the clock of one program wrong: LD_PRELOAD=…/clock.so CLOCK_SHIFT=-3600 program.
 *
 * The clock of the machine cannot be used for that: all pods and the servers share it. Time namespaces of Linux leave
 * the time of day alone. Clocks that measure durations stay right, so timeouts have their usual length. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static long shift(void)
{
	const char *text = getenv("CLOCK_SHIFT");
	return text ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, now);
	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += shift();
	return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &exact))
		return -1;
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *place)
{
	struct timespec exact;
	if (clock_gettime(CLOCK_REALTIME, &exact))
		return (time_t)-1;
	if (place)
		*place = exact.tv_sec;
	return exact.tv_sec;
}

/* Who waits until a time of day asked here what time it is, and the kernel compares with the right one. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
	static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
	struct timespec right = *until;
	if (!wait)
		wait = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
	right.tv_sec -= shift();
	return wait(condition, mutex, &right);
}
