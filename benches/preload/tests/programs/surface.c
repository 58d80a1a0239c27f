// malloc, calloc, realloc, reallocarray, free and C23's sized frees: what they promise.
#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>

static void the_library_is_there(void) {
    Dl_info info;
    CHECK(dladdr((void *)malloc, &info));
    CHECK((strstr(info.dli_fname, "libstrata_preload") != NULL) == on_strata());
}

static void sizes_and_alignment(void) {
    for (size_t size = 1; size < 70000; size += size < 2100 ? 1 : 997) {
        unsigned char *ptr = malloc(hidden(size));
        CHECK(ptr != NULL && ALIGNED(ptr, size >= 16 ? 16 : 8));
        size_t usable = malloc_usable_size(ptr);
        CHECK(usable >= size);
        memset(ptr, 0x5a, usable);
        free(ptr);
    }
    for (size_t size = 1 << 17; size <= (size_t)1 << 30; size *= 2) {
        unsigned char *ptr = malloc(hidden(size + 1));
        CHECK(ptr != NULL && ALIGNED(ptr, 16));
        ptr[0] = ptr[size] = 1;
        free(ptr);
    }
}

static void zero_sizes(void) {
    void *a = malloc(hidden(0)), *b = malloc(hidden(0)), *c = calloc(hidden(0), 8);
    CHECK(a != NULL && b != NULL && c != NULL && a != b && b != c && a != c);
    free(a), free(b), free(c);
    free(NULL);
    CHECK(realloc(malloc(100), hidden(0)) == NULL);
    void *d = realloc(NULL, hidden(0));
    CHECK(d != NULL);
    free(d);
}

// A dirty slot must come back zeroed, whatever its size.
static void calloc_zeroes(void) {
    for (size_t size = 1; size < (8u << 20); size = size * 5 / 3 + 1) {
        for (int round = 0; round < 3; round++) {
            unsigned char *ptr = calloc(1, hidden(size));
            CHECK(ptr != NULL && filled(ptr, 0, size));
            memset(ptr, 0xff, size);
            free(ptr);
            ptr = malloc(hidden(size));
            CHECK(ptr != NULL);
            memset(ptr, 0xee, size);
            free(ptr);
        }
    }
}

static void realloc_keeps(void) {
    size_t size = 1;
    unsigned char *ptr = malloc(size);
    ptr[0] = 7;
    while (size < (64u << 20)) {
        size_t next = size * 3 / 2 + 1;
        ptr = realloc(ptr, hidden(next));
        CHECK(ptr != NULL && ALIGNED(ptr, next >= 16 ? 16 : 8) && filled(ptr, 7, size));
        memset(ptr, 7, next);
        size = next;
    }
    while (size > 1) {
        size_t next = size * 2 / 3;
        ptr = realloc(ptr, hidden(next));
        CHECK(ptr != NULL && filled(ptr, 7, next) && malloc_usable_size(ptr) >= next);
        size = next;
    }
    free(ptr);
    // Everything up to the usable size is kept, not only what was asked for.
    for (size_t from = 1; from < 300000; from = from * 7 / 4 + 1) {
        ptr = malloc(hidden(from));
        size_t usable = malloc_usable_size(ptr);
        memset(ptr, 9, usable);
        ptr = realloc(ptr, usable * 3);
        CHECK(ptr != NULL && filled(ptr, 9, usable));
        free(ptr);
    }
}

// A shrink gives memory back: 200 MiB and 1 MiB are not the same.
static void realloc_gives_back(void) {
    char *ptr = malloc(hidden(200u << 20));
    CHECK(ptr != NULL);
    ptr = realloc(ptr, hidden(1u << 20));
    CHECK(ptr != NULL && malloc_usable_size(ptr) < (4u << 20));
    free(ptr);
}

static void arrays(void) {
    int *ptr = reallocarray(NULL, hidden(1000), sizeof(int));
    CHECK(ptr != NULL);
    for (int i = 0; i < 1000; i++) ptr[i] = i;
    ptr = reallocarray(ptr, hidden(100000), sizeof(int));
    CHECK(ptr != NULL);
    for (int i = 0; i < 1000; i++) CHECK(ptr[i] == i);
    errno = 0;
    CHECK(reallocarray(ptr, hidden(SIZE_MAX / 2), 3) == NULL && errno == ENOMEM);
    for (int i = 0; i < 1000; i++) CHECK(ptr[i] == i);
    free(ptr);
}

