// C++: memory that goes back in another way than it came, sizes that are not the object's, and virtual calls of dead objects.
// The effect of a mismatch: it goes unnoticed. Of a wrong size: two objects share memory.
#include "attack.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <new>

namespace {

constexpr std::align_val_t ALIGNMENT{64};

enum Source { MALLOC, MEMALIGN, NEW, NEW_ARRAY, NEW_ALIGNED, NEW_ARRAY_ALIGNED };
enum Sink { FREE, DELETE, DELETE_ARRAY, DELETE_ALIGNED, DELETE_ARRAY_ALIGNED, REALLOC };

char *obtain(size_t from, size_t bytes) {
    switch (from) {
    case MALLOC: return allocate(bytes);
    case MEMALIGN: return hidden(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
    case NEW: return hidden(::operator new(bytes));
    case NEW_ARRAY: return hidden(::operator new[](bytes));
    case NEW_ALIGNED: return hidden(::operator new(bytes, ALIGNMENT));
    case NEW_ARRAY_ALIGNED: return hidden(::operator new[](bytes, ALIGNMENT));
    }
    broken("no such source");
}

void give_back(size_t to, char *ptr) {
    void *again = nullptr;
    switch (to) {
    case FREE: MISTAKE(std::free(ptr)); return;
    case DELETE: MISTAKE(::operator delete(ptr)); return;
    case DELETE_ARRAY: MISTAKE(::operator delete[](ptr)); return;
    case DELETE_ALIGNED: MISTAKE(::operator delete(ptr, ALIGNMENT)); return;
    case DELETE_ARRAY_ALIGNED: MISTAKE(::operator delete[](ptr, ALIGNMENT)); return;
    case REALLOC:
        MISTAKE(again = std::realloc(ptr, 5000));
        if (again == nullptr) harmless("realloc refuses");
        return;
    }
    broken("no such sink");
}

void mismatch(size_t from, size_t to, size_t bytes) {
    keep(obtain(from, bytes), bytes);
    give_back(to, objects[0].at);
    // Others come and go, so that who looks later has seen it.
    object_count = 0;
    expect_overlap(64, bytes);
    for (size_t i = 0; i < object_count; i++) release(objects[i].at);
    effect("nobody noticed");
}

// Objects of `bytes`, one of which is freed as one of `said` bytes: then is there one of `said` bytes that runs into others?
[[noreturn]] void expect_confusion(size_t bytes, size_t said, char *(*from)(size_t), void (*free_as)(char *, size_t)) {
    source = from;
    size_t first = neighbours(bytes);
    struct object freed = objects[first];
    objects[first] = objects[--object_count];
    free_as(freed.at, said);
    expect_overlap(200, said);
    expect_overlap(200, bytes);
    harmless("the size was not believed");
}

using FreeSized = void (*)(void *, size_t);
using FreeAlignedSized = void (*)(void *, size_t, size_t);

template <typename Function> Function from_c(const char *name) {
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == nullptr) absent("this C library does not have it");
    return reinterpret_cast<Function>(found);
}

char *new_bytes(size_t bytes) { return hidden(::operator new(bytes)); }
char *new_array_bytes(size_t bytes) { return hidden(::operator new[](bytes)); }
void delete_as(char *ptr, size_t bytes) { MISTAKE(::operator delete(ptr, bytes)); }
void delete_array_as(char *ptr, size_t bytes) { MISTAKE(::operator delete[](ptr, bytes)); }
void free_as(char *ptr, size_t bytes) { MISTAKE(from_c<FreeSized>("free_sized")(ptr, bytes)); }

struct Animal {
    virtual ~Animal() {}
    virtual void speak() { effect("a dead object answered"); }
    char rest[48];
};

struct Other {
    virtual ~Other() {}
    char rest[48];
};

// The second base's table of functions lies further in, where no allocator of the peers has links.
struct Chimera : Other, Animal {};

void speak_evil() { effect("a dead object ran the attacker's function"); }

// What the attacker puts in place of a table of virtual functions.
void (*const FORGED[8])() = {speak_evil, speak_evil, speak_evil, speak_evil, speak_evil, speak_evil, speak_evil, speak_evil};

// The attacker's bytes.
void fill_with_tables(char *ptr, size_t bytes) {
    const void *table = FORGED;
    for (size_t at = 0; at + sizeof table <= bytes; at += sizeof table) std::memcpy(ptr + at, &table, sizeof table);
}

// In objects of the dead one's size.
void spray(size_t count, size_t bytes) {
    for (size_t i = 0; i < count; i++) fill_with_tables(allocate(bytes), bytes);
}

[[noreturn]] void call(Animal *dead) {
    auto *animal = reinterpret_cast<Animal *>(hidden(dead));
    MISTAKE(animal->speak());
    harmless("the call did nothing");
}

void delete_animal(void *animal) { delete static_cast<Animal *>(animal); }

void spray_in_thread(void *count) { spray(*static_cast<size_t *>(count), sizeof(Animal)); }

} // namespace

