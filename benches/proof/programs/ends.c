// Threads that end in the middle of everything: by a return, by pthread_exit from deep within, by cancellation; with
// objects of theirs in other hands, and others' in theirs; while a thread has memory given back.
#define _GNU_SOURCE
#include "../../preload/tests/programs/check.h"
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { PLACES = 512, AT_ONCE = 8 };

// Who exchanges an object has it to himself.
static _Atomic(unsigned char *) places[PLACES];
static atomic_int stop;
static atomic_uint cancelled;

static void check_and_free(unsigned char *ptr) {
    if (!ptr) return;
    size_t bytes;
    memcpy(&bytes, ptr, sizeof bytes);
    CHECK(bytes >= sizeof bytes && bytes <= malloc_usable_size(ptr));
    CHECK(filled(ptr + sizeof bytes, (int)(bytes & 255), bytes - sizeof bytes));
    free(ptr);
}

static unsigned char *make(unsigned seed) {
    size_t bytes = 8 + ((seed >> 26) == 0 ? (seed >> 9) % 200000 : (seed >> 17) % 3000);
    unsigned char *ptr = malloc(bytes);
    CHECK(ptr != NULL);
    memcpy(ptr, &bytes, sizeof bytes);
    memset(ptr + sizeof bytes, (int)(bytes & 255), bytes - sizeof bytes);
    return ptr;
}

static void deep(size_t depth);
static void (*volatile deeper)(size_t) = deep;

// Leaves from within a few calls.
static void deep(size_t depth) {
    char *here = malloc(50 + depth);
    CHECK(here != NULL);
    free(here);
    if (depth == 0) pthread_exit(NULL);
    deeper(depth - 1);
}

static void *work(void *arg) {
    unsigned seed = (unsigned)(size_t)arg * 2654435761u;
    int kind = (int)((size_t)arg % 4);
    for (int i = 0; kind == 2 || i < 100 + (int)(seed % 700); i++) {
        seed = seed * 1664525u + 1013904223u;
        // Nothing is lost by a cancellation here: it happens at a point where the thread has nothing.
        unsigned char *mine = make(seed);
        check_and_free(atomic_exchange(&places[(seed >> 8) % PLACES], mine));
        if (kind == 2) pthread_testcancel();
    }
    if (kind == 1) deep(seed % 20);
    return NULL;
}

static void *trim(void *arg) {
    while (!stop) {
        malloc_trim(0);
        usleep(300);
    }
    return arg;
}

int main(int arguments, char **argument) {
    unsigned threads = arguments > 1 ? (unsigned)atoi(argument[1]) : 2000;
    pthread_t trimmer;
    CHECK(pthread_create(&trimmer, NULL, trim, NULL) == 0);
    unsigned ended = 0;
    while (ended < threads) {
        pthread_t ids[AT_ONCE];
        for (unsigned i = 0; i < AT_ONCE; i++)
            CHECK(pthread_create(&ids[i], NULL, work, (void *)(size_t)(ended + i)) == 0);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            int endless = (ended + i) % 4 == 2;
            if (endless) CHECK(pthread_cancel(ids[i]) == 0);
            void *result;
            CHECK(pthread_join(ids[i], &result) == 0);
            CHECK((result == PTHREAD_CANCELED) == endless);
            cancelled += endless;
        }
        ended += AT_ONCE;
    }
    stop = 1;
    CHECK(pthread_join(trimmer, NULL) == 0);
    for (int i = 0; i < PLACES; i++) check_and_free(places[i]);
    printf("ended %u cancelled %u\nok\n", ended, cancelled);
    return 0;
}
