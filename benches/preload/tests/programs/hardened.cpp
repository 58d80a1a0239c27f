// Makes the mistake that it is told to, under a hardened library.
#include "check.h"
#include <cstdint>
#include <initializer_list>
#include <new>
#include <sys/mman.h>

static char global[64];

// What the compiler must not see through.
static void *object(void *ptr) { return (void *)hidden((size_t)ptr); }

struct Shape {
    virtual int area() { return 1; }
    virtual ~Shape() {}
    long more[4];
};

static void frees(const char *kind) {
    char *ptr = (char *)object(malloc(100));
    if (!strcmp(kind, "double-free")) {
        free(ptr);
        free(object(ptr));
    } else if (!strcmp(kind, "double-free-among-others")) {
        void *others[10];
        for (void *&other : others) other = malloc(100);
        free(ptr);
        for (void *other : others) free(other);
        for (void *&other : others) other = malloc(100);
        free(object(ptr));
    } else if (!strcmp(kind, "interior")) {
        free(object(ptr + 16));
    } else if (!strcmp(kind, "misaligned")) {
        free(object(ptr + 1));
    } else if (!strcmp(kind, "stack")) {
        char local[64];
        free(object(local));
    } else if (!strcmp(kind, "global")) {
        free(object(global));
    } else if (!strcmp(kind, "mapped")) {
        free(object(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    } else if (!strcmp(kind, "delete-of-malloc")) {
        ::operator delete(ptr);
    } else if (!strcmp(kind, "free-of-new")) {
        free(object(::operator new(50)));
    } else if (!strcmp(kind, "delete-of-array")) {
        ::operator delete(object(::operator new[](50)));
    } else if (!strcmp(kind, "array-delete-of-one")) {
        ::operator delete[](object(::operator new(50)));
    } else if (!strcmp(kind, "delete-of-aligned")) {
        ::operator delete(object(::operator new(50, std::align_val_t(64))));
    } else if (!strcmp(kind, "aligned-delete-of-one")) {
        ::operator delete(object(::operator new(50)), std::align_val_t(64));
    } else if (!strcmp(kind, "delete-with-wrong-size")) {
        ::operator delete(object(::operator new(50)), (size_t)51);
    } else if (!strcmp(kind, "realloc-after-free")) {
        free(ptr);
        CHECK(realloc(object(ptr), 500) != NULL);
    } else if (!strcmp(kind, "realloc-of-new")) {
        CHECK(realloc(object(::operator new(50)), 500) != NULL);
    }
}

static void writes(const char *kind) {
    volatile char *ptr = (char *)object(malloc(100));
    volatile char *large = (char *)object(malloc((1 << 20) - 40));
    if (!strcmp(kind, "overflow-1")) {
        ptr[100] = 0;
        free((void *)ptr);
    } else if (!strcmp(kind, "overflow-32")) {
        memset((void *)(ptr + 100), 'x', 32);
        free((void *)ptr);
    } else if (!strcmp(kind, "underflow-1")) {
        ptr[-1] = 'x';
        free((void *)ptr);
    } else if (!strcmp(kind, "underflow-32")) {
        memset((void *)(ptr - 32), 'x', 32);
        free((void *)ptr);
    } else if (!strcmp(kind, "overflow-large-1")) {
        large[(1 << 20) - 40] = 0;
        free((void *)large);
    } else if (!strcmp(kind, "overflow-large-32")) {
        memset((void *)(large + (1 << 20) - 40), 'x', 32);
        free((void *)large);
    } else if (!strcmp(kind, "underflow-large-1")) {
        large[-1] = 'x';
        free((void *)large);
    } else if (!strcmp(kind, "write-after-free")) {
        free((void *)ptr);
        ptr[10] = 'x';
        for (int i = 0; i < 10000; i++) free(malloc(100));
    } else if (!strcmp(kind, "calloc-of-written")) {
        volatile char *middle = (char *)object(malloc(5000));
        free((void *)middle);
        middle[2500] = 'x';
        for (int i = 0; i < 10000; i++) free(calloc(1, 5000));
    } else if (!strcmp(kind, "guard-behind")) {
        ((volatile char *)object(malloc(1 << 20)))[1 << 20] = 1;
    } else if (!strcmp(kind, "guard-before")) {
        ((volatile char *)object(malloc(1 << 20)))[-1] = 1;
    } else if (!strcmp(kind, "read-large-after-free")) {
        free((void *)large);
        CHECK(large[5] != 7 || large[5] == 7);
    } else if (!strcmp(kind, "read-empty")) {
        volatile char *empty = (char *)object(malloc(0));
        CHECK(empty[0] != 7 || empty[0] == 7);
    } else if (!strcmp(kind, "write-empty")) {
        *(volatile char *)object(malloc(0)) = 1;
    } else if (!strcmp(kind, "write-empty-aligned")) {
        *(volatile char *)object(aligned_alloc(256, 0)) = 1;
    } else if (!strcmp(kind, "virtual-after-delete")) {
        Shape *shape = (Shape *)object(new Shape);
        delete shape;
        CHECK(((Shape *)object(shape))->area() == 2);
    }
}

// What a program may do, and what it may rely upon.
static void keeps_to_the_rules() {
    for (size_t size = 0; size < 70000; size = size * 5 / 4 + 1) {
        char *ptr = (char *)object(malloc(size));
        CHECK(ptr != NULL && filled(ptr, 0, size));
        memset(ptr, 'x', size);
        free(ptr);
        if (size > 0) CHECK(filled(object(ptr), 0, size < 30000 ? size : 0));
        char *other = (char *)object(malloc(size));
        CHECK(other != ptr);
        char *moved = (char *)object(realloc(other, size + 10));
        CHECK(moved != NULL && filled(moved, 0, size + 10));
        free(moved);
        ::operator delete(object(::operator new(size)), size);
        ::operator delete[](object(::operator new[](size)), size);
        ::operator delete(object(::operator new(size, std::align_val_t(32))), std::align_val_t(32));
        free(object(aligned_alloc(64, size)));
    }
    void *first = object(malloc(40)), *second = object(malloc(0)), *third = object(malloc(0));
    CHECK(second != third && first != second);
    free(second);
    free(third);
    free(first);
    free(NULL);
    errno = 0;
    CHECK(malloc((size_t)hidden(SIZE_MAX)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(malloc((size_t)hidden(PTRDIFF_MAX)) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(hidden(SIZE_MAX / 2), 3) == NULL && errno == ENOMEM);
}

// No page of the process's anonymous memory may be executed.
static void has_no_executable_heap() {
    void *small = object(malloc(50)), *large = object(malloc(5 << 20));
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    char line[4096];
    size_t start, end;
    char rights[5];
    int found = 0;
    while (fgets(line, sizeof line, maps)) {
        CHECK(sscanf(line, "%zx-%zx %4s", &start, &end, rights) == 3);
        for (void *ptr : {small, large}) {
            if ((size_t)ptr < start || (size_t)ptr >= end) continue;
            CHECK(strcmp(rights, "rw-p") == 0);
            found++;
        }
    }
    CHECK(found == 2);
    fclose(maps);
    free(small);
    free(large);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    frees(argv[1]);
    writes(argv[1]);
    if (!strcmp(argv[1], "none")) {
        keeps_to_the_rules();
        has_no_executable_heap();
    }
    puts("ok");
    return 0;
}
