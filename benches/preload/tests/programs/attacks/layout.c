// What a heap is made of: whether it can be executed, whether sizes that no object can have are refused, and whether an attacker
// who runs the program once knows where objects are when it runs again.
#include "attack.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

void execute(size_t bytes, size_t unused) {
    (void)unused;
#if defined(__x86_64__)
    static const unsigned char code[] = {0xc3};
#elif defined(__aarch64__)
    static const unsigned char code[] = {0xc0, 0x03, 0x5f, 0xd6};
#else
    static const unsigned char code[] = {0};
    absent("nobody wrote down this processor's code for a return");
#endif
    char *ptr = allocate(bytes);
    memcpy(ptr, code, sizeof code);
    __builtin___clear_cache(ptr, ptr + sizeof code);
    void (*function)(void);
    memcpy(&function, &ptr, sizeof function);
    MISTAKE(function());
    effect("the heap was executed");
}

// The C library's function for each way to ask.
enum { MALLOC, CALLOC, REALLOC, REALLOCARRAY, ALIGNED_ALLOC, POSIX_MEMALIGN, MEMALIGN, VALLOC, PVALLOC };

// The sizes, as an attacker who controls a length would have them: the largest ones, and those that wrap around when a program or
// an allocator adds or multiplies.
static size_t volatile huge[] = {
    SIZE_MAX, SIZE_MAX - 15, (size_t)PTRDIFF_MAX + 1, ((size_t)1 << 32) + 1, SIZE_MAX / 2, SIZE_MAX - 4096,
};

void huge_bytes(size_t how, size_t which) {
    void *ptr = NULL, *small = allocate(100);
    size_t bytes = huge[which];
    switch (how) {
    case MALLOC: MISTAKE(ptr = malloc(bytes)); break;
    case CALLOC: MISTAKE(ptr = calloc(bytes, bytes)); break;
    case REALLOC: MISTAKE(ptr = realloc(small, bytes)); break;
    case REALLOCARRAY: MISTAKE(ptr = reallocarray(small, bytes, bytes)); break;
    case ALIGNED_ALLOC: MISTAKE(ptr = aligned_alloc(4096, bytes)); break;
    case POSIX_MEMALIGN: MISTAKE(if (posix_memalign(&ptr, 4096, bytes) != 0) ptr = NULL); break;
    case MEMALIGN: MISTAKE(ptr = memalign(64, bytes)); break;
    case VALLOC: MISTAKE(ptr = valloc(bytes)); break;
    case PVALLOC: MISTAKE(ptr = pvalloc(bytes)); break;
    }
    if (hidden(ptr) != NULL) effect("an object that is larger than the address space");
    harmless("refused");
}

// What a child of the program finds out.
enum { SMALL, LARGE, SMALL_STEPS, LARGE_STEPS, SMALL_TO_LARGE, LARGE_TO_CODE };

#define SEEN 64

// Addresses are known when they are known so far: systems move libraries, and large mappings, by some MiB.
#define NEAR_BYTES ((size_t)16 << 20)

static void look(size_t what, uintptr_t seen[SEEN]) {
    uintptr_t before = 0;
    for (size_t i = 0; i < SEEN; i++) {
        uintptr_t small = 0, large = 0;
        if (what == SMALL || what == SMALL_STEPS || what == SMALL_TO_LARGE) small = (uintptr_t)allocate(64);
        if (what != SMALL && what != SMALL_STEPS) large = (uintptr_t)allocate(1 << 20);
        uintptr_t one = small != 0 ? small : large;
        switch (what) {
        case SMALL:
        case LARGE: seen[i] = one; break;
        case SMALL_STEPS:
        case LARGE_STEPS: seen[i] = before == 0 ? 0 : one - before; break;
        case SMALL_TO_LARGE: seen[i] = large - small; break;
        case LARGE_TO_CODE: seen[i] = large - (uintptr_t)hidden((void *)(uintptr_t)&puts); break;
        }
        before = one;
    }
}

static void ask_child(uintptr_t seen[SEEN]) {
    int ends[2];
    if (pipe(ends) != 0) broken("no pipe");
    pid_t child = fork();
    if (child < 0) broken("no child");
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/proc/self/exe", "attacks", attack_name, "child", (char *)NULL);
        _exit(5);
    }
    close(ends[1]);
    size_t wanted = SEEN * sizeof *seen, got = 0;
    for (ssize_t n; got < wanted && (n = read(ends[0], (char *)seen + got, wanted - got)) > 0;) got += (size_t)n;
    close(ends[0]);
    int status;
    if (waitpid(child, &status, 0) != child || status != 0 || got != wanted) broken("the child failed");
}

static int is_randomised(void) {
    FILE *file = fopen("/proc/sys/kernel/randomize_va_space", "r");
    int level = file == NULL ? EOF : getc(file);
    if (file != NULL) fclose(file);
    return level == '2' && (personality(0xffffffff) & ADDR_NO_RANDOMIZE) == 0;
}

void guess(size_t what, size_t unused) {
    (void)unused;
    static uintptr_t first[SEEN], second[SEEN];
    if (is_child) {
        look(what, first);
        if (write(STDOUT_FILENO, first, sizeof first) != sizeof first) _exit(5);
        _exit(0);
    }
    if (!is_randomised()) absent("the system does not randomise addresses");
    ask_child(first);
    ask_child(second);
    size_t alike = 0;
    for (size_t i = 0; i < SEEN; i++) {
        uintptr_t apart = first[i] > second[i] ? first[i] - second[i] : second[i] - first[i];
        alike += apart <= (what == SMALL_STEPS || what == LARGE_STEPS ? 0 : NEAR_BYTES);
    }
    // A hole in the address space of one run is not the allocator's choice.
    if (alike >= SEEN / 4 * 3) effect("the second run is as the first");
    harmless("each run is another");
}
