// Takes all the memory that there is, in pieces of several sizes; gives it back; goes on. Run under a limit of the address
// space, however small: what there is not, is a null pointer and ENOMEM. Says how many pieces of each size there were.
#define _GNU_SOURCE
#include "../../preload/tests/programs/check.h"
#include <stdint.h>
#include <unistd.h>

enum { SIZES = 5 };

// Takes all there is in pieces of so many bytes, and gives it back; how many there were.
static size_t fill(size_t bytes) {
    void **chain = NULL, **next;
    size_t count = 0;
    errno = 0;
    while ((next = malloc(bytes)) != NULL) {
        *next = chain;
        ((unsigned char *)next)[bytes - 1] = (unsigned char)count;
        chain = next, count++;
        CHECK(count * bytes < (size_t)16 << 30);
        errno = 0;
    }
    CHECK(errno == ENOMEM);
    // What cannot become larger stays as it is.
    if (chain) {
        CHECK(realloc(chain, hidden((size_t)8 << 30)) == NULL && errno == ENOMEM);
    }
    for (size_t left = count; chain; left--) {
        CHECK(((unsigned char *)chain)[bytes - 1] == (unsigned char)(left - 1));
        void **dead = chain;
        chain = *chain;
        free(dead);
    }
    return count;
}

int main(void) {
    // The last is the first once more: service resumes.
    size_t sizes[SIZES] = {1 << 20, 30000, 700, 5 << 20, 1 << 20}, counts[SIZES], pieces = 0;
    int refused = 0;
    for (int i = 0; i < SIZES; i++) {
        counts[i] = fill(hidden(sizes[i]));
        pieces += counts[i], refused += counts[i] == 0;
    }
    CHECK(counts[SIZES - 1] >= counts[0] / 2);
    // Not by stdio, which may have no buffer.
    char line[80];
    int length = snprintf(line, sizeof line, "pieces %zu without %d\nok\n", pieces, refused);
    return write(1, line, (size_t)length) == length ? 0 : 1;
}
