// Too much: sizes that nobody has, products that overflow, an address space that is full.
// Run under `ulimit -v`.
#define _GNU_SOURCE
#include "check.h"
#include <malloc.h>
#include <stdint.h>

#define REFUSES(call)           \
    do {                        \
        errno = 0;              \
        CHECK((call) == NULL);  \
        CHECK(errno == ENOMEM); \
    } while (0)

static void absurd(void) {
    size_t sizes[] = {(size_t)PTRDIFF_MAX - 16, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1,
                      SIZE_MAX - 4096, SIZE_MAX - 15, SIZE_MAX};
    char *kept = malloc(100);
    memset(kept, 4, 100);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = hidden(sizes[i]);
        REFUSES(malloc(size));
        REFUSES(calloc(1, size));
        REFUSES(calloc(size, 1));
        REFUSES(realloc(NULL, size));
        REFUSES(realloc(kept, size));
        REFUSES(reallocarray(NULL, size, 1));
        REFUSES(memalign(64, size));
        REFUSES(aligned_alloc(32, size));
    }
    REFUSES(calloc(hidden(SIZE_MAX / 2), 3));
    REFUSES(calloc(hidden((size_t)1 << 32), (size_t)1 << 32));
    REFUSES(calloc(hidden((size_t)1 << 33), (size_t)1 << 31));
    REFUSES(reallocarray(kept, hidden((size_t)1 << 32), (size_t)1 << 32));
    CHECK(filled(kept, 4, 100));
    free(kept);
}

// Takes all there is in pieces of `piece` bytes; gives it back; returns how many there were.
static size_t fill(size_t piece) {
    void **chain = NULL, **next;
    size_t count = 0;
    errno = 0;
    while ((next = malloc(piece)) != NULL) {
        *next = chain;
        ((char *)next)[piece - 1] = 1;
        chain = next, count++;
        CHECK(count * piece < (size_t)16 << 30);
        errno = 0;
    }
    CHECK(errno == ENOMEM);
    REFUSES(calloc((size_t)1 << 30, 2));
    // What is there can still be read, written and freed.
    char *first = (char *)chain;
    if (first) {
        REFUSES(realloc(first, (size_t)8 << 30));
        CHECK(first[piece - 1] == 1);
    }
    while (chain) {
        void **dead = chain;
        chain = *chain;
        free(dead);
    }
    return count;
}

int main(void) {
    absurd();
    size_t pieces[] = {1 << 20, 30000, 700, 5 << 20, 1 << 20};
    size_t first = 0, last = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        last = fill(hidden(pieces[i]));
        CHECK(last > 0);
        if (i == 0) first = last;
    }
    // Service resumes: most of it can be had once more, in the first size.
    CHECK(last >= first / 2);
    puts("ok");
}
