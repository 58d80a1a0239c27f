// Random calls by two threads: sizes of every kind, realloc to and fro, alignments, frees by the other thread. Each object is filled with a
// byte of its own, which is looked at before it is freed or has another size.
#include "check.h"
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>

enum { OBJECTS = 300, ROUNDS = 40000 };

struct object {
    unsigned char *ptr;
    size_t bytes;
    int byte;
};

static struct object *shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t draw(uint64_t *seed, size_t below) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*seed >> 33) % below;
}

static size_t some_bytes(uint64_t *seed) {
    static const size_t below[] = {20, 200, 1100, 5000, 40000, 300000, 1500000};
    size_t kind = draw(seed, 100);
    return draw(seed, below[kind < 40 ? 0 : kind < 75 ? 1 : kind < 88 ? 2 : kind < 96 ? 3 : kind < 98 ? 4 : kind < 99 ? 5 : 6]);
}

static void look(const struct object *object) { CHECK(filled(object->ptr, object->byte, object->bytes)); }

static void *churn(void *number) {
    uint64_t seed = (uintptr_t)number;
    struct object own[OBJECTS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct object *object = &own[draw(&seed, OBJECTS)];
        size_t bytes = some_bytes(&seed), before = object->bytes;
        switch (draw(&seed, 8)) {
        case 0:
        case 1:
            if (object->ptr) look(object);
            free(object->ptr);
            object->ptr = malloc(bytes);
            break;
        case 2:
            if (object->ptr) look(object);
            free(object->ptr);
            object->ptr = calloc(bytes, 1);
            CHECK(object->ptr && filled(object->ptr, 0, bytes));
            break;
        case 3:
            if (object->ptr) look(object);
            free(object->ptr);
            object->ptr = memalign(64u << draw(&seed, 8), bytes);
            break;
        case 4:
            if (object->ptr) look(object);
            free(object->ptr);
            memset(object, 0, sizeof *object);
            continue;
        case 5:
            // The other thread's, for one of one's own.
            pthread_mutex_lock(&lock);
            struct object *other = &shared[draw(&seed, OBJECTS)], kept = *other;
            *other = *object;
            *object = kept;
            pthread_mutex_unlock(&lock);
            if (object->ptr) look(object);
            continue;
        default:
            if (object->ptr == NULL) before = 0;
            unsigned char *ptr = realloc(object->ptr, bytes + 1);
            CHECK(ptr != NULL && filled(ptr, object->byte, before < bytes + 1 ? before : bytes + 1));
            object->ptr = ptr;
            bytes++;
        }
        CHECK(object->ptr != NULL && malloc_usable_size(object->ptr) >= bytes);
        object->bytes = bytes;
        object->byte = (int)draw(&seed, 256);
        memset(object->ptr, object->byte, bytes);
    }
    for (int i = 0; i < OBJECTS; i++) {
        if (own[i].ptr) look(&own[i]);
        free(own[i].ptr);
    }
    return NULL;
}

int main(void) {
    CHECK((shared = calloc(OBJECTS, sizeof *shared)) != NULL);
    pthread_t threads[2];
    for (uintptr_t i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < OBJECTS; i++) {
        if (shared[i].ptr) look(&shared[i]);
        free(shared[i].ptr);
    }
    free(shared);
    puts("ok");
    return 0;
}
