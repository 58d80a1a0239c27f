// Runs the attack that it is told to, or lists them: `attacks NAME`, `attacks --list`, `attacks --allocator`.
#include "attack.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// No attack takes longer.
#define MOST_SECONDS 20
#define MOST_OBJECTS 16384

#define ATTACK(class, name, function, a, b) void function(size_t, size_t);
#include "attacks.def"
#undef ATTACK

static const struct attack {
    const char *class, *name;
    void (*function)(size_t, size_t);
    size_t a, b;
} attacks[] = {
#define ATTACK(class, name, function, a, b) {class, name, function, a, b},
#include "attacks.def"
#undef ATTACK
};
#define ATTACKS (sizeof attacks / sizeof attacks[0])

volatile int at_mistake;
int is_child;
const char *attack_name;
char *(*source)(size_t) = allocate;
struct object objects[MOST_OBJECTS];
size_t object_count;

static void say(const char *word, const char *what) {
    char line[200];
    int length = snprintf(line, sizeof line, "%s %s\n", word, what);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(4);
}

void effect(const char *what) {
    say("EFFECT", what);
    _exit(0);
}

void harmless(const char *what) {
    say("VOID", what);
    _exit(0);
}

void absent(const char *what) {
    say("ABSENT", what);
    _exit(0);
}

void broken(const char *what) {
    say("BROKEN", what);
    _exit(3);
}

char *hidden(const void *ptr) {
    char *bytes = (char *)(uintptr_t)ptr;
    __asm__ volatile("" : "+r"(bytes));
    return bytes;
}

char *allocate(size_t bytes) {
    char *ptr = malloc(bytes);
    if (ptr == NULL) broken("there is no memory");
    return hidden(ptr);
}

void release(char *ptr) { free(hidden(ptr)); }

void keep(char *at, size_t bytes) {
    if (object_count == MOST_OBJECTS) broken("too many objects");
    objects[object_count++] = (struct object){at, bytes};
}

static int by_address(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const struct object *)a)->at, y = (uintptr_t)((const struct object *)b)->at;
    return (x > y) - (x < y);
}

// qsort() may allocate: these are sorted in place.
static void sift(size_t from, size_t count) {
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        if (child + 1 < count && by_address(&objects[child], &objects[child + 1]) < 0) child++;
        if (by_address(&objects[from], &objects[child]) >= 0) return;
        struct object moved = objects[from];
        objects[from] = objects[child];
        objects[child] = moved;
    }
}

void sort_objects(void) {
    for (size_t i = object_count / 2; i-- > 0;) sift(i, object_count);
    for (size_t i = object_count; i-- > 1;) {
        struct object last = objects[i];
        objects[i] = objects[0];
        objects[0] = last;
        sift(0, i);
    }
}

void expect_overlap(size_t count, size_t bytes) {
    for (size_t i = 0; i < count; i++) keep(source(bytes), bytes);
    sort_objects();
    for (size_t i = 1; i < object_count; i++)
        if (objects[i - 1].at + objects[i - 1].bytes > objects[i].at) effect("two live objects share memory");
}

void expect_overlap_of_any_size(size_t bytes) {
    size_t sizes[] = {bytes, bytes / 2, bytes * 2, 16, 32, 64, 100, 200, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) expect_overlap(sizes[i] > 4096 ? 16 : 200, sizes[i]);
}

size_t neighbours(size_t bytes) {
    size_t count = bytes <= 4096 ? 1000 : bytes <= 200000 ? 64 : 16;
    for (size_t i = 0; i < count; i++) keep(source(bytes), bytes);
    sort_objects();
    size_t best = 0;
    for (size_t i = 0; i + 1 < object_count; i++) {
        // From the middle: what lies at the ends is not like the others.
        size_t at = (i + object_count / 2) % (object_count - 1);
        if (i == 0 || objects[at + 1].at - objects[at].at < objects[best + 1].at - objects[best].at) best = at;
    }
    for (size_t i = 0; i < object_count; i++) mark(objects[i], 'P');
    return best;
}

// How many bytes at both ends of an object are marked.
static size_t marked_bytes(struct object object) { return object.bytes < 2000 ? object.bytes : 1000; }

void mark(struct object object, int byte) {
    size_t bytes = marked_bytes(object);
    memset(object.at, byte, bytes);
    memset(object.at + object.bytes - bytes, byte, bytes);
}

int is_marked(struct object object, int byte) {
    size_t bytes = marked_bytes(object);
    for (size_t i = 0; i < bytes; i++)
        if (object.at[i] != byte || object.at[object.bytes - 1 - i] != byte) return 0;
    return 1;
}

