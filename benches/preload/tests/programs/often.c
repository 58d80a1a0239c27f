// How often each function's objects are a watcher's. `often calls N`: one object in N stands between guard pages, and then has just the
// bytes that were asked for. `often bytes N`: one byte in N is sampled, and a sample starts on a page. `often held`: what a profile has
// to say of two functions that hold memory.
#include "check.h"
#include <malloc.h>

enum { ROUNDS = 20000, KEPT = 64 };

static int by_calls;

// A slot has more bytes than any size that is used here.
static int is_watched(void *ptr, size_t bytes) {
    return by_calls ? malloc_usable_size(ptr) == bytes : ALIGNED(ptr, 4096);
}

static void *by_malloc(size_t bytes) { return malloc(bytes); }

static void *by_calloc(size_t bytes) {
    void *ptr = calloc(1, bytes);
    CHECK(ptr == NULL || filled(ptr, 0, bytes));
    return ptr;
}

static void *by_realloc_of_nothing(size_t bytes) { return realloc(NULL, bytes); }

// What it grows from is small, and seldom watched.
static void *by_realloc(size_t bytes) {
    char *ptr = malloc(20);
    CHECK(ptr != NULL);
    memset(ptr, 0x5A, 20);
    ptr = realloc(ptr, bytes);
    CHECK(ptr != NULL && filled(ptr, 0x5A, 20));
    return ptr;
}

// What it grows from is watched.
static void *by_realloc_of_watched(size_t bytes) {
    char *ptr = malloc(40);
    CHECK(ptr != NULL);
    for (int tries = 0; !is_watched(ptr, 40) && tries < 20; tries++) {
        free(ptr);
        CHECK((ptr = malloc(40)) != NULL);
    }
    memset(ptr, 0x5A, 40);
    ptr = realloc(ptr, bytes);
    CHECK(ptr != NULL && filled(ptr, 0x5A, 40));
    return ptr;
}

// 1 - exp(-x).
static double odds(double x) {
    double passes = 1 - x / (1 << 20);
    for (int i = 0; i < 20; i++) passes *= passes;
    return 1 - passes;
}

// The part of a function's objects that is a watcher's is this, or off by six times what chance does to it. `more`: and what starts on
// a page by itself.
static void is_about(const char *name, void *(*make)(size_t), size_t bytes, double part, double more) {
    int watched = 0;
    void *kept[KEPT] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        void *ptr = make(bytes);
        CHECK(ptr != NULL);
        CHECK(malloc_usable_size(ptr) >= bytes);
        watched += is_watched(ptr, bytes);
        memset(ptr, 0xAA, bytes);
        // They are freed in another order, from another's neighbourhood.
        free(kept[i * 7 % KEPT]);
        kept[i * 7 % KEPT] = ptr;
    }
    for (int i = 0; i < KEPT; i++) free(kept[i]);
    double below = ROUNDS * part - 5 - watched, above = watched - 5 - ROUNDS * (part + more);
    double off = below > above ? below : above;
    if (off > 0 && off * off > 36 * ROUNDS * part * (1 - part)) {
        fprintf(stderr, "%s of %zu bytes: %d of %d are watched, not one in %.1f\n", name, bytes, watched, ROUNDS, part > 0 ? 1 / part : 0);
        _Exit(1);
    }
}

#define IS_ABOUT(make, bytes, part, more) is_about(#make, make, bytes, part, more)

static void calls(double mean) {
    // The odds of each object, as they are drawn: a distance is 0 as well.
    double part = odds(1 / mean);
    static const size_t sizes[] = {1, 100, 1000, 1500, 3000, 4090};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        IS_ABOUT(by_malloc, sizes[i], part, 0);
        IS_ABOUT(by_calloc, sizes[i], part, 0);
        IS_ABOUT(by_realloc_of_nothing, sizes[i], part, 0);
    }
    // What is grown to is guarded only if what it was grown from is.
    IS_ABOUT(by_realloc, 100, part * part, 0);
    IS_ABOUT(by_realloc, 3000, part * part, 0);
    by_realloc_of_watched(3000);
    // What is too large for a page is not guarded.
    IS_ABOUT(by_malloc, 5000, 0, 0);
    IS_ABOUT(by_calloc, 50000, 0, 0);
}

static void bytes(double mean) {
    static const size_t sizes[] = {100, 600, 1300, 2500};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        double part = odds(sizes[i] / mean);
        // So many slots start on a page without a sample.
        double more = sizes[i] / 4096.0;
        IS_ABOUT(by_malloc, sizes[i], part, more);
        IS_ABOUT(by_calloc, sizes[i], part, more);
        IS_ABOUT(by_realloc_of_nothing, sizes[i], part, more);
        IS_ABOUT(by_realloc, sizes[i], part, more);
        IS_ABOUT(by_realloc_of_watched, sizes[i], part, more);
    }
}

enum { PARTS = 6000 };
static void *held[4][PARTS];

__attribute__((noinline)) void hold_by_calloc(void) {
    for (int i = 0; i < PARTS; i++) CHECK((held[0][i] = calloc(3, 500)) != NULL);
}

__attribute__((noinline)) void hold_by_realloc(void) {
    for (int i = 0; i < PARTS; i++) {
        CHECK((held[1][i] = malloc(100)) != NULL);
        CHECK((held[1][i] = realloc(held[1][i], 700)) != NULL);
        CHECK((held[1][i] = realloc(held[1][i], 1500)) != NULL);
    }
}

__attribute__((noinline)) void hold_by_malloc(void) {
    for (int i = 0; i < PARTS; i++) CHECK((held[2][i] = malloc(1500)) != NULL);
}

// Each is grown by another function, and then its.
__attribute__((noinline)) void hold_before(void) {
    for (int i = 0; i < PARTS; i++) CHECK((held[3][i] = malloc(600)) != NULL);
}

__attribute__((noinline)) void hold_after(void) {
    for (int i = 0; i < PARTS; i++) CHECK((held[3][i] = realloc(held[3][i], 1500)) != NULL);
}

int main(int argc, char **argv) {
    CHECK(argc >= 2);
    if (strcmp(argv[1], "calls") == 0) {
        by_calls = 1;
        calls(atof(argv[2]));
    } else if (strcmp(argv[1], "bytes") == 0) {
        bytes(atof(argv[2]));
    } else {
        hold_by_calloc();
        hold_by_realloc();
        hold_by_malloc();
        hold_before();
        hold_after();
    }
    puts("ok");
    return 0;
}
