// Accesses beyond an object's ends.
// The effect of the attacks "unnoticed": all goes on, though the object is freed, and its neighbours, and memory is allocated
// again. Of those "into a neighbour": another object has changed, or its place is given away once it is freed. Bytes that belong
// to nobody (the rest of a slot) are a harmless place to write to.
#include "attack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// What is written: as the first byte of a header that holds a size, it makes a small object a larger one.
#define WRITTEN 0x61

__attribute__((noreturn)) static void expect_silence(char *first, size_t bytes) {
    size_t count = object_count;
    release(first);
    for (size_t i = 0; i < count; i++)
        if (objects[i].at != first) release(objects[i].at);
    object_count = 0;
    expect_overlap(count, bytes);
    for (size_t i = 0; i < count; i++) release(objects[i].at);
    effect("nobody noticed");
}

void overflow_unnoticed(size_t bytes, size_t by) {
    char *ptr = objects[neighbours(bytes)].at;
    MISTAKE(memset(ptr + bytes, WRITTEN, by));
    expect_silence(ptr, bytes);
}

void underflow_unnoticed(size_t bytes, size_t by) {
    size_t first = neighbours(bytes);
    char *ptr = objects[first + 1].at;
    MISTAKE(memset(ptr - by, WRITTEN, by));
    expect_silence(ptr, bytes);
}

// `attacked` is the object whose neighbourhood was written to, `neighbour` the one on that side.
__attribute__((noreturn)) static void expect_damage(size_t attacked, size_t neighbour, size_t bytes) {
    for (size_t i = 0; i < object_count; i++)
        if (i != attacked && !is_marked(objects[i], 'P')) effect("a neighbour has changed");
    struct object freed = objects[neighbour];
    objects[neighbour] = objects[--object_count];
    release(freed.at);
    expect_overlap(16, bytes);
    expect_overlap(16, bytes + 64);
    harmless("no object has changed");
}

void overflow_into_neighbour(size_t bytes, size_t by) {
    size_t first = neighbours(bytes);
    MISTAKE(memset(objects[first].at + bytes, WRITTEN, by));
    expect_damage(first, first + 1, bytes);
}

void underflow_into_neighbour(size_t bytes, size_t by) {
    size_t first = neighbours(bytes);
    MISTAKE(memset(objects[first + 1].at - by, WRITTEN, by));
    expect_damage(first + 1, first, bytes);
}

// How far a program reads past an object's end at most.
#define READ_BYTES ((size_t)1 << 20)

void read_past(size_t bytes, size_t unused) {
    (void)unused;
    size_t first = neighbours(bytes), found = 0;
    const volatile char *end = objects[first].at + bytes;
    size_t gap = (size_t)(objects[first + 1].at - (objects[first].at + bytes));
    if (gap > READ_BYTES) harmless("the next object is far away");
    for (size_t i = 0; i < bytes && i < 64; i++) objects[first + 1].at[i] = 'S';
    MISTAKE(for (size_t i = 0; i < gap + 64; i++) found += end[i] == 'S');
    if (found >= 8) effect("another object's bytes were read");
    harmless("nothing of another object was there");
}

static char *nothing(size_t how) {
    char *ptr = how == 0 ? malloc(0) : calloc(how == 1 ? 0 : 8, how == 1 ? 8 : 0);
    if (ptr == NULL) harmless("an object of no bytes has no address");
    return hidden(ptr);
}

void zero_write(size_t how, size_t at) {
    volatile char *ptr = nothing(how);
    MISTAKE(ptr[at] = WRITTEN);
    if (ptr[at] != WRITTEN) harmless("it was not written");
    release((char *)ptr);
    effect("a byte that is not there was written");
}

void zero_read(size_t how, size_t at) {
    const volatile char *ptr = nothing(how);
    char byte;
    MISTAKE(byte = ptr[at]);
    release((char *)ptr);
    effect(byte == 0 ? "a byte that is not there was read, and is 0" : "a byte that is not there was read");
}
