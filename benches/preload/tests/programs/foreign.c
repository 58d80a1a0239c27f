// Memory that came from libc's own malloc, past the preload, is freed and resized through ours.
// With an argument: frees what nobody allocated, and has to end by SIGABRT.
#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>
#include <malloc.h>

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        static char nobody[256];
        free(nobody + hidden(64));
        puts("still here");
        return 0;
    }
    void *libc = dlopen("libc.so.6", RTLD_LAZY);
    void *(*theirs)(size_t) = (void *(*)(size_t))dlsym(libc, "malloc");
    CHECK(theirs != NULL && (theirs != malloc) == on_strata());
    for (size_t size = 1; size < 3000000; size = size * 2 + 1) {
        unsigned char *ptr = theirs(size);
        CHECK(ptr != NULL && malloc_usable_size(ptr) >= size);
        memset(ptr, 6, size);
        ptr = realloc(ptr, size * 2);
        CHECK(ptr != NULL && filled(ptr, 6, size));
        errno = 1234;
        free(ptr);
        CHECK(errno == 1234);
        free(theirs(size));
    }
    puts("ok");
}
