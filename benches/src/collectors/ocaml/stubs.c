// What OCaml's standard library does not tell: the monotonic clock, what the process has used, and
// how long the collector took.
//
// Above: clock.ml, measure.ml. Below: Linux, and the hooks of OCaml's runtime.
//
// Numbers go as they are: the functions allocate nothing in OCaml's heap.

#define CAML_INTERNALS
#include <caml/misc.h>
#include <caml/mlvalues.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

intnat strata_now_ns(value unit) {
    struct timespec now;
    (void)unit;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (intnat)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Of a number that is not 0.
intnat strata_log2(intnat number) {
    return 63 - __builtin_clzll((unsigned long long)number);
}

static intnat ns(struct timeval time) {
    return (intnat)time.tv_sec * 1000000000 + (intnat)time.tv_usec * 1000;
}

// Which: 0 for time in the program, 1 for time in the kernel, 2 for page faults.
intnat strata_usage(intnat which) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    switch (which) {
    case 0:
        return ns(usage.ru_utime);
    case 1:
        return ns(usage.ru_stime);
    default:
        return usage.ru_minflt;
    }
}

static intnat began_ns, longest_ns;

static void turn_begins(void) {
    began_ns = strata_now_ns(Val_unit);
}

static void turn_ends(void) {
    intnat took_ns = strata_now_ns(Val_unit) - began_ns;
    if (took_ns > longest_ns)
        longest_ns = took_ns;
}

// From now on, turns of the collector are timed: collections of the nursery, slices of the rest.
intnat strata_watch_turns(value unit) {
    (void)unit;
    caml_minor_gc_begin_hook = turn_begins;
    caml_minor_gc_end_hook = turn_ends;
    caml_major_slice_begin_hook = turn_begins;
    caml_major_slice_end_hook = turn_ends;
    return 0;
}

intnat strata_longest_turn_ns(value unit) {
    (void)unit;
    return longest_ns;
}

// OCaml asks for a second name, for its bytecode, to which nobody compiles this.
value strata_no_bytecode(value unit) {
    (void)unit;
    abort();
}
