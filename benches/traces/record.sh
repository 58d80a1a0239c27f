#!/usr/bin/env bash
# Records the traces that ship with the repository, into this folder.
#
#   benches/traces/record.sh            all of them
#   benches/traces/record.sh sqlite3    some of them
#
# Which programs these are, and what they need, stands in `programs.sh`.
set -euo pipefail
cd "$(dirname "$0")"
. ./programs.sh

# recorded NAME PROGRAM ARGS: runs the program, and puts its trace into this folder. The programs
# that it starts are not part of it.
recorded() {
    local name=$1
    shift
    rm -f "$scratch/trace" "$scratch"/trace.*
    STRATA_RECORD=$scratch/trace LD_PRELOAD=$library "$@" >"$scratch/output"
    mv "$scratch/trace" "$traces/$name.strata"
    echo "$name.strata: $(stat -c %s "$traces/$name.strata") bytes: $*"
}

cd "$scratch"
for name in ${*:-$programs}; do
    "${name//-/_}_trace"
done
