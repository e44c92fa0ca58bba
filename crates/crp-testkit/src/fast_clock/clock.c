/* Loaded before a program's other libraries: its clocks and its waits pass as fast as a page in memory says.
 *
 * What is faster is all of it in the same way: the time of day, the monotonic clock, and every wait with an end (epoll, poll, futex,
 * sleep), so that ten minutes are ten minutes to the program, whatever it measures or waits for them with. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* The longest wait in one piece, in real time: the rate may change meanwhile. */
#define SLICE (20 * 1000000LL)

/* From `since` on (CLOCK_BOOTTIME, real) clocks are `ahead` of the real ones and pass `rate` times as fast. */
struct change { int64_t rate, since, ahead; };
struct page { int64_t number; struct change changes[2]; };

static const volatile struct page *page;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_epoll_wait)(int, struct epoll_event *, int, int);
static int (*real_poll)(struct pollfd *, nfds_t, int);
static int (*real_nanosleep)(const struct timespec *, struct timespec *);
static long (*real_syscall)(long, ...);

static void find(void) {
    real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
    real_poll = dlsym(RTLD_NEXT, "poll");
    real_nanosleep = dlsym(RTLD_NEXT, "nanosleep");
    real_syscall = dlsym(RTLD_NEXT, "syscall");
}

__attribute__((constructor)) static void begin(void) {
    if (!real_syscall) find();
    const char *path = getenv("CRP_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *at = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (at != MAP_FAILED) page = at;
}

static int64_t real(clockid_t id) {
    struct timespec now;
    if (!real_gettime) find();
    real_gettime(id, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static struct change current(int64_t boot) {
    int64_t number = page->number;
    int at = number & 1;
    /* A change is written before it holds. */
    if (boot < page->changes[at].since && number > 0) at = !at;
    struct change change = { page->changes[at].rate, page->changes[at].since, page->changes[at].ahead };
    return change;
}

static int64_t ahead(void) {
    if (!page) return 0;
    int64_t boot = real(CLOCK_BOOTTIME);
    struct change change = current(boot);
    return change.ahead + (change.rate - 1) * (boot - change.since);
}

static int64_t shown(clockid_t id) { return real(id) + ahead(); }

/* How long to wait in one piece, in real time, for the end of a wait on a clock that the program sees; 0 when it is over. */
static int64_t slice(int64_t end) {
    int64_t left = end - shown(CLOCK_MONOTONIC);
    if (left <= 0) return 0;
    left = left / (page ? current(real(CLOCK_BOOTTIME)).rate : 1) + 1;
    return left < SLICE ? left : SLICE;
}

static struct timespec as_timespec(int64_t nanoseconds) {
    struct timespec time = { nanoseconds / SECOND, nanoseconds % SECOND };
    return time;
}

static int64_t nanoseconds(const struct timespec *time) { return time->tv_sec * SECOND + time->tv_nsec; }

int clock_gettime(clockid_t id, struct timespec *time) {
    if (!real_gettime) find();
    int failed = real_gettime(id, time);
    int is_of_the_world = id != CLOCK_PROCESS_CPUTIME_ID && id != CLOCK_THREAD_CPUTIME_ID && id >= 0;
    if (!failed && page && is_of_the_world) *time = as_timespec(nanoseconds(time) + ahead());
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    int64_t now = shown(CLOCK_REALTIME);
    time->tv_sec = now / SECOND;
    time->tv_usec = now % SECOND / 1000;
    return 0;
}

time_t time(time_t *at) {
    time_t now = shown(CLOCK_REALTIME) / SECOND;
    if (at) *at = now;
    return now;
}

/* Milliseconds of a wait in one piece, never too few to reach its end in the last one. */
static int piece(int64_t end) { return (int)((slice(end) + 999999) / 1000000); }

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
    if (!real_epoll_wait) find();
    if (!page || timeout <= 0) return real_epoll_wait(epoll, events, most, timeout);
    int64_t end = shown(CLOCK_MONOTONIC) + timeout * 1000000LL;
    for (;;) {
        int wait = piece(end), ready = real_epoll_wait(epoll, events, most, wait);
        if (ready != 0 || wait == 0) return ready;
    }
}

int poll(struct pollfd *files, nfds_t count, int timeout) {
    if (!real_poll) find();
    if (!page || timeout <= 0) return real_poll(files, count, timeout);
    int64_t end = shown(CLOCK_MONOTONIC) + timeout * 1000000LL;
    for (;;) {
        int wait = piece(end), ready = real_poll(files, count, wait);
        if (ready != 0 || wait == 0) return ready;
    }
}

static int sleep_until(int64_t end, struct timespec *rest) {
    for (int64_t wait; (wait = slice(end)) > 0;) {
        struct timespec piece = as_timespec(wait);
        if (real_nanosleep(&piece, NULL) != 0) {
            int64_t left = end - shown(CLOCK_MONOTONIC);
            if (rest) *rest = as_timespec(left > 0 ? left : 0);
            return -1;
        }
    }
    return 0;
}

int nanosleep(const struct timespec *time, struct timespec *rest) {
    if (!real_nanosleep) find();
    return sleep_until(shown(CLOCK_MONOTONIC) + nanoseconds(time), rest);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *time, struct timespec *rest) {
    if (!real_nanosleep) find();
    int64_t span = nanoseconds(time) - (flags & TIMER_ABSTIME ? shown(id) : 0);
    return sleep_until(shown(CLOCK_MONOTONIC) + span, rest) == 0 ? 0 : errno;
}

int usleep(useconds_t microseconds) {
    struct timespec time = as_timespec(microseconds * 1000LL);
    return nanosleep(&time, NULL);
}

unsigned int sleep(unsigned int seconds) {
    struct timespec time = { seconds, 0 };
    return nanosleep(&time, NULL) == 0 ? 0 : 1;
}

/* A wait for another thread, with an end: Rust's condition variables and parked threads wait so. */
static long wait_for_change(long word, long operation, long value, const struct timespec *time, long other, long mask) {
    int is_absolute = (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    clockid_t clock = operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    int64_t end = shown(CLOCK_MONOTONIC) + nanoseconds(time) - (is_absolute ? shown(clock) : 0);
    for (;;) {
        int64_t wait = slice(end);
        struct timespec piece = as_timespec(is_absolute ? real(clock) + wait : wait);
        long woken = real_syscall(SYS_futex, word, operation, value, &piece, other, mask);
        if (woken == 0 || errno != ETIMEDOUT || wait == 0) return woken;
    }
}

long syscall(long number, ...) {
    va_list rest;
    va_start(rest, number);
    long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long);
    long d = va_arg(rest, long), e = va_arg(rest, long), f = va_arg(rest, long);
    va_end(rest);
    if (!real_syscall) find();
    int waits = (b & FUTEX_CMD_MASK) == FUTEX_WAIT || (b & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    if (page && number == SYS_futex && waits && d) return wait_for_change(a, b, c, (const struct timespec *)d, e, f);
    return real_syscall(number, a, b, c, d, e, f);
}
