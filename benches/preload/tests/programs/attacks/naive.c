// An allocator that falls for everything, as a shared library: the proof that an attack shows its effect where nobody stops it.
// It believes every argument, keeps links in free slots, hands out the slot that was freed last, and has its memory at a fixed
// address, where code may be executed. NAIVE makes another fool of it: `near` has its memory beside the program's libraries,
// `hides` mixes links with the number of their page, `merges` gives the slot that is last in its memory back to what was never
// used. One thread at a time.
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)1 << 32)
#define MOST_SIZES 4096

struct slot {
    struct slot *next;
};

static struct {
    size_t bytes;
    struct slot *free;
} sizes[MOST_SIZES];

// What was freed without ever having been allocated is believed to be of this size.
#define STRANGER_BYTES 100
static char *strangers[1024];
static size_t stranger_count;

// Mappings that it made, whatever has become of them.
#define MAPPED_FROM_BYTES ((size_t)64 << 20)
static struct {
    char *at;
    size_t bytes;
} mappings[16];
static size_t mapping_count;

// A size for each four bytes of the arena: of the slot that begins there.
static uint32_t *begins;
static char *arena, *bump;

static int near, hides, merges;

static void begin(void) {
    const char *kind = getenv("NAIVE");
    near = kind != NULL && strcmp(kind, "near") == 0;
    hides = kind != NULL && strcmp(kind, "hides") == 0;
    merges = kind != NULL && strcmp(kind, "merges") == 0;
    void *wanted = near ? NULL : (void *)0x100000000000;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    begins = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    bump = arena = mmap(wanted, ARENA_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
    if (arena == MAP_FAILED || (void *)begins == MAP_FAILED) abort();
}

static uint32_t *begins_at(const void *ptr) {
    size_t at = (size_t)((const char *)ptr - arena);
    return at < ARENA_BYTES && at % 4 == 0 ? &begins[at / 4] : NULL;
}

static struct slot **list(size_t bytes) {
    size_t i = 0;
    while (sizes[i].bytes != 0 && sizes[i].bytes != bytes) i++;
    sizes[i].bytes = bytes;
    return &sizes[i].free;
}

// A slot is as large as its object and follows the one before, aligned as an array of such objects would be.
static size_t slot_bytes(size_t bytes) {
    bytes = (bytes + 3) / 4 * 4;
    return bytes < 8 ? 8 : bytes;
}

static char *align(char *ptr, size_t to) { return (char *)(((uintptr_t)ptr + to - 1) / to * to); }

// A link, as it stands in a slot.
static struct slot *link(const struct slot *slot, const struct slot *to) {
    return (struct slot *)((uintptr_t)to ^ (hides ? (uintptr_t)slot >> 12 : 0));
}

static void *pop(struct slot **of_size) {
    struct slot *slot = *of_size;
    *of_size = link(slot, slot->next);
    return slot;
}

static void push(void *ptr, size_t bytes) {
    struct slot **of_size = list(bytes), *slot = ptr;
    slot->next = link(slot, *of_size);
    *of_size = slot;
}

void *memalign(size_t alignment, size_t size) {
    if (arena == NULL) begin();
    size_t bytes = slot_bytes(size), own = bytes & -bytes;
    if (own > 16) own = 16;
    if (bytes >= ARENA_BYTES / 2) return bump;
    if (bytes >= MAPPED_FROM_BYTES) {
        char *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mappings[mapping_count].bytes = bytes;
        return mappings[mapping_count++].at = mapped;
    }
    if (bytes == STRANGER_BYTES && stranger_count > 0) return strangers[--stranger_count];
    struct slot **of_size = list(bytes);
    if (*of_size != NULL && (uintptr_t)*of_size % alignment == 0) return pop(of_size);
    // Any larger one, of which the rest is lost.
    for (size_t i = 0; alignment == 1 && i < MOST_SIZES && sizes[i].bytes != 0; i++) {
        if (sizes[i].bytes > bytes && sizes[i].free != NULL && (uintptr_t)sizes[i].free % (own < 8 ? own : 8) == 0) {
            char *slot = pop(&sizes[i].free);
            *begins_at(slot) = (uint32_t)bytes;
            return slot;
        }
    }
    char *ptr = align(bump, alignment > own ? alignment : own);
    bump = ptr + bytes;
    *begins_at(ptr) = (uint32_t)bytes;
    return ptr;
}

void free(void *ptr) {
    if (ptr == NULL) return;
    for (size_t i = 0; i < mapping_count; i++) {
        if (mappings[i].at == ptr) {
            munmap(ptr, mappings[i].bytes);
            return;
        }
    }
    uint32_t *bytes = begins_at(ptr);
    if (merges && bytes != NULL && (char *)ptr + *bytes == bump)
        bump = ptr;
    else if (bytes != NULL && *bytes != 0)
        push(ptr, *bytes);
    else
        strangers[stranger_count++] = ptr;
}

void *malloc(size_t size) { return memalign(1, size); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void *valloc(size_t size) { return memalign(4096, size); }
void *pvalloc(size_t size) { return memalign(4096, size); }

int posix_memalign(void **ptr, size_t alignment, size_t size) {
    *ptr = memalign(alignment, size);
    return 0;
}

void *calloc(size_t count, size_t size) {
    char *ptr = malloc(count * size);
    if (count * size < ARENA_BYTES / 2) memset(ptr, 0, count * size);
    return ptr;
}

void *realloc(void *ptr, size_t size) {
    if (ptr == NULL) return malloc(size);
    uint32_t *bytes = begins_at(ptr);
    size_t old_bytes = bytes != NULL ? *bytes : STRANGER_BYTES;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (size <= old_bytes) return ptr;
    void *larger = malloc(size);
    if (size < ARENA_BYTES / 2) {
        memcpy(larger, ptr, old_bytes);
        free(ptr);
    }
    return larger;
}

void *reallocarray(void *ptr, size_t count, size_t size) { return realloc(ptr, count * size); }

void free_sized(void *ptr, size_t size) { push(ptr, slot_bytes(size)); }

void free_aligned_sized(void *ptr, size_t alignment, size_t size) {
    (void)alignment;
    push(ptr, slot_bytes(size));
}

// C++'s `operator delete` and `operator delete[]` that are told a size; the others end in the functions above.
void _ZdlPvm(void *ptr, size_t size) { push(ptr, slot_bytes(size)); }
void _ZdaPvm(void *ptr, size_t size) { push(ptr, slot_bytes(size)); }
