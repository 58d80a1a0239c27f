// Threads that free what others allocated, come and go, and allocate while they end.
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { RING = 1024, ROUNDS = 60000, PAIRS = 3 };

struct ring {
    _Atomic(unsigned char *) slots[RING];
    int mark;
};

static void *producer(void *arg) {
    struct ring *ring = arg;
    unsigned seed = 7 + ring->mark;
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525u + 1013904223u;
        size_t size = 2 + ((seed >> 27) == 0 ? (seed >> 10) % 100000 : (seed >> 10) % 600);
        unsigned char *ptr = malloc(size);
        CHECK(ptr != NULL);
        memset(ptr, ring->mark, size < 64 ? size : 64);
        while (atomic_load(&ring->slots[i % RING]) != NULL) sched_yield();
        atomic_store(&ring->slots[i % RING], ptr);
    }
    return NULL;
}

static void *consumer(void *arg) {
    struct ring *ring = arg;
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char *ptr;
        while ((ptr = atomic_load(&ring->slots[i % RING])) == NULL) sched_yield();
        CHECK(ptr[0] == ring->mark && ptr[1] == ring->mark);
        if (i % 5 == 0) {
            ptr = realloc(ptr, 900);
            CHECK(ptr != NULL && ptr[0] == ring->mark);
        }
        free(ptr);
        atomic_store(&ring->slots[i % RING], NULL);
    }
    return NULL;
}

static void pipelines(void) {
    static struct ring rings[PAIRS];
    pthread_t threads[2 * PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        rings[i].mark = i + 1;
        CHECK(pthread_create(&threads[2 * i], NULL, producer, &rings[i]) == 0);
        CHECK(pthread_create(&threads[2 * i + 1], NULL, consumer, &rings[i]) == 0);
    }
    for (int i = 0; i < 2 * PAIRS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static pthread_key_t keys[3];
static atomic_int destroyed;

// Runs while the thread ends, perhaps after the allocator's own key; sets itself up again, too.
static void destructor(void *value) {
    unsigned char *ptr = value;
    CHECK(ptr[0] == 42);
    int rounds = ptr[1];
    free(ptr);
    for (int i = 1; i < 300; i++) {
        unsigned char *tmp = calloc(1, i * 7);
        CHECK(tmp != NULL && filled(tmp, 0, i * 7));
        free(tmp);
    }
    destroyed++;
    if (rounds > 0) {
        ptr = malloc(2);
        ptr[0] = 42, ptr[1] = rounds - 1;
        CHECK(pthread_setspecific(keys[rounds % 3], ptr) == 0);
    }
}

static void *short_lived(void *arg) {
    for (int k = 0; k < 3; k++) {
        unsigned char *ptr = malloc(2);
        CHECK(ptr != NULL);
        ptr[0] = 42, ptr[1] = k == 0 ? 2 : 0;
        CHECK(pthread_setspecific(keys[k], ptr) == 0);
    }
    // Left for the one who joins to free.
    unsigned char *gift = malloc((size_t)arg);
    memset(gift, 5, (size_t)arg);
    return gift;
}

static void coming_and_going(void) {
    for (int k = 0; k < 3; k++) CHECK(pthread_key_create(&keys[k], destructor) == 0);
    for (int round = 0; round < 250; round++) {
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++)
            CHECK(pthread_create(&threads[i], NULL, short_lived, (void *)(10 + i * 3000)) == 0);
        for (size_t i = 0; i < 4; i++) {
            void *gift;
            CHECK(pthread_join(threads[i], &gift) == 0 && filled(gift, 5, 10 + i * 3000));
            free(gift);
        }
    }
    CHECK(destroyed >= 250 * 4 * 3);
}

static void at_exit(void) {
    for (int i = 0; i < 100; i++) free(malloc(i * 50));
    puts("ok");
}

static void *forever(void *arg) {
    for (;;) free(malloc(100 + (size_t)arg));
    return NULL;
}

int main(void) {
    CHECK(atexit(at_exit) == 0);
    pipelines();
    coming_and_going();
    // The process ends under threads that never stop.
    pthread_t busy;
    for (size_t i = 0; i < 2; i++) CHECK(pthread_create(&busy, NULL, forever, (void *)i) == 0);
    return 0;
}
