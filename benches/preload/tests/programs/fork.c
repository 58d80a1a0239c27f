// fork while other threads are in the middle of allocating: the child allocates, frees what its
// parent made, starts threads and forks again.
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int stop;

static void *busy(void *arg) {
    unsigned seed = (unsigned)(size_t)arg;
    void *live[64] = {0};
    while (!stop) {
        seed = seed * 1664525u + 1013904223u;
        int at = (seed >> 10) % 64;
        free(live[at]);
        live[at] = malloc((seed >> 28) == 0 ? (seed >> 12) % 300000 : (seed >> 16) % 2000);
    }
    for (int i = 0; i < 64; i++) free(live[i]);
    return NULL;
}

static void *in_child(void *arg) {
    (void)arg;
    for (int i = 1; i < 2000; i++) {
        char *ptr = malloc(i);
        CHECK(ptr != NULL);
        ptr[i - 1] = 1;
        free(ptr);
    }
    return malloc(50);
}

static void work(void) {
    void *live[300];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++) {
            live[i] = calloc(1, i * i + 1);
            CHECK(live[i] != NULL && filled(live[i], 0, i * i + 1));
            memset(live[i], 0xaa, i * i + 1);
        }
        for (int i = 0; i < 300; i++) free(live[i]);
    }
}

static void wait_for(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void child(unsigned char **inherited, int count, int depth) {
    alarm(60);
    for (int i = 0; i < count; i++) {
        CHECK(filled(inherited[i], i & 255, 10 + i));
        free(inherited[i]);
    }
    work();
    pthread_t thread;
    void *gift;
    CHECK(pthread_create(&thread, NULL, in_child, NULL) == 0);
    CHECK(pthread_join(thread, &gift) == 0);
    free(gift);
    if (depth > 0) {
        pid_t pid = fork();
        if (pid == 0) {
            work();
            _exit(0);
        }
        wait_for(pid);
    }
    _exit(0);
}

int main(void) {
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, busy, (void *)i) == 0);
    for (int round = 0; round < 20; round++) {
        unsigned char *mine[200];
        for (int i = 0; i < 200; i++) {
            mine[i] = malloc(10 + i);
            CHECK(mine[i] != NULL);
            memset(mine[i], i & 255, 10 + i);
        }
        pid_t pid = fork();
        if (pid == 0) child(mine, 200, round % 4 == 0);
        for (int i = 0; i < 200; i++) free(mine[i]);
        wait_for(pid);
    }
    for (int round = 0; round < 20; round++) {
        pid_t pid = vfork();
        if (pid == 0) _exit(0);
        wait_for(pid);
        work();
    }
    stop = 1;
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    puts("ok");
}
