// Uses of memory that is no longer, or not yet, the program's.
#include "attack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NEW_OBJECTS 100
#define MARK "written-too-late"
#define MARK_BYTES (sizeof MARK - 1)

// After `others` allocations of the same size. It is written to the second half, where no allocator of the peers has links.
void write_after_free(size_t bytes, size_t others) {
    static char *other[NEW_OBJECTS], *later[NEW_OBJECTS];
    if (others > NEW_OBJECTS) broken("too many objects");
    char *ptr = allocate(bytes);
    release(ptr);
    for (size_t i = 0; i < others; i++) {
        other[i] = allocate(bytes);
        memset(other[i] + bytes / 2, 'O', MARK_BYTES);
    }
    MISTAKE(memcpy(ptr + bytes / 2, MARK, MARK_BYTES));
    for (size_t i = 0; i < others; i++)
        if (memcmp(other[i] + bytes / 2, MARK, MARK_BYTES) == 0) effect("a live object has changed");
    for (size_t i = 0; i < NEW_OBJECTS; i++) later[i] = allocate(bytes);
    for (size_t i = 0; i < NEW_OBJECTS; i++)
        if (memcmp(later[i] + bytes / 2, MARK, MARK_BYTES) == 0) effect("a new object holds what was written before");
    harmless("no object has changed");
}

// Somebody else has the place by then.
void write_after_free_patient(size_t bytes, size_t unused) {
    (void)unused;
    char *ptr = allocate(bytes);
    release(ptr);
    char *other = wait_for_place(ptr, bytes);
    memset(other, 'O', bytes);
    MISTAKE(memcpy(ptr + bytes / 2, MARK, MARK_BYTES));
    if (memcmp(other + bytes / 2, MARK, MARK_BYTES) == 0) effect("a live object has changed");
    harmless("no object has changed");
}

void read_after_free(size_t bytes, size_t unused) {
    (void)unused;
    int found;
    // So that nothing lies beside it that it could be merged with.
    char *before = allocate(bytes), *ptr = allocate(bytes), *behind = allocate(bytes);
    fill_with_secret(ptr, bytes);
    release(ptr);
    MISTAKE(found = has_secret(ptr, bytes));
    release(before);
    release(behind);
    if (found) effect("the secret is still there");
    harmless("the secret is gone");
}

// An object that had to move: the place that it left.
void stale_after_growth(size_t bytes, size_t unused) {
    (void)unused;
    int found;
    char *ptr = allocate(bytes), *old = hidden(ptr);
    fill_with_secret(ptr, bytes);
    for (size_t larger = bytes * 2; ptr == old; larger *= 2) {
        if (larger >= (size_t)1 << 30) harmless("it never moved");
        allocate(bytes);
        ptr = realloc(ptr, larger);
        if (ptr == NULL) broken("there is no memory");
    }
    MISTAKE(found = has_secret(old, bytes));
    if (found) effect("the secret is still in the old place");
    harmless("the secret is gone");
}

// An object that became smaller: its old end, or its old place.
void stale_after_shrinking(size_t bytes, size_t smaller) {
    int found;
    char *ptr = allocate(bytes), *old = hidden(ptr);
    fill_with_secret(ptr, bytes);
    ptr = realloc(ptr, smaller);
    if (ptr == NULL) broken("there is no memory");
    size_t from = ptr == old ? smaller : 0;
    MISTAKE(found = has_secret(old + from, bytes - from));
    if (found) effect("the secret is still there");
    harmless("the secret is gone");
}

// What was freed, and is allocated again in another size.
void uninitialised(size_t freed_bytes, size_t bytes) {
    static char *ptr[64];
    size_t count = freed_bytes > 200000 ? 4 : 64;
    for (size_t i = 0; i < count; i++) {
        ptr[i] = allocate(freed_bytes);
        fill_with_secret(ptr[i], freed_bytes);
    }
    for (size_t i = count; i-- > 0;) release(ptr[i]);
    for (size_t i = 0; i < 64; i++)
        if (has_secret(allocate(bytes), bytes)) effect("a new object holds an old secret");
    harmless("new objects hold no secret");
}

// What realloc() adds to an object.
void uninitialised_growth(size_t freed_bytes, size_t bytes) {
    static char *ptr[64];
    for (size_t i = 0; i < 64; i++) {
        ptr[i] = allocate(freed_bytes);
        fill_with_secret(ptr[i], freed_bytes);
    }
    for (size_t i = 0; i < 64; i++) release(ptr[i]);
    for (size_t i = 0; i < 64; i++) {
        char *small = allocate(bytes);
        memset(small, 0, bytes);
        char *grown = realloc(small, freed_bytes);
        if (grown == NULL) broken("there is no memory");
        if (has_secret(grown + bytes, freed_bytes - bytes)) effect("the new part of an object holds an old secret");
    }
    harmless("the new parts of objects hold no secret");
}

#define ROUNDS 32

// Whether a freed address is there again among the next `most` allocations of its size, in at least every second round.
void reuse(size_t bytes, size_t most) {
    static char *next[16];
    size_t found = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        char *ptr = allocate(bytes);
        uintptr_t freed = (uintptr_t)ptr;
        release(ptr);
        for (size_t i = 0; i < most; i++) {
            next[i] = allocate(bytes);
            found += (uintptr_t)next[i] == freed;
        }
        for (size_t i = 0; i < most; i++) release(next[i]);
    }
    if (found * 2 >= ROUNDS) effect("a freed address comes back");
    harmless("freed addresses stay away");
}
