// Signals at any moment. What is promised is what POSIX says: a handler may call malloc unless it interrupts malloc, or
// another function that is not async-signal-safe.
//
// 1. A handler that does not allocate interrupts threads in the middle of allocating, at any moment.
// 2. A handler that allocates, resizes and frees interrupts a thread that does not allocate meanwhile: it computes, or
//    waits, and blocks the signal around its own calls. Others allocate all the time, with the signal blocked.
#define _GNU_SOURCE
#include "../../preload/tests/programs/check.h"
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 3, KEPT = 64 };

static atomic_int stop;
static atomic_uint handled, allocated;

static void block(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

static void *churn(void *arg) {
    unsigned seed = (unsigned)(size_t)arg;
    unsigned char *live[KEPT] = {0};
    size_t bytes[KEPT] = {0};
    while (!stop) {
        seed = seed * 1664525u + 1013904223u;
        int at = (seed >> 10) % KEPT;
        if (live[at]) CHECK(live[at][0] == at && live[at][bytes[at] - 1] == at);
        size_t size = 1 + ((seed >> 27) == 0 ? (seed >> 12) % 300000 : (seed >> 16) % 2000);
        if (live[at] && (seed >> 24) % 3 == 0) {
            live[at] = realloc(live[at], size);
            CHECK(live[at] != NULL);
        } else {
            free(live[at]);
            live[at] = malloc(size);
            CHECK(live[at] != NULL);
        }
        bytes[at] = size;
        live[at][0] = live[at][size - 1] = (unsigned char)at;
        if ((seed >> 8) % 5000 == 0) malloc_trim(0);
    }
    for (int i = 0; i < KEPT; i++) free(live[i]);
    return NULL;
}

static void *blocked_churn(void *arg) {
    block(SIG_BLOCK);
    return churn(arg);
}

static void count(int signal) {
    (void)signal;
    handled++;
}

static unsigned char *kept[KEPT];
static size_t kept_bytes[KEPT];

static void allocate(int signal) {
    (void)signal;
    int code = errno;
    unsigned at = handled++;
    for (int i = 0; i < 8; i++) {
        unsigned place = (at * 8 + i) % KEPT;
        unsigned char mark = (unsigned char)place;
        if (kept[place]) CHECK(filled(kept[place], mark, kept_bytes[place]));
        if (i % 3 == 0) {
            size_t bytes = 20 + (at * 37 + i * 1000) % 9000;
            kept[place] = realloc(kept[place], bytes);
            CHECK(kept[place] != NULL);
            kept_bytes[place] = bytes;
        } else {
            free(kept[place]);
            kept_bytes[place] = 1 + (at * 11 + i) % 700;
            kept[place] = malloc(kept_bytes[place]);
            CHECK(kept[place] != NULL);
        }
        memset(kept[place], mark, kept_bytes[place]);
        allocated++;
    }
    errno = code;
}

static void every(long micros) {
    struct itimerval timer = {{0, micros}, {0, micros}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void handle(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int arguments, char **argument) {
    double seconds = arguments > 1 ? atof(argument[1]) : 2;
    pthread_t threads[THREADS];

    handle(count);
    // Also interrupts them directly: the timer's signal mostly goes to the main thread.
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    every(300);
    unsigned sent = 0;
    for (double end = now() + seconds / 2; now() < end; sent++) {
        CHECK(pthread_kill(threads[sent % THREADS], SIGALRM) == 0);
        free(malloc(sent % 3000));
        if (sent % 16 == 0) usleep(50);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    every(0);
    unsigned interrupted = handled;
    CHECK(interrupted > 100);

    stop = 0;
    block(SIG_BLOCK);
    handle(allocate);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, blocked_churn, (void *)(i + 9)) == 0);
    every(200);
    unsigned char *mine = NULL;
    volatile unsigned long sum = 0;
    for (double end = now() + seconds / 2; now() < end;) {
        free(mine);
        mine = malloc(500);
        CHECK(mine != NULL);
        memset(mine, 7, 500);
        block(SIG_UNBLOCK);
        for (int i = 0; i < 200000; i++) sum += i * sum + mine[i % 500];
        block(SIG_BLOCK);
        CHECK(filled(mine, 7, 500));
    }
    every(0);
    stop = 1;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(allocated > 100);
    printf("interrupted %u allocated %u\nok\n", interrupted, allocated);
    return 0;
}
