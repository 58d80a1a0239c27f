// free keeps errno, even where a system call on its way fails: locked pages refuse to be purged.
#define _GNU_SOURCE
#include "check.h"
#include <malloc.h>
#include <sys/mman.h>

int main(void) {
    enum { COUNT = 64 };
    void *ptrs[COUNT];
    // Where locking is not allowed there is no failing call, and the rest holds all the same.
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) fputs("mlockall refused\n", stderr);
    for (size_t size = 1; size <= (8u << 20); size *= 2) {
        int count = size > 65536 ? COUNT / 8 : COUNT;
        for (int i = 0; i < count; i++) {
            ptrs[i] = malloc(hidden(size));
            CHECK(ptrs[i] != NULL);
            memset(ptrs[i], 1, size);
        }
        for (int i = 0; i < count; i++) {
            errno = 1234;
            free(ptrs[i]);
            CHECK(errno == 1234);
        }
    }
    void *ptr = malloc(100000);
    errno = 1234;
    CHECK(realloc(ptr, 0) == NULL && errno == 1234);
    free(NULL);
    CHECK(errno == 1234);
    puts("ok");
}
