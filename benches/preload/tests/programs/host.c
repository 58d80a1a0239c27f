// A C program that loads the C++ library of its argument.
#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>

int main(int argc, char **argv) {
    CHECK(argc == 2);
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) fputs(dlerror(), stderr);
    CHECK(library != NULL);
    void (*plugin)(void) = (void (*)(void))dlsym(library, "plugin");
    CHECK(plugin != NULL);
    plugin();
    CHECK(dlclose(library) == 0);
    puts("ok");
}
