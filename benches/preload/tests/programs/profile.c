// Holds three parts of memory in one function and one part in another. With a path, it asks for its profile by a
// signal, waits until there is one, and ends by _exit after a child has.
#define _GNU_SOURCE
#include "check.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTS = 4000 };
static void *three[PARTS], *one[PARTS * 10];

__attribute__((noinline)) void hold_three_parts(void) {
    for (int i = 0; i < PARTS; i++) CHECK((three[i] = malloc(3000)) != NULL);
}

__attribute__((noinline)) void hold_one_part(void) {
    for (int i = 0; i < PARTS * 10; i++) CHECK((one[i] = malloc(100)) != NULL);
}

__attribute__((noinline)) void hold_for_a_moment(void) {
    for (int i = 0; i < 10000; i++) {
        void *ptr = malloc(1000);
        CHECK(ptr != NULL);
        CHECK((ptr = realloc(ptr, 500 + i % 2)) != NULL);
        free(ptr);
    }
}

static off_t length(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : 0;
}

int main(int argc, char **argv) {
    hold_three_parts();
    hold_one_part();
    hold_for_a_moment();
    puts("ok");
    fflush(stdout);
    if (argc < 2) return 0;
    CHECK(length(argv[1]) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    for (int i = 0; i < 6000 && length(argv[1]) == 0; i++) usleep(10000);
    CHECK(length(argv[1]) > 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        free(three[0]);
        void *again = malloc(100000);
        CHECK(again != NULL);
        free(again);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    _exit(0);
}
