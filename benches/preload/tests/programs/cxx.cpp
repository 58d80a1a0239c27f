// operator new and delete in all their forms, the new-handler, and what runs before and after main.
#include "check.h"
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

// A constructor before main, and a destructor after it.
struct Early {
    std::map<int, std::string> map;
    Early() {
        for (int i = 0; i < 1000; i++) map[i] = std::string(i, 'x');
    }
    ~Early() {
        for (int i = 0; i < 1000; i++) CHECK(map[i].size() == size_t(i));
        map.clear();
        puts("ok");
    }
};
static Early early;

struct Local {
    std::vector<std::string> words;
    ~Local() {
        for (auto &word : words) CHECK(word.size() == 100);
        words.assign(500, std::string(200, 'y'));
    }
};
static thread_local Local local;

template <typename New, typename Delete>
static void pair(size_t align, New make, Delete destroy) {
    for (size_t size = 0; size < 100000; size = size * 3 / 2 + 1) {
        void *a = make(size), *b = make(size);
        CHECK(a && b && a != b && ALIGNED(a, align) && ALIGNED(b, align));
        memset(a, 1, size), memset(b, 2, size);
        CHECK(filled(a, 1, size));
        destroy(a, size), destroy(b, size);
    }
}

static void all_forms() {
    using std::nothrow;
    using P = void *;
    using N = size_t;
    constexpr std::align_val_t A{64}, B{8192};
    pair(8, [](N n) { return ::operator new(n); }, [](P p, N) { ::operator delete(p); });
    pair(8, [](N n) { return ::operator new[](n); }, [](P p, N) { ::operator delete[](p); });
    pair(8, [](N n) { return ::operator new(n, nothrow); },
         [](P p, N) { ::operator delete(p, nothrow); });
    pair(8, [](N n) { return ::operator new[](n, nothrow); },
         [](P p, N) { ::operator delete[](p, nothrow); });
    pair(8, [](N n) { return ::operator new(n); }, [](P p, N n) { ::operator delete(p, n); });
    pair(8, [](N n) { return ::operator new[](n); }, [](P p, N n) { ::operator delete[](p, n); });
    pair(64, [](N n) { return ::operator new(n, A); }, [](P p, N) { ::operator delete(p, A); });
    pair(64, [](N n) { return ::operator new[](n, A); }, [](P p, N) { ::operator delete[](p, A); });
    pair(64, [](N n) { return ::operator new(n, A); },
         [](P p, N n) { ::operator delete(p, n, A); });
    pair(64, [](N n) { return ::operator new[](n, A); },
         [](P p, N n) { ::operator delete[](p, n, A); });
    pair(8192, [](N n) { return ::operator new(n, B, nothrow); },
         [](P p, N) { ::operator delete(p, B, nothrow); });
    pair(8192, [](N n) { return ::operator new[](n, B, nothrow); },
         [](P p, N) { ::operator delete[](p, B, nothrow); });
    ::operator delete(nullptr);
    ::operator delete[](nullptr, std::size_t(4));
}

// A direct call whose result is used is not optimised away.
static void *volatile sink;

template <typename Body> static bool throws_bad_alloc(Body body) {
    try {
        body();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static int handled;

// A new-handler that gives up when it is called for the third time.
static void three_times() {
    if (++handled == 3) std::set_new_handler(nullptr);
}

static void start_handling() {
    handled = 0;
    std::set_new_handler(three_times);
}

static void out_of_memory() {
    const size_t absurd = hidden(PTRDIFF_MAX - 64);
    constexpr std::align_val_t A{64};
    CHECK(throws_bad_alloc([&] { sink = ::operator new(absurd); }));
    CHECK(throws_bad_alloc([&] { sink = ::operator new[](absurd); }));
    CHECK(throws_bad_alloc([&] { sink = ::operator new(absurd, A); }));
    CHECK(throws_bad_alloc([&] { sink = ::operator new[](absurd, A); }));
    CHECK(::operator new(absurd, std::nothrow) == nullptr);
    CHECK(::operator new[](absurd, std::nothrow) == nullptr);
    CHECK(::operator new(absurd, A, std::nothrow) == nullptr);
    CHECK(::operator new[](absurd, A, std::nothrow) == nullptr);
    // libstdc++'s own operators round this up to 0 bytes.
    if (on_strata()) {
        const size_t most = hidden(SIZE_MAX - 15);
        CHECK(throws_bad_alloc([&] { sink = ::operator new(most, A); }));
        CHECK(throws_bad_alloc([&] { sink = ::operator new[](most, A); }));
        CHECK(::operator new(most, A, std::nothrow) == nullptr);
        CHECK(::operator new[](most, A, std::nothrow) == nullptr);
        start_handling();
        CHECK(throws_bad_alloc([&] { sink = ::operator new(most, A); }) && handled == 3);
        std::set_new_handler(nullptr);
    }
    // The handler is called until it gives up.
    start_handling();
    CHECK(throws_bad_alloc([&] { sink = ::operator new(absurd); }) && handled == 3);
    start_handling();
    CHECK(::operator new(absurd, std::nothrow) == nullptr && handled == 3);
    start_handling();
    CHECK(throws_bad_alloc([&] { sink = ::operator new[](absurd, A); }) && handled == 3);
    // What a handler throws comes out of new, and is swallowed by the nothrow form.
    std::set_new_handler([] { throw std::bad_alloc(); });
    CHECK(throws_bad_alloc([&] { sink = ::operator new(absurd); }));
    CHECK(::operator new(absurd, std::nothrow) == nullptr);
    CHECK(::operator new[](absurd, A, std::nothrow) == nullptr);
    std::set_new_handler(nullptr);
}

struct alignas(256) Wide {
    char bytes[300];
};

int main() {
    all_forms();
    out_of_memory();
    std::vector<std::unique_ptr<Wide>> wide;
    for (int i = 0; i < 100; i++) wide.push_back(std::make_unique<Wide>());
    for (auto &w : wide) CHECK(ALIGNED(w.get(), 256));
    for (int round = 0; round < 50; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++)
            threads.emplace_back([] { local.words.assign(300, std::string(100, 'z')); });
        for (auto &thread : threads) thread.join();
    }
    local.words.assign(300, std::string(100, 'z'));
}
