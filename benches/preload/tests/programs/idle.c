// A program that sleeps after a peak: what it freed goes back to the system while it sleeps, and no signal of
// its own reaches a thread that is not its own.
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { OBJECTS = 40000, MOST = 4000 };

static pthread_t main_thread;
static volatile sig_atomic_t signals, strays;

static void on_signal(int number) {
    (void)number;
    signals++;
    if (!pthread_equal(pthread_self(), main_thread)) strays++;
}

static long resident_mib(void) {
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
    fclose(file);
    return strtol(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE) >> 20;
}

static void nap(void) { nanosleep(&(struct timespec){0, 5000000}, NULL); }

int main(void) {
    static void *objects[OBJECTS];
    main_thread = pthread_self();
    signal(SIGUSR1, on_signal);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OBJECTS; i++) {
            size_t size = hidden(16 + (i * 37) % MOST);
            CHECK((objects[i] = malloc(size)) != NULL);
            memset(objects[i], 1, size);
        }
        long peak = resident_mib();
        CHECK(peak > 60);
        for (int i = 0; i < OBJECTS; i++) free(objects[i]);
        // Only Strata was told to give it back.
        for (int naps = 0; on_strata() && resident_mib() > peak / 2; naps++) {
            CHECK(naps < 10000);
            nap();
        }
        for (int i = 0; i < 20; i++) kill(getpid(), SIGUSR1);
        CHECK(signals > 0 && strays == 0);
    }
    puts("ok");
    return 0;
}
