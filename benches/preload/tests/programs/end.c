// Ends in the way that its argument names, after some allocations in two threads. The tests look
// at the trace or the report that it leaves.
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *arg) {
    for (int i = 1; i <= 20000; i++) {
        char *ptr = calloc(1, 333);
        ptr = realloc(ptr, 7777);
        if (i != 1) free(ptr);
    }
    return arg;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "return";
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    work(NULL);
    CHECK(pthread_join(thread, NULL) == 0);
    free(aligned_alloc(4096, 12345));
    if (!strcmp(how, "return")) return 0;
    if (!strcmp(how, "exit")) exit(3);
    if (!strcmp(how, "_exit")) _exit(4);
    if (!strcmp(how, "quick_exit")) quick_exit(5);
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "kill")) raise(SIGKILL);
    if (!strcmp(how, "fork")) {
        pid_t pid = fork();
        if (pid == 0) {
            work(NULL);
            exit(0);
        }
        CHECK(waitpid(pid, NULL, 0) == pid);
        pid = vfork();
        if (pid == 0) _exit(0);
        CHECK(waitpid(pid, NULL, 0) == pid);
        free(aligned_alloc(8192, 54321));
        return 0;
    }
    if (!strcmp(how, "exec")) execl(argv[0], argv[0], "return", NULL);
    if (!strcmp(how, "spawn")) {
        pid_t pid = fork();
        if (pid == 0) execl(argv[0], argv[0], "return", NULL);
        CHECK(waitpid(pid, NULL, 0) == pid);
        return 0;
    }
    // Takes the trace's descriptor away, and puts a file of its own in its place.
    if (!strcmp(how, "close")) {
        for (int fd = 3; fd < 1024; fd++) close(fd);
        FILE *own = tmpfile();
        CHECK(own != NULL);
        int mine = fileno(own);
        for (int fd = 3; fd < 1024; fd++)
            if (fd != mine) dup2(mine, fd);
        for (int i = 0; i < 30; i++) work(NULL);
        CHECK(lseek(mine, 0, SEEK_END) == 0);
        return 0;
    }
    return 9;
}
