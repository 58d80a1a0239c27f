// Forgets three allocations in one function and one in another; frees all else.
#include "check.h"

static void *forgotten[4];

__attribute__((noinline)) void forgets_three(void) {
    for (int i = 0; i < 3; i++) CHECK((forgotten[i] = malloc(1000)) != NULL);
}

__attribute__((noinline)) void forgets_one(void) {
    void *ptr = malloc(10);
    CHECK(ptr != NULL);
    CHECK((forgotten[3] = realloc(ptr, 70000)) != NULL);
}

__attribute__((noinline)) void forgets_nothing(void) {
    for (int i = 1; i < 1000; i++) {
        void *ptr = calloc(1, i);
        CHECK(ptr != NULL);
        free(ptr);
    }
}

int main(void) {
    forgets_three();
    forgets_one();
    forgets_nothing();
    puts("ok");
    return 0;
}
