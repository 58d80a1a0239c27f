// Makes the mistake that it is told to, with an object of 100 bytes.
#include "check.h"

__attribute__((noinline)) static char *allocates_it(void) {
    char *ptr = malloc(100);
    CHECK(ptr != NULL);
    return ptr;
}

__attribute__((noinline)) static void frees_it(void *ptr) {
    free((void *)hidden((size_t)ptr));
    hidden(0);
}

// At its page's end, or at its start.
static char *placed(int at_end) {
    for (;;) {
        char *ptr = allocates_it();
        if (ALIGNED(ptr, 4096) != at_end) return ptr;
        frees_it(ptr);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    const char *kind = argv[1];
    volatile char *ptr = placed(strcmp(kind, "underflow") != 0);
    if (strcmp(kind, "overflow") == 0) {
        // 16 is the alignment: 12 bytes behind the object are the page's.
        ptr[112] = 1;
    } else if (strcmp(kind, "overflow-at-free") == 0) {
        ptr[100] = 1;
        frees_it((void *)ptr);
    } else if (strcmp(kind, "underflow") == 0) {
        ptr[-1] = 1;
    } else if (strcmp(kind, "use-after-free") == 0) {
        frees_it((void *)ptr);
        CHECK(ptr[3] != 7 || ptr[3] == 7);
    } else if (strcmp(kind, "double-free") == 0) {
        frees_it((void *)ptr);
        frees_it((void *)ptr);
    } else if (strcmp(kind, "invalid-free") == 0) {
        frees_it((void *)(ptr + 16));
    } else if (strcmp(kind, "realloc-after-free") == 0) {
        frees_it((void *)ptr);
        CHECK(realloc((void *)hidden((size_t)ptr), 500) != NULL);
    } else {
        frees_it((void *)ptr);
    }
    puts("ok");
    return 0;
}
