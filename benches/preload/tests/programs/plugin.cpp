// A C++ library that a C program loads for itself alone: the C++ runtime is in nobody else's sight.
#include "check.h"
#include <cstdint>
#include <new>

static void *volatile sink;

extern "C" void plugin() {
    int *kept = new int(7);
    bool thrown = false;
    try {
        sink = ::operator new(hidden(PTRDIFF_MAX - 64));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown && *kept == 7);
    CHECK(::operator new(hidden(PTRDIFF_MAX - 64), std::nothrow) == nullptr);
    delete kept;
}