extern "C" {

#define ATTACK(class, name, function, a, b) void function(size_t, size_t);
#include "attacks.def"
#undef ATTACK

void mismatch_small(size_t from, size_t to) { mismatch(from, to, 40); }
void mismatch_large(size_t from, size_t to) { mismatch(from, to, 1 << 20); }

void wrong_size_delete(size_t bytes, size_t said) {
    char *ptr = hidden(::operator new(bytes));
    MISTAKE(::operator delete(ptr, said));
    effect("nobody noticed");
}

void wrong_size_delete_array(size_t bytes, size_t said) {
    char *ptr = hidden(::operator new[](bytes));
    MISTAKE(::operator delete[](ptr, said));
    effect("nobody noticed");
}

void wrong_size_free(size_t bytes, size_t said) {
    auto free_sized = from_c<FreeSized>("free_sized");
    char *ptr = allocate(bytes);
    MISTAKE(free_sized(ptr, said));
    effect("nobody noticed");
}

void wrong_size_free_aligned(size_t bytes, size_t said) {
    auto free_aligned_sized = from_c<FreeAlignedSized>("free_aligned_sized");
    char *ptr = hidden(std::aligned_alloc(64, bytes));
    MISTAKE(free_aligned_sized(ptr, 64, said));
    effect("nobody noticed");
}

void confusion_delete(size_t bytes, size_t said) { expect_confusion(bytes, said, new_bytes, delete_as); }
void confusion_delete_array(size_t bytes, size_t said) { expect_confusion(bytes, said, new_array_bytes, delete_array_as); }
void confusion_free(size_t bytes, size_t said) { expect_confusion(bytes, said, allocate, free_as); }

void dead_call(size_t sprayed, size_t unused) {
    (void)unused;
    auto *animal = new Animal;
    delete animal;
    spray(sprayed, sizeof *animal);
    call(animal);
}

void dead_call_patient(size_t unused, size_t unused_too) {
    (void)unused, (void)unused_too;
    auto *animal = new Animal;
    delete animal;
    fill_with_tables(wait_for_place(hidden(animal), sizeof *animal), sizeof *animal);
    call(animal);
}

void dead_call_after_thread(size_t sprayed, size_t unused) {
    (void)unused;
    start_thread();
    auto *animal = new Animal;
    in_thread(delete_animal, animal);
    in_thread(spray_in_thread, &sprayed);
    call(animal);
}

void dead_call_of_array(size_t sprayed, size_t count) {
    auto *animals = new Animal[count];
    auto *last = animals + count - 1;
    delete[] animals;
    spray(sprayed, count * sizeof *animals + sizeof(size_t));
    call(last);
}

void dead_call_of_base(size_t unused, size_t unused_too) {
    (void)unused, (void)unused_too;
    auto *chimera = new Chimera;
    Animal *base = chimera;
    delete chimera;
    call(base);
}

void dead_call_of_base_sprayed(size_t sprayed, size_t unused) {
    (void)unused;
    auto *chimera = new Chimera;
    Animal *base = chimera;
    delete chimera;
    spray(sprayed, sizeof *chimera);
    call(base);
}

void huge_new(size_t how, size_t unused) {
    (void)unused;
    volatile size_t most = SIZE_MAX;
    void *ptr = nullptr;
    try {
        switch (how) {
        case 0: MISTAKE(ptr = ::operator new(most - 15)); break;
        case 1: MISTAKE(ptr = ::operator new(most, std::nothrow)); break;
        case 2: MISTAKE(ptr = ::operator new(most - 15, ALIGNMENT)); break;
        }
    } catch (const std::bad_alloc &) {
        harmless("refused");
    }
    if (hidden(ptr) != nullptr) effect("an object that is larger than the address space");
    harmless("refused");
}
}
