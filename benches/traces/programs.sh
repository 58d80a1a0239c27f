# The programs of the shipped traces, for `record.sh` and `presets.sh`: a function `NAME_trace` each, which makes its inputs in the
# folder it is called in and calls `recorded NAME PROGRAM ARGS`, which whoever reads this file defines. They are called in `$scratch`, with the
# preload library at `$library`.
#
# Inputs are generated here, so that nothing but the programs' versions can make a difference. Needs
# Debian's python3, perl, gcc, g++, sqlite3, git and redis-server.
programs="python3 perl gcc sqlite3 git-log git-pack redis pipeline"
export LC_ALL=C GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

traces=$PWD
cargo build --release --quiet -p strata-preload
library=$(cd "${CARGO_TARGET_DIR:-../../target}" && pwd)/release/libstrata_preload.so
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A script of JSON, regular expressions, dictionaries and object graphs.
python3_trace() {
    cat >script.py <<'PY'
import collections, json, random, re
random.seed(7)
words = ["".join(random.choice("abcdefghij") for _ in range(random.randint(2, 9))) for _ in range(3000)]
records = [{"id": i, "name": words[i % 3000], "tags": random.sample(words, 4), "at": i / 7} for i in range(4500)]
text = json.dumps(records)
assert json.loads(text) == records
names = re.findall(r'"name": "([a-e]+[f-j]{2})[a-j]*"', text)
print(len(text), collections.Counter(names).most_common(3))
index = collections.defaultdict(list)
for record in records:
    for tag in record["tags"]:
        index[tag].append(record["id"])
class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1) for _ in range(3)] if depth else []
        self.text = "x" * random.randint(0, 200)
    def size(self):
        return 1 + sum(child.size() for child in self.children)
print(sum(Node(6).size() for _ in range(4)), max(len(ids) for ids in index.values()))
lines = [" ".join(random.choices(words, k=12)) for _ in range(2500)]
print(sum(len(re.sub(r"(\w)(\w+)", r"\2\1", line).split()) for line in lines))
PY
    PYTHONMALLOC=malloc PYTHONHASHSEED=0 recorded python3 /usr/bin/python3 script.py
}

# Words counted, sorted, substituted, joined: strings that grow and hashes that split.
perl_trace() {
    cat >script.pl <<'PL'
use strict; use warnings;
my $seed = 12345;
sub draw { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed % $_[0] }
my $text = join ' ', map { join '', map { chr(97 + draw(12)) } 0 .. 2 + draw(6) } 1 .. 40000;
my (%count, %by_length);
$count{$_}++ for split / /, $text;
push @{ $by_length{length $_} }, $_ for sort keys %count;
print "$_ ", scalar @{ $by_length{$_} }, "\n" for sort { $a <=> $b } keys %by_length;
(my $changed = $text) =~ s/\b(\w)(\w+?)(\w)\b/$3\U$2\E$1/g;
my @rows = map { { id => $_, list => [ map { $_ * 2 } 1 .. draw(20) ], name => "row $_ " x draw(9) } } 1 .. 20000;
for my $round (1 .. 3) {
    @rows = sort { $a->{name} cmp $b->{name} || $a->{id} <=> $b->{id} } grep { draw(8) } @rows;
    push @rows, map { { id => $_, list => [ 1 .. draw(9) ], name => "new $_ " x draw(30) } } 1 .. 3000;
}
my $grown = ''; $grown .= "$_->{id}:$_->{name}," for @rows;
print length $changed, ' ', length $grown, ' ', scalar(split /,/, $grown), "\n";
PL
    recorded perl /usr/bin/perl script.pl
}

# The compiler proper, with optimisation and debug information.
gcc_trace() {
    awk 'BEGIN { srand(7); for (i = 0; i < 95; i++) {
        printf "struct s%d { int a[%d]; struct s%d *next; double d; };\n", i, i % 9 + 1, i
        printf "int f%d(struct s%d *s, int n) {\n  int t = n;\n  for (int i = 0; i < n; i++) {\n", i, i
        for (j = 0; j < 6; j++) printf "    if (s->a[i %% %d] %% %d == %d) t += s->a[0] * %d; else t ^= i << %d;\n", i % 9 + 1, j + 2, j, int(rand() * 1000), j
        printf "    switch (t & 7) { case 1: t *= 3; break; case 2: s = s->next; break; case %d: t -= f%d((void *)s, t & 3); }\n", 3 + i % 5, (i > 0 ? i - 1 : 0)
        printf "  }\n  return t + (int)s->d;\n}\n" } }' >source.c
    recorded gcc "$(gcc -print-prog-name=cc1)" -quiet -O2 -g source.c -o source.s
}

