// A thread that allocates for the first time when there is no memory, and one that does so while it ends. The first
// sees ENOMEM, and is served when there is memory again; the second has all it wants.
#define _GNU_SOURCE
#include "check.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

static pthread_barrier_t barrier;

// The rest of what malloc has, in ever smaller pieces.
static void **take_all(void) {
    void **chain = NULL, **next;
    for (size_t bytes = 8 << 20; bytes >= 16; bytes /= 2)
        while ((next = malloc(bytes)) != NULL) *next = chain, chain = next;
    return chain;
}

static void give_back(void **chain) {
    while (chain) {
        void **dead = chain;
        chain = *chain;
        free(dead);
    }
}

static void *newcomer(void *arg) {
    (void)arg;
    pthread_barrier_wait(&barrier); // there is none
    size_t sizes[] = {24, 100, 5000, 100000};
    for (int i = 0; i < 4; i++) {
        errno = 0;
        void *ptr = malloc(sizes[i]);
        CHECK(ptr != NULL || errno == ENOMEM);
        if (i > 1) CHECK(ptr == NULL);
        free(ptr);
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier); // there is some again
    for (int i = 0; i < 4; i++) {
        void *ptr = calloc(1, sizes[i]);
        CHECK(ptr != NULL && filled(ptr, 0, sizes[i]));
        free(ptr);
    }
    return NULL;
}

// What is taken before the limit, so that the address space has room for the first thread's stack.
static void starve(void) {
    pthread_t thread;
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, newcomer, NULL) == 0);
    FILE *statm = fopen("/proc/self/statm", "r");
    size_t pages;
    CHECK(statm && fscanf(statm, "%zu", &pages) == 1 && fclose(statm) == 0);
    struct rlimit limit, before;
    CHECK(getrlimit(RLIMIT_DATA, &before) == 0);
    // Writable memory, not addresses: what is reserved is there without a limit.
    limit = (struct rlimit){32 << 20, before.rlim_max};
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    void **chain = take_all();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK(setrlimit(RLIMIT_DATA, &before) == 0);
    give_back(chain);
    pthread_barrier_wait(&barrier);
    CHECK(pthread_join(thread, NULL) == 0);
}

static pthread_key_t key;
static atomic_int late;

static void at_end(void *arg) {
    unsigned char *ptr[40];
    for (int i = 0; i < 40; i++) {
        ptr[i] = malloc(100 * i + 1);
        CHECK(ptr[i] != NULL);
        memset(ptr[i], i, 100 * i + 1);
    }
    for (int i = 0; i < 40; i++) {
        CHECK(filled(ptr[i], i, 100 * i + 1));
        free(ptr[i]);
    }
    late++;
    (void)arg;
}

static void *ends_at_once(void *arg) {
    // A small number: the value takes no memory.
    CHECK(pthread_setspecific(key, arg) == 0);
    return NULL;
}

// With a stack that is unmapped when the thread has ended, and the thread's storage with it.
static void allocate_late(void) {
    CHECK(pthread_key_create(&key, at_end) == 0);
    pthread_attr_t large;
    CHECK(pthread_attr_init(&large) == 0 && pthread_attr_setstacksize(&large, 80 << 20) == 0);
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, &large, ends_at_once, (void *)1) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        // Goes over all threads that the allocator knows.
        malloc_trim(0);
    }
    CHECK(late == 100);
}

int main(int count, char **arguments) {
    (void)arguments;
    allocate_late();
    if (count > 1) starve();
    puts("ok");
}
