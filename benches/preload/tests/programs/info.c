// Questions about memory.
#define _GNU_SOURCE
#include "check.h"
#include <malloc.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void usable_sizes(void) {
    CHECK(malloc_usable_size(NULL) == 0);
    for (size_t size = 1; size < (16u << 20); size = size * 3 / 2 + 1) {
        char *ptr = malloc(hidden(size));
        CHECK(ptr != NULL);
        size_t usable = malloc_usable_size(ptr);
        // An eighth of waste at most above 128 bytes, or what fills the last page.
        if (on_strata() && size > 128)
            CHECK(usable <= size + size / 7 + 16 || (size > 32768 && usable <= size + size / 4 + 4096));
        // What may be used may be asked for, without a move.
        if (on_strata()) CHECK(realloc(ptr, usable) == ptr && malloc_usable_size(ptr) == usable);
        free(ptr);
    }
}

int main(void) {
    usable_sizes();
    struct mallinfo2 before = mallinfo2();
    enum { BYTES = 96 << 20 };
    char *large = malloc(hidden(BYTES));
    CHECK(large != NULL);
    memset(large, 1, BYTES);
    struct mallinfo2 during = mallinfo2();
    CHECK(during.uordblks + during.hblkhd >= before.uordblks + before.hblkhd + BYTES);
    CHECK(during.arena + during.hblkhd >= during.uordblks + during.hblkhd);
    free(large);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks + after.hblkhd + BYTES / 2 < during.uordblks + during.hblkhd);
    // Small ones, freed: there is something to trim.
    enum { COUNT = 200000 };
    static void *small[COUNT];
    for (int i = 0; i < COUNT; i++) memset(small[i] = malloc(100), 1, 100);
    struct mallinfo2 full = mallinfo2();
    CHECK(full.uordblks >= after.uordblks + COUNT * 100);
    for (int i = 1; i < COUNT; i++) free(small[i]);
    CHECK(malloc_trim(0) == 1);
    struct mallinfo2 trimmed = mallinfo2();
    CHECK(trimmed.uordblks < full.uordblks - COUNT * 90);
    if (on_strata()) CHECK(trimmed.arena < full.arena - COUNT * 50);
    CHECK(mallinfo().uordblks > 0);
    malloc_stats();
    puts("ok");
}
