// What every test program uses: CHECK ends the program with the place of the first thing that does
// not hold. A program that reaches its end prints "ok".
#pragma once
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(fact)                                                                     \
    do {                                                                                \
        if (!(fact)) {                                                                  \
            int code = errno;                                                           \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #fact, code); \
            _Exit(1);                                                                   \
        }                                                                               \
    } while (0)

#define ALIGNED(ptr, to) (((size_t)(ptr) & ((to) - 1)) == 0)

// Whether the program is meant to run on Strata; it also runs on libc, to show that it is right.
static inline int on_strata(void) { return getenv("TEST_ON_STRATA") != NULL; }

static inline int filled(const void *ptr, int byte, size_t size) {
    const unsigned char *bytes = (const unsigned char *)ptr;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)byte) return 0;
    return 1;
}

// Keeps the compiler from knowing a value.
static inline size_t hidden(size_t value) {
    __asm__ volatile("" : "+r"(value));
    return value;
}