# A database in memory: inserts, indexes, joins, an update of a third, a vacuum.
sqlite3_trace() {
    cat >script.sql <<'SQL'
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, kind INT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90000)
INSERT INTO item SELECT i, 'item ' || (i * 7919 % 300007) || ' ' || hex(i * i), i * 0.37, i % 97 FROM n;
COMMIT;
CREATE INDEX by_name ON item (name);
SELECT kind, count(*), group_concat(substr(name, 6, 2), '') FROM item WHERE id % 100 = 7 GROUP BY kind;
SELECT count(*) FROM item a JOIN item b ON b.id = a.id * 3 WHERE a.kind < b.kind;
UPDATE item SET name = upper(name) || printf('%08d', id) WHERE kind % 3 = 0;
DELETE FROM item WHERE id % 5 = 0;
SELECT name FROM item ORDER BY name DESC, id LIMIT 1000;
SELECT count(DISTINCT substr(name, 1, 9)), total(length(name)) FROM item;
SQL
    for i in $(seq 700); do
        echo "SELECT a.name, b.price, json_object('k', a.kind, 'n', b.name) FROM item a, item b WHERE a.id = $((i * 97 % 90000)) AND b.kind = a.kind AND b.id BETWEEN a.id - 900 AND a.id + 900 ORDER BY b.name;"
        echo "INSERT INTO item (name, price, kind) VALUES ('late $i', $i * 1.5, $((i % 97)));"
    done >>script.sql
    recorded sqlite3 sqlite3 :memory: '.read script.sql'
}

repository() {
    [ -d repository ] && return
    awk 'BEGIN { srand(3); for (c = 1; c <= 1100; c++) {
        printf "commit refs/heads/main\nmark :%d\ncommitter a <a@b> %d +0000\ndata 9\ncommit %02d\n", c, 1e9 + c, c % 100
        if (c > 1) printf "from :%d\n", c - 1
        for (f = 0; f < 14; f++) { body = ""; n = 20 + int(rand() * 120)
            for (l = 0; l < n; l++) body = body "line " int(rand() * 1000) " of file " f "\n"
            printf "M 644 inline dir%d/file%d\ndata %d\n%s\n", f % 4, f * 37 % 60 + c % 20, length(body), body } } }' >stream
    git init -q --bare -b main repository
    git -C repository fast-import --quiet <stream
    git -C repository gc --quiet
}

# The history with all its differences.
git_log_trace() {
    repository
    recorded git-log git -C repository log -p --stat --date=raw -n 260 main
}

# Two threads search for deltas among all objects; the main thread feeds them.
git_pack_trace() {
    repository
    git -C repository rev-list --objects --all >objects
    recorded git-pack sh -c 'exec git -C repository pack-objects --quiet --threads=2 --no-reuse-delta --window=40 --stdout <objects'
}

# An event loop under a benchmark's clients: short-lived strings, long-lived values of many kinds.
redis_trace() {
    # Below those that the system gives to clients.
    local port=$((20000 + RANDOM % 12000))
    recorded redis redis-server --port "$port" --bind 127.0.0.1 --dir . --save '' --appendonly no \
        --daemonize no &
    local server=$!
    until redis-cli -p "$port" ping >/dev/null 2>&1; do
        kill -0 "$server"
        sleep 0.1
    done
    redis-benchmark -p "$port" -q -n 4000 -c 10 -P 4 -r 3000 -d 150 \
        -t set,get,incr,lpush,lpop,sadd,hset,zadd >/dev/null
    awk 'BEGIN { srand(2); for (i = 0; i < 12000; i++) { v = int(rand() * 1e6)
        print "SET k" i " " sprintf("%0" (1 + v % 400) "d", v); print "HSET h" v % 200 " f" i " " v
        print "ZADD z" v % 50 " " v " m" i; if (v % 3 == 0) print "DEL k" int(i / 2)
        if (v % 7 == 0) print "APPEND k" i " more" } }' | redis-cli -p "$port" --pipe >/dev/null
    redis-cli -p "$port" shutdown nosave || true
    wait "$server"
}

# Threads over queues; nearly all objects are freed by another thread.
pipeline_trace() {
    g++ -std=c++17 -O2 -pthread "$traces/pipeline.cpp" -o pipeline
    recorded pipeline ./pipeline 400
}
