// Frees that are wrong: of what is free already, and of what was never allocated.
// The effect: memory that somebody has is handed out to somebody else.
#include "attack.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// The second free, and what comes of it.
__attribute__((noreturn)) static void free_again(char *ptr, size_t bytes, size_t looked_at) {
    MISTAKE(free(ptr));
    expect_overlap(looked_at, bytes);
    harmless("the second free changed nothing");
}

void double_free(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    release(ptr);
    free_again(ptr, bytes, 64);
}

// Others of the same size are freed in between.
void double_free_after_frees(size_t bytes, size_t others) {
    static char *other[1024];
    for (size_t i = 0; i < others; i++) other[i] = allocate(bytes);
    char *ptr = allocate(bytes);
    release(ptr);
    for (size_t i = 0; i < others; i++) release(other[i]);
    free_again(ptr, bytes, 2 * others + 64);
}

// Others of the same size are allocated in between: one of them may have the place, and is freed by the second free.
void double_free_after_allocations(size_t bytes, size_t others) {
    char *ptr = allocate(bytes);
    release(ptr);
    for (size_t i = 0; i < others; i++) keep(allocate(bytes), bytes);
    free_again(ptr, bytes, 2 * others + 64);
}

// A, B, A; after `others` frees, which fill the list that looks at each of its slots, if there is one.
void double_free_interleaved(size_t bytes, size_t others) {
    static char *other[1024];
    for (size_t i = 0; i < others; i++) other[i] = allocate(bytes);
    char *a = allocate(bytes), *b = allocate(bytes);
    for (size_t i = 0; i < others; i++) release(other[i]);
    release(a);
    release(b);
    free_again(a, bytes, 2 * others + 64);
}

// Somebody else has the place by then: that is what is freed.
void double_free_patient(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    release(ptr);
    wait_for_place(ptr, bytes);
    MISTAKE(free(hidden(ptr)));
    wait_for_place(ptr, bytes);
    effect("two live objects share memory");
}

// What an allocator may have written into the free slot, to know it by, is gone.
void double_free_overwritten(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    release(ptr);
    MISTAKE(memset(ptr, 0, 16));
    free_again(ptr, bytes, 64);
}

void double_free_by_realloc(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    if (realloc(ptr, 0) != NULL) absent("realloc(ptr, 0) does not free");
    free_again(hidden(ptr), bytes, 64);
}

// Grown until it moved: where it is now.
static char *moved(char *ptr, size_t *bytes) {
    for (size_t larger = *bytes * 2; larger < (size_t)1 << 30; larger *= 2) {
        keep(allocate(*bytes), *bytes);
        char *old = hidden(ptr);
        ptr = realloc(ptr, larger);
        if (ptr == NULL) broken("there is no memory");
        *bytes = larger;
        if (ptr != old) return hidden(ptr);
    }
    harmless("it never moved");
}

void free_after_move(size_t bytes, size_t unused) {
    (void)unused;
    size_t grown = bytes;
    char *ptr = allocate(bytes), *old = hidden(ptr);
    keep(moved(ptr, &grown), grown);
    // It may have grown in place before it moved.
    free_again(old, bytes, 64);
}

void realloc_after_free(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    release(ptr);
    char *again;
    MISTAKE(again = realloc(ptr, bytes * 2));
    if (again == NULL) harmless("realloc refuses");
    keep(hidden(again), bytes * 2);
    expect_overlap(64, bytes);
    expect_overlap(64, bytes * 2);
    harmless("realloc changed nothing");
}

static size_t thread_bytes;

static void free_first(void *ptr) { release(ptr); }
static void free_second(void *ptr) { MISTAKE(free(ptr)); }

static void keep_some(void *unused) {
    (void)unused;
    for (size_t i = 0; i < 64; i++) keep(allocate(thread_bytes), thread_bytes);
}

// Each thread may have it once.
__attribute__((noreturn)) static void expect_overlap_of_threads(size_t bytes) {
    thread_bytes = bytes;
    in_thread(keep_some, NULL);
    expect_overlap(64, bytes);
    harmless("the second free changed nothing");
}

void double_free_in_thread(size_t bytes, size_t unused) {
    (void)unused;
    start_thread();
    char *ptr = allocate(bytes);
    release(ptr);
    in_thread(free_second, hidden(ptr));
    expect_overlap_of_threads(bytes);
}

