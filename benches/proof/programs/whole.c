// A program that asks for memory in every way, with threads, while a call to the system fails: it sees a null
// pointer and ENOMEM, or nothing at all. What it has stays as it was. Says how often it was refused.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OBJECTS = 40, STEPS = 150, THREADS = 3 };

// Says why, and ends the program, without memory of anybody's.
static void fail(const char *why) {
    if (write(2, why, strlen(why)) < 0) _exit(2);
    if (write(2, "\n", 1) < 0) _exit(2);
    _exit(1);
}

struct object {
    unsigned char *ptr;
    size_t bytes;
    unsigned char mark;
};

struct worker {
    struct object live[OBJECTS];
    unsigned seed;
    unsigned refused;
};

static unsigned below(struct worker *w, unsigned end) {
    w->seed = w->seed * 1664525u + 1013904223u;
    return (unsigned)(((uint64_t)w->seed * end) >> 32);
}

// A long object is written and read here and there.
static size_t stride(size_t bytes) { return bytes > (1u << 20) ? 65537 : bytes > 8192 ? 509 : 1; }

static void fill(struct object *o) {
    for (size_t i = 0; i < o->bytes; i += stride(o->bytes)) o->ptr[i] = o->mark;
    o->ptr[o->bytes - 1] = o->mark;
}

static void check_up_to(const struct object *o, size_t bytes) {
    for (size_t i = 0; i < bytes; i += stride(o->bytes))
        if (o->ptr[i] != o->mark) fail("contents changed");
}

static void check(const struct object *o) {
    if (!o->ptr) return;
    check_up_to(o, o->bytes);
    if (o->ptr[o->bytes - 1] != o->mark) fail("the end changed");
}

static size_t size(struct worker *w) {
    switch (below(w, 40)) {
    case 0: return 1 + below(w, 6u << 20);
    case 1: return (33u << 20) + below(w, 1u << 20);
    case 2: case 3: case 4: return 1 + below(w, 600000);
    case 5: case 6: case 7: case 8: case 9: return 1 + below(w, 20000);
    default: return 1 + below(w, 900);
    }
}

static void *make(struct worker *w, size_t bytes) {
    void *ptr = NULL;
    errno = 0;
    switch (below(w, 5)) {
    case 0: ptr = calloc(1, bytes);
        if (ptr)
            for (size_t i = 0; i < bytes; i += stride(bytes))
                if (((unsigned char *)ptr)[i]) fail("calloc: not zero");
        break;
    case 1: ptr = aligned_alloc((size_t)16 << below(w, 10), bytes); break;
    case 2: {
        int code = posix_memalign(&ptr, (size_t)8 << below(w, 14), bytes);
        if (code != 0 && code != ENOMEM) fail("posix_memalign: another error");
        if (code) ptr = NULL;
        errno = code;
        break;
    }
    default: ptr = malloc(bytes);
    }
    if (!ptr && errno != ENOMEM) fail("null without ENOMEM");
    return ptr;
}

static void step(struct worker *w) {
    struct object *o = &w->live[below(w, OBJECTS)];
    check(o);
    if (o->ptr && below(w, 3) == 0) {
        size_t bytes = size(w);
        errno = 0;
        unsigned char *moved = realloc(o->ptr, bytes);
        if (!moved) {
            if (errno != ENOMEM) fail("realloc: null without ENOMEM");
            w->refused++;
            check(o);
            return;
        }
        o->ptr = moved;
        check_up_to(o, bytes < o->bytes ? bytes : o->bytes);
        o->bytes = bytes;
        fill(o);
        return;
    }
    free(o->ptr);
    *o = (struct object){NULL, 0, 0};
    size_t bytes = size(w);
    void *ptr = make(w, bytes);
    if (!ptr) {
        w->refused++;
        return;
    }
    *o = (struct object){ptr, bytes, (unsigned char)(1 + below(w, 255))};
    fill(o);
}

static void *work(void *arg) {
    struct worker *w = arg;
    for (int i = 0; i < STEPS; i++) step(w);
    return NULL;
}

static void clear(struct worker *w) {
    for (int i = 0; i < OBJECTS; i++) {
        check(&w->live[i]);
        free(w->live[i].ptr);
        w->live[i] = (struct object){NULL, 0, 0};
    }
}

static unsigned round_of(unsigned seed) {
    static struct worker workers[THREADS + 1];
    pthread_t threads[THREADS];
    int started[THREADS] = {0};
    unsigned refused = 0;
    for (int i = 0; i <= THREADS; i++) workers[i].seed = seed + i, workers[i].refused = 0;
    for (int i = 0; i < THREADS; i++) started[i] = pthread_create(&threads[i], NULL, work, &workers[i]) == 0;
    work(&workers[THREADS]);
    for (int i = 0; i < THREADS; i++)
        if (started[i]) pthread_join(threads[i], NULL);
    // What threads that have ended allocated is freed here.
    for (int i = 0; i <= THREADS; i++) clear(&workers[i]), refused += workers[i].refused;
    malloc_trim(0);
    return refused;
}

int main(void) {
    unsigned refused = 0;
    for (unsigned i = 1; i <= 2; i++) refused += round_of(i * 100);
    char line[64];
    int length = snprintf(line, sizeof line, "refused %u\nok\n", refused);
    return write(1, line, (size_t)length) == length ? 0 : 1;
}
