//! What `--help` says behind the options: examples, which are parsed by a test, and exit codes.
//!
//! Above: `commands`. `benches` in an example stands for the command that the first line tells.

/// Of the program itself.
pub(super) const TOP: &str = "\
Examples (benches is `cargo run --release -p benches --`):
  benches                                            replay the shipped traces, run all else a little: seven minutes
  benches --quick --collectors 0 --counted 0 --pools 0 --arenas 0
                                                     the replays alone, one round: a first look
  benches record -o mine.strata -- PROGRAM ARGS      record a program of your own
  benches compare mine.strata                        which stack suits it: a table, and a page with plots
  benches compare mine.strata --json --only system,strata
  benches list                                       who takes part

Exit codes: 0 all went well; 1 a candidate failed; 2 the command line is wrong; 3 no traces, or one that cannot be
read; 4 a program could not be recorded; 5 a file could not be written.";

pub(super) const RECORD: &str = "\
Examples:
  benches record -o mine.strata -- python3 -c 'print(\"hello\")'
  benches record -- gcc -O2 -c main.c                writes gcc.strata, and gcc.strata.PID for what it starts
Then:
  benches show mine.strata
  benches compare mine.strata

A program that is statically linked, or has privileges, cannot be recorded: exit code 4.";

pub(super) const COMPARE: &str = "\
Examples:
  benches compare mine.strata
  benches compare mine.strata --quick --only system,strata,strata-heap
  benches compare *.strata --rounds 9 --output report.html
  benches compare mine.strata --json

The page begins with the stack to take. Prints its path last.";

pub(super) const SHOW: &str = "\
Examples:
  benches show mine.strata
  benches show mine.strata --json";

pub(super) const MEMORY: &str = "\
Examples:
  benches memory                                     all workloads, all candidates
  benches memory peak-before --only strata --reports
  benches memory lifetimes --seconds 600 --only strata,mimalloc
  benches memory threads-idle --scale 10 --json";

pub(super) const MICRO: &str = "\
Examples:
  benches micro
  benches micro pairs batches --only strata,mimalloc
  benches micro producer --quick --json";

pub(super) const COLLECTORS: &str = "\
Examples:
  benches collectors --scale 10 --quick              a first look
  benches collectors graph lru --only marksweep-bg,no-collection
  benches collectors binary-trees --json

Languages with a collector of their own take part where they are installed.";

pub(super) const COUNTED: &str = "\
Examples:
  benches counted --scale 5 --quick
  benches counted lists churn --only rc,rc-cycle";

pub(super) const POOLS: &str = "\
Examples:
  benches pools --quick
  benches pools hot batches --only pool,slab
  benches pools latency --json";

pub(super) const GOROUTINES: &str = "\
Examples:
  benches goroutines --quick
  benches goroutines ping-pong ping-pong-8 --workers 1 --rounds 15";

pub(super) const ARENAS: &str = "\
Examples:
  benches arenas --quick
  benches arenas small frames --only bound,bump,stack,bumpalo
  benches arenas live --scale 10 --json";

pub(super) const LIST: &str = "\
Examples:
  benches list
  benches list --json";
