// What the attacks share.
//
// An attack makes one mistake on purpose, in the way that an attacker would have a program make it, and then looks for what came
// of it. It ends by effect(), when it has proved that the mistake did harm or went unnoticed; by harmless(), when the allocator's
// answer left nothing to prove; or it does not get that far. Who counts as stopped is judged in `tests/attacks.rs`.
//
// No attack may depend on luck: where addresses are chosen at random, it looks at many objects, or plays many rounds.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Each writes a line, and ends the program at once.
__attribute__((noreturn)) void effect(const char *what);
__attribute__((noreturn)) void harmless(const char *what);
// The C library does not have what the attack needs, or the system does not.
__attribute__((noreturn)) void absent(const char *what);
// The attack itself is broken.
__attribute__((noreturn)) void broken(const char *what);

// Around the mistake itself: a fault within is a stop, a fault later is an allocator that fell over.
extern volatile int at_mistake;
#define MISTAKE(...)      \
    do {                  \
        at_mistake = 1;   \
        __VA_ARGS__;      \
        at_mistake = 0;   \
    } while (0)

// What was asked for. An attack that runs the program again gives it one more argument.
extern const char *attack_name;
extern int is_child;

// An allocation, which is there; its release. The compiler does not know what they are.
char *allocate(size_t bytes);
void release(char *ptr);
// Where objects come from that are made in numbers: allocate(), unless an attack has another way.
extern char *(*source)(size_t);
// An address, of which the compiler knows nothing.
char *hidden(const void *ptr);

// Objects that are live, or that are memory of somebody else: no two of them may share a byte.
struct object {
    char *at;
    size_t bytes;
};
extern struct object objects[];
extern size_t object_count;
void keep(char *at, size_t bytes);
// Allocates `count` more and keeps them. If two objects have a byte in common, that is the effect.
void expect_overlap(size_t count, size_t bytes);
// The same, with the sizes that an allocator may have put a wrong address to.
void expect_overlap_of_any_size(size_t bytes);

// Keeps so many new objects that some must be neighbours, sorts them by address, and returns the first of the two that are
// nearest to each other. Each holds `mark` in its first and last bytes.
size_t neighbours(size_t bytes);
void mark(struct object object, int byte);
// Whether all bytes that mark() wrote are still there.
int is_marked(struct object object, int byte);
void sort_objects(void);

// Fills with a secret; finds it. An allocator's own first two words in a free slot do not count.
void fill_with_secret(char *at, size_t bytes);
int has_secret(const char *at, size_t bytes);

// A new object in the place of one that was freed, for who has the patience. If it never comes, that is harmless.
char *wait_for_place(const char *freed, size_t bytes);

// A second thread, which is there until the end; work for it, which is done when the call returns.
void start_thread(void);
void in_thread(void (*function)(void *), void *argument);

#ifdef __cplusplus
}
#endif
