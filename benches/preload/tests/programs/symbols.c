// Every allocation function that a program can name is this library's.
#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>

static const char *const names[] = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "free_sized", "free_aligned_sized",
    "cfree", "aligned_alloc", "posix_memalign", "memalign", "valloc", "pvalloc",
    "malloc_usable_size", "malloc_trim", "mallinfo", "mallinfo2", "malloc_stats",
    "_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t", "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t", "_ZdlPv", "_ZdaPv", "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t", "_ZdlPvm", "_ZdaPvm", "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t",
    "_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

int main(void) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *symbol = dlsym(RTLD_DEFAULT, names[i]);
        Dl_info info;
        int ours = symbol && dladdr(symbol, &info) && strstr(info.dli_fname, "libstrata_preload");
        if (ours != on_strata()) fprintf(stderr, "%s\n", names[i]);
        CHECK(ours == on_strata());
    }
    puts("ok");
}
