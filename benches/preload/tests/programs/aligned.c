// Allocations with an alignment, and the ways in which they refuse one.
#define _GNU_SOURCE
#include "check.h"
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

static void posix(void) {
    for (size_t align = sizeof(void *); align <= (4u << 20); align *= 2) {
        for (size_t size = 0; size < 100000; size = size * 3 + 1) {
            void *ptr = NULL;
            errno = 77;
            CHECK(posix_memalign(&ptr, align, size) == 0 && errno == 77);
            CHECK(ptr != NULL && ALIGNED(ptr, align) && malloc_usable_size(ptr) >= size);
            memset(ptr, 1, size);
            free(ptr);
        }
    }
    void *mine = &mine, *ptr = mine;
    size_t wrong[] = {0, 1, 2, 3, 4, 7, 12, 24, 48, 100, SIZE_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        errno = 77;
        CHECK(posix_memalign(&ptr, hidden(wrong[i]), 8) == EINVAL && ptr == mine && errno == 77);
    }
    CHECK(posix_memalign(&ptr, 64, hidden(SIZE_MAX - 10)) == ENOMEM);
    CHECK(posix_memalign(&ptr, 64, hidden(PTRDIFF_MAX)) == ENOMEM);
    CHECK(posix_memalign(&ptr, hidden((size_t)1 << 62), 8) == ENOMEM);
    // libc's own way to fail sets errno, which POSIX allows.
    CHECK(ptr == mine && (errno == 77 || !on_strata()));
}

static void c11(void) {
    for (size_t align = 1; align <= 65536; align *= 2) {
        void *a = aligned_alloc(align, hidden(align)), *b = aligned_alloc(align, hidden(5));
        CHECK(a && b && a != b && ALIGNED(a, align) && ALIGNED(b, align));
        free(a), free(b);
    }
    // glibc before 2.38 lets an odd alignment pass.
    if (on_strata()) {
        size_t wrong[] = {0, 3, 12, 48, 4095, SIZE_MAX};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            errno = 0;
            CHECK(aligned_alloc(hidden(wrong[i]), 64) == NULL && errno == EINVAL);
        }
    }
    errno = 0;
    CHECK(aligned_alloc(64, hidden(SIZE_MAX - 63)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(aligned_alloc(4096, hidden(PTRDIFF_MAX)) == NULL && errno == ENOMEM);
}

static void old(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t align = 1; align < 300; align++) {
        size_t up = 1;
        while (up < align) up *= 2;
        void *ptr = memalign(hidden(align), 40);
        CHECK(ptr != NULL && ALIGNED(ptr, up));
        free(ptr);
    }
    errno = 0;
    CHECK(memalign(hidden(SIZE_MAX / 2 + 2), 8) == NULL && errno == EINVAL);
    void *v = valloc(hidden(10)), *p = pvalloc(hidden(page + 1)), *z = pvalloc(hidden(0));
    CHECK(v && p && z && ALIGNED(v, page) && ALIGNED(p, page) && ALIGNED(z, page));
    CHECK(malloc_usable_size(p) >= 2 * page);
    memset(p, 1, 2 * page);
    free(v), free(p), free(z);
    errno = 0;
    CHECK(pvalloc(hidden(SIZE_MAX - 10)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(valloc(hidden(SIZE_MAX - 10)) == NULL && errno == ENOMEM);
}

// What was aligned may be resized by realloc: its bytes stay, its alignment need not.
static void resized(void) {
    for (size_t align = 32; align <= (1u << 20); align *= 8) {
        unsigned char *ptr = aligned_alloc(align, 3 * align);
        CHECK(ptr != NULL);
        memset(ptr, 3, 3 * align);
        ptr = realloc(ptr, 10 * align);
        CHECK(ptr != NULL && filled(ptr, 3, 3 * align));
        ptr = realloc(ptr, 100);
        CHECK(ptr != NULL && filled(ptr, 3, align < 34 ? 96 : 100));
        free(ptr);
    }
}

int main(void) {
    posix();
    c11();
    old();
    resized();
    puts("ok");
}