void double_free_after_thread(size_t bytes, size_t unused) {
    (void)unused;
    start_thread();
    char *ptr = allocate(bytes);
    in_thread(free_first, hidden(ptr));
    MISTAKE(free(hidden(ptr)));
    expect_overlap_of_threads(bytes);
}

// An address that no allocation begins at; who owns what is around it is kept.
__attribute__((noreturn)) static void free_invalid(char *ptr, size_t bytes) {
    MISTAKE(free(hidden(ptr)));
    expect_overlap_of_any_size(bytes);
    harmless("the free changed nothing");
}

static char *kept(size_t bytes) {
    char *ptr = allocate(bytes);
    memset(ptr, 0, bytes);
    keep(ptr, bytes);
    return ptr;
}

void invalid_free_within(size_t bytes, size_t offset) { free_invalid(kept(bytes) + offset, bytes); }

// The bytes before the address are as those before an object of `bytes` bytes of an allocator that keeps sizes there.
static void forge(char *at, size_t bytes) {
    uint64_t here = ((bytes + 8 + 15) / 16 * 16) | 1, next = 0x1001;
    memcpy(at - 8, &here, sizeof here);
    memcpy(at - 8 + (here & ~(uint64_t)1), &next, sizeof next);
}

void invalid_free_within_forged(size_t bytes, size_t offset) {
    char *ptr = kept(bytes);
    forge(ptr + offset, 100);
    free_invalid(ptr + offset, 100);
}

void invalid_free_stack(size_t offset, size_t forged) {
    char on_stack[512] __attribute__((aligned(16)));
    memset(on_stack, 0, sizeof on_stack);
    keep(hidden(on_stack), sizeof on_stack);
    if (forged) forge(on_stack + offset, 100);
    free_invalid(on_stack + offset, 100);
}

void invalid_free_global(size_t offset, size_t forged) {
    static char global[512] __attribute__((aligned(16)));
    keep(hidden(global), sizeof global);
    if (forged) forge(global + offset, 100);
    free_invalid(global + offset, 100);
}

void invalid_free_mapped(size_t offset, size_t forged) {
    size_t bytes = 1 << 16;
    char *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) broken("no mapping");
    keep(mapped, bytes);
    if (forged) forge(mapped + offset, 100);
    free_invalid(mapped + offset, 100);
}

// Code, with zeros around it.
__asm__(".pushsection .text\n.balign 64\n.zero 64\nin_code:\n.zero 128\n.popsection");
extern char in_code[] __attribute__((visibility("hidden")));

void invalid_free_code(size_t unused, size_t unused_too) {
    (void)unused, (void)unused_too;
    keep(hidden(in_code) - 64, 192);
    free_invalid(in_code, 100);
}

void invalid_free_small_address(size_t address, size_t unused) {
    (void)unused;
    // Nobody has the first pages.
    keep(NULL, 65536);
    free_invalid((char *)address, 100);
}

// Where the next object would be, if there were one.
void invalid_free_beyond(size_t bytes, size_t unused) {
    (void)unused;
    size_t first = neighbours(bytes);
    size_t distance = (size_t)(objects[first + 1].at - objects[first].at);
    free_invalid(objects[object_count - 1].at + distance, bytes);
}

// An object that is free, and whose memory has gone back to the system as far as a program can wish for that.
void double_free_returned(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    memset(ptr, 1, bytes);
    release(ptr);
    malloc_trim(0);
    free_again(ptr, bytes, 16);
}

// The same, and somebody else has mapped something there.
void invalid_free_replaced(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    memset(ptr, 1, bytes);
    release(ptr);
    malloc_trim(0);
    char *page = (char *)((uintptr_t)ptr & ~(uintptr_t)4095);
    char *mapped = mmap(page, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (mapped == MAP_FAILED) harmless("nobody else can have the place");
    if (mapped != page) broken("this kernel does not know MAP_FIXED_NOREPLACE");
    keep(mapped, bytes);
    MISTAKE(free(ptr));
    unsigned char resident[2];
    if (mincore(mapped, 2 * 4096, resident) != 0) effect("another's mapping is gone");
    expect_overlap(16, bytes);
    harmless("the free changed nothing");
}