// Nothing of nothing: each is an allocation of its own, which can be freed; none of them is an error.
static void nothing(void) {
    void *ptrs[] = {malloc(hidden(0)), calloc(hidden(0), 0), calloc(8, hidden(0)), calloc(hidden(0), hidden(SIZE_MAX)),
                    realloc(NULL, hidden(0)), reallocarray(NULL, hidden(0), hidden(SIZE_MAX)),
                    reallocarray(NULL, hidden(SIZE_MAX), hidden(0)), memalign(64, hidden(0)), memalign(8192, hidden(0)),
                    aligned_alloc(16, hidden(0)), aligned_alloc(4096, hidden(0)), valloc(hidden(0)), NULL};
    enum { COUNT = sizeof ptrs / sizeof *ptrs };
    errno = 1234;
    CHECK(posix_memalign(&ptrs[COUNT - 1], 32, hidden(0)) == 0 && errno == 1234);
    for (int i = 0; i < COUNT; i++) {
        CHECK(ptrs[i] != NULL);
        for (int j = 0; j < i; j++) CHECK(ptrs[i] != ptrs[j]);
    }
    for (int i = 0; i < COUNT; i++) free(ptrs[i]);
    CHECK(errno == 1234);
    CHECK(malloc_usable_size(NULL) == 0 && errno == 1234);
    // An array that is resized to nothing is freed, as by realloc.
    CHECK(reallocarray(malloc(100), hidden(0), 8) == NULL);
    CHECK(reallocarray(malloc(100), 8, hidden(0)) == NULL);
    CHECK(reallocarray(malloc(100), hidden(SIZE_MAX), hidden(0)) == NULL);
}

// What succeeds leaves errno alone; and so does every free.
static void errno_stays(void) {
    void (*free_sized)(void *, size_t) = dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned)(void *, size_t, size_t) = dlsym(RTLD_DEFAULT, "free_aligned_sized");
    for (size_t size = 1; size <= (64u << 20); size *= 3) {
        errno = 1234;
        char *ptr = malloc(hidden(size)), *zeroed = calloc(3, hidden(size)), *aligned = memalign(256, size);
        CHECK(ptr && zeroed && aligned);
        // Each moves what it is given, or does not.
        CHECK((ptr = realloc(ptr, 2 * size)) && (zeroed = reallocarray(zeroed, size, 7)) && errno == 1234);
        malloc_usable_size(ptr);
        free(ptr), free(zeroed);
        if (free_aligned) free_aligned(aligned, 256, size);
        else free(aligned);
        if (free_sized) free_sized(malloc(size), size);
        CHECK(errno == 1234);
    }
}

// What is refused leaves everything as it was.
static void refusals(void) {
    char *kept = malloc(100);
    memset(kept, 4, 100);
    size_t page = 4096;
    size_t absurd[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - page, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        size_t size = hidden(absurd[i]);
        errno = 0;
        CHECK(realloc(kept, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(reallocarray(kept, 1, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(valloc(size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(pvalloc(size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(calloc(size, 2) == NULL && errno == ENOMEM);
        void *ptr = kept;
        CHECK(posix_memalign(&ptr, 64, size) == ENOMEM && ptr == kept);
    }
    CHECK(filled(kept, 4, 100) && malloc_usable_size(kept) >= 100);
    free(kept);
}

static void sized_frees(void) {
    void (*free_sized)(void *, size_t) = dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned)(void *, size_t, size_t) = dlsym(RTLD_DEFAULT, "free_aligned_sized");
    CHECK(!on_strata() || (free_sized && free_aligned));
    if (!free_sized || !free_aligned) return;
    for (size_t size = 0; size < 5000; size += 13) {
        free_sized(malloc(size), size);
        free_sized(calloc(size, 3), size * 3);
        free_sized(realloc(malloc(10), size + 1), size + 1);
        free_aligned(aligned_alloc(64, size), 64, size);
        free_aligned(aligned_alloc(8192, size), 8192, size);
    }
    free_sized(NULL, 0);
    free_aligned(NULL, 64, 64);
}

// Many live allocations of all sizes, each with its own bytes.
static void no_overlap(void) {
    enum { LIVE = 4000 };
    static struct {
        unsigned char *ptr;
        size_t size;
    } live[LIVE];
    unsigned seed = 1;
    for (int step = 0; step < 400000; step++) {
        seed = seed * 1664525u + 1013904223u;
        int at = (seed >> 8) % LIVE;
        if (live[at].ptr) {
            CHECK(live[at].ptr[0] == (at & 255) && live[at].ptr[live[at].size - 1] == (at & 255));
            if (seed & 0x80) {
                size_t size = 1 + (seed >> 20) % 3000;
                unsigned char *ptr = realloc(live[at].ptr, size);
                CHECK(ptr != NULL && ptr[0] == (at & 255));
                live[at].ptr = ptr, live[at].size = size;
                ptr[size - 1] = at & 255;
            } else {
                free(live[at].ptr);
                live[at].ptr = NULL;
            }
        } else {
            size_t size = (seed & 0x1f) ? 1 + (seed >> 22) : 1 + (seed >> 12) % 200000;
            live[at].ptr = malloc(size), live[at].size = size;
            CHECK(live[at].ptr != NULL);
            live[at].ptr[0] = live[at].ptr[size - 1] = at & 255;
        }
    }
    for (int at = 0; at < LIVE; at++) free(live[at].ptr);
}

int main(void) {
    the_library_is_there();
    sizes_and_alignment();
    zero_sizes();
    calloc_zeroes();
    realloc_keeps();
    realloc_gives_back();
    arrays();
    nothing();
    errno_stays();
    refusals();
    sized_frees();
    no_overlap();
    puts("ok");
}