#define SECRET "top-secret-token"
#define SECRET_BYTES (sizeof SECRET - 1)

void fill_with_secret(char *at, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) at[i] = SECRET[i % SECRET_BYTES];
}

int has_secret(const char *at, size_t bytes) {
    size_t own = 2 * sizeof(void *);
    return bytes > own && memmem(at + own, bytes - own, SECRET, SECRET_BYTES) != NULL;
}

#define PATIENCE_ROUNDS 10000
#define PATIENCE_OBJECTS 64

char *wait_for_place(const char *freed, size_t bytes) {
    for (size_t round = 0; round < PATIENCE_ROUNDS; round++) {
        char *some[PATIENCE_OBJECTS], *found = NULL;
        for (size_t i = 0; i < PATIENCE_OBJECTS; i++) {
            some[i] = allocate(bytes);
            if (some[i] == freed) found = some[i];
        }
        for (size_t i = 0; i < PATIENCE_OBJECTS; i++)
            if (some[i] != found) release(some[i]);
        if (found != NULL) return found;
    }
    harmless("the address never came back");
}

static void (*errand)(void *);
static void *errand_argument;
static sem_t errand_given, errand_done;

static void *run_errands(void *unused) {
    for (;;) {
        if (sem_wait(&errand_given) != 0) continue;
        errand(errand_argument);
        sem_post(&errand_done);
    }
    return unused;
}

void start_thread(void) {
    pthread_t thread;
    if (sem_init(&errand_given, 0, 0) != 0 || sem_init(&errand_done, 0, 0) != 0 ||
        pthread_create(&thread, NULL, run_errands, NULL) != 0)
        broken("no thread");
}

void in_thread(void (*function)(void *), void *argument) {
    errand = function;
    errand_argument = argument;
    sem_post(&errand_given);
    while (sem_wait(&errand_done) != 0) {}
}

// How a program ends that is not let go on.
static const int ends[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGTRAP};
#define ENDS (sizeof ends / sizeof ends[0])
static struct sigaction before[ENDS];

// Says where the fault was, and lets it happen again: what was installed before may have something to say.
static void on_fault(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    say("FAULT", at_mistake ? "at the mistake" : "later");
    for (size_t i = 0; i < ENDS; i++)
        if (ends[i] == number) sigaction(number, &before[i], NULL);
}

static void watch_faults(void) {
    static char stack[65536];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct rlimit none = {0, 0};
    if (sigaltstack(&own, NULL) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) broken("no limits");
    for (size_t i = 0; i < ENDS; i++)
        if (sigaction(ends[i], &action, &before[i]) != 0) broken("no signals");
}

// Which allocator answers, as far as it has a way to say so.
static void name_allocator(void) {
    int (*jemalloc)(const char *, void *, size_t *, void *, size_t);
    const char *(*tcmalloc)(int *, int *, const char **);
    int (*mimalloc)(void);
    const char *text = "";
    size_t bytes = sizeof text;
    *(void **)&jemalloc = dlsym(RTLD_DEFAULT, "mallctl");
    *(void **)&tcmalloc = dlsym(RTLD_DEFAULT, "tc_version");
    *(void **)&mimalloc = dlsym(RTLD_DEFAULT, "mi_version");
    if (jemalloc != NULL && jemalloc("version", &text, &bytes, NULL, 0) == 0)
        printf("jemalloc %.*s\n", (int)strcspn(text, "-"), text);
    else if (tcmalloc != NULL)
        printf("tcmalloc %s\n", tcmalloc(NULL, NULL, NULL) + strlen("gperftools "));
    else if (mimalloc != NULL)
        printf("mimalloc %d.%d.%d\n", mimalloc() / 100, mimalloc() / 10 % 10, mimalloc() % 10);
    else if (dlsym(RTLD_DEFAULT, "__scudo_print_stats") != NULL)
        puts("scudo");
    else
        printf("glibc %s\n", gnu_get_libc_version());
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < ATTACKS; i++) printf("%s\t%s\n", attacks[i].class, attacks[i].name);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--allocator") == 0) {
        name_allocator();
        return 0;
    }
    watch_faults();
    alarm(MOST_SECONDS);
    is_child = argc == 3;
    for (size_t i = 0; argc > 1 && i < ATTACKS; i++) {
        if (strcmp(argv[1], attacks[i].name) == 0) {
            attack_name = attacks[i].name;
            attacks[i].function(attacks[i].a, attacks[i].b);
            broken("an attack has to end by itself");
        }
    }
    broken("there is no such attack");
}
