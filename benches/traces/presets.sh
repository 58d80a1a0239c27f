#!/usr/bin/env bash
# What the presets of the preload library cost whole programs: those of the shipped traces, by turns.
#
#   benches/traces/presets.sh                   seven rounds of all of them
#   benches/traces/presets.sh 15 perl sqlite3   fifteen rounds of some of them
#   benches/traces/presets.sh --count perl      instructions in place of time, by valgrind: one run each, in minutes; by default of the programs
#                                               whose count does not depend on when somebody asks them something (all but redis and git-pack)
#
# Prints each program's processor time (user and system) as it is on the default preset, and as a ratio to it on the others:
# medians of rounds, in each of which a program runs once under every preset. The profile is written without names: to look
# them up takes as long as the debug information on the machine is, however long the program ran. Which programs these are,
# and what they need, stands in `programs.sh`.
set -euo pipefail
cd "$(dirname "$0")"
. ./programs.sh
presets="default hardened sampled profile system"
is_counted=
if [ "${1:-}" = --count ]; then
    is_counted=1
    rounds=1
    programs="python3 perl gcc sqlite3 git-log pipeline"
else
    rounds=${1:-7}
fi
shift || true

# The settings of a preset.
settings() {
    case $1 in
    system) ;;
    default) echo "LD_PRELOAD=$library" ;;
    hardened) echo "LD_PRELOAD=$library STRATA_HARDENED=1" ;;
    sampled) echo "LD_PRELOAD=$library STRATA_SAMPLED=10000" ;;
    profile) echo "LD_PRELOAD=$library STRATA_PROFILE=$scratch/profile STRATA_PROFILE_NAMES=0" ;;
    esac
}

# recorded NAME PROGRAM ARGS: runs the program under the preset of this turn, and notes its processor time.
recorded() {
    local name=$1 TIMEFORMAT='%3U %3S'
    shift
    if [ -n "$is_counted" ]; then
        # shellcheck disable=SC2046 # several settings
        env $(settings "$preset") PERL_HASH_SEED=0 valgrind --tool=callgrind --callgrind-out-file="$scratch/counts" "$@" \
            >"$scratch/output" 2>"$scratch/errors"
        echo "$name $preset $round $(awk '/Collected/ { print $NF / 1e6, 0 }' "$scratch/errors")" >>"$scratch/times"
        return
    fi
    # shellcheck disable=SC2046 # several settings
    { time env $(settings "$preset") "$@" >"$scratch/output" 2>"$scratch/errors"; } 2>"$scratch/time"
    echo "$name $preset $round $(cat "$scratch/time")" >>"$scratch/times"
}

cd "$scratch"
for round in $(seq "$rounds"); do
    # There and back again, so that none is always first.
    turns=$(tr ' ' '\n' <<<"$presets")
    if [ $((round % 2)) = 0 ]; then turns=$(tac <<<"$turns"); fi
    for name in ${*:-$programs}; do
        for preset in $turns; do
            "${name//-/_}_trace"
        done
    done
    if [ -t 2 ]; then printf '\r%s of %s rounds' "$round" "$rounds" >&2; fi
done
if [ -t 2 ]; then echo >&2; fi

unit=${is_counted:+million}
awk -v presets="$presets" -v unit="${unit:-ms}" -v scale="${is_counted:-1000}" '
function median(key,    n, i, j, row, swap) {
    n = split(all[key], row, " ")
    for (i = 1; i < n; i++) for (j = i + 1; j <= n; j++) if (row[j] + 0 < row[i] + 0) { swap = row[i]; row[i] = row[j]; row[j] = swap }
    return n % 2 ? row[(n + 1) / 2] : (row[n / 2] + row[n / 2 + 1]) / 2
}
{
    if (!($1 in seen)) { seen[$1] = 1; names[++count] = $1 }
    if ($3 > rounds) rounds = $3
    ms[$1, $2, $3] = ($4 + $5) * scale
}
END {
    kinds = split(presets, preset, " ")
    for (i = 1; i <= count; i++) for (k = 1; k <= kinds; k++) for (r = 1; r <= rounds; r++) {
        base = k == 1 ? 1 : ms[names[i], preset[1], r]
        all[names[i] " " preset[k]] = all[names[i] " " preset[k]] " " ms[names[i], preset[k], r] / base
    }
    printf "%-16s%16s", "program", "default " unit
    for (k = 2; k <= kinds; k++) printf "%10s", preset[k]
    print ""
    for (i = 1; i <= count; i++) {
        printf "%-16s%16.0f", names[i], median(names[i] " default")
        for (k = 2; k <= kinds; k++) {
            ratio = median(names[i] " " preset[k])
            logs[k] += log(ratio)
            printf "%10.3f", ratio
        }
        print ""
    }
    printf "%-16s%16s", "geometric mean", ""
    for (k = 2; k <= kinds; k++) printf "%10.3f", exp(logs[k] / count)
    print ""
}' "$scratch/times"
