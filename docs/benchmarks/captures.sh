#!/usr/bin/env bash
# Times reading a capture: user and system CPU, wall clock and largest memory, of wirewitness and of other programs that
# read captures; medians of three runs, pinned to one core, with the file in the page cache. Prints a Markdown table.
#
# How to run, on a machine that does nothing else (figures of a busy one are worth nothing):
#   apt-get install -y tcpdump tshark libndpi-bin time    # and suricata, where the distribution has it
#   cargo build --release -p wirewitness
#   cargo build --release -p wirewitness-analysis --example make_capture
#   target/release/examples/make_capture /var/tmp/mixed.pcap 1500 1    # says what it put in; keep the line
#   docs/benchmarks/captures.sh /var/tmp/mixed.pcap
# The file must fit the page cache beside tshark (which holds several GB for 1.5 GB of capture).
# What is not installed is left out, and said. CORE=1 chooses the core, RUNS=3 the number of runs.
#
# What the programs do differs: cat and tcpdump only copy, tshark and ndpiReader dissect more protocols, suricata (without
# rules) reassembles and writes its logs. None of them looks for forged packets. The ratio is of CPU time to wirewitness's.
set -euo pipefail
export LC_ALL=C

file=${1:?usage: captures.sh CAPTURE}
core=${CORE:-1}
runs=${RUNS:-3}
here=$(cd "$(dirname "$0")/../.." && pwd)
ours=${WIREWITNESS:-$here/target/release/wirewitness}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

size=$(stat -c %s "$file")
cat "$file" >/dev/null

# Prints the middle one of the numbers in a column of a file.
middle() {
    awk -v column="$2" '{ print $column }' "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# Runs a command so often; leaves "cpu wall rss_kb" a line in a file of its name.
measure() {
    local name=$1
    shift
    if ! command -v "$1" >/dev/null; then
        echo "left out: $name ($1 is not installed)" >&2
        return
    fi
    : >"$scratch/$name.times"
    for _ in $(seq "$runs"); do
        if ! taskset -c "$core" /usr/bin/time -o "$scratch/one" -f '%U %S %e %M' "$@" >"$scratch/out" 2>"$scratch/err"; then
            echo "left out: $name failed: $(tail -n 1 "$scratch/err")" >&2
            rm -f "$scratch/$name.times"
            return
        fi
        tail -n 1 "$scratch/one" | awk '{ print $1 + $2, $3, $4 }' >>"$scratch/$name.times"
    done
    echo "$name" >>"$scratch/names"
}

measure wirewitness "$ours" inspect "$file"
measure cat cat "$file"
measure tcpdump tcpdump -r "$file" -w /dev/null
measure ndpiReader ndpiReader -i "$file" -q
mkdir -p "$scratch/suricata"
measure suricata suricata --runmode single -k none -S /dev/null -l "$scratch/suricata" -r "$file"
measure tshark tshark -r "$file" -q -z conv,tcp

our_cpu=
if [ -f "$scratch/wirewitness.times" ]; then
    our_cpu=$(middle "$scratch/wirewitness.times" 1)
fi
echo "$(basename "$file"): $size bytes; $(nproc) cores, core $core; median of $runs runs; load $(cut -d' ' -f1 /proc/loadavg)"
echo
echo "| program | CPU s | wall s | MB/s of CPU | largest memory MB | CPU against wirewitness |"
echo "|---|---:|---:|---:|---:|---:|"
while read -r name; do
    awk -v name="$name" -v cpu="$(middle "$scratch/$name.times" 1)" -v wall="$(middle "$scratch/$name.times" 2)" \
        -v rss="$(middle "$scratch/$name.times" 3)" -v size="$size" -v ours="$our_cpu" 'BEGIN {
            speed = cpu > 0 ? sprintf("%.0f", size / 1e6 / cpu) : "-"
            ratio = ours > 0 ? sprintf("%.2f", cpu / ours) : "-"
            printf "| %s | %.2f | %.2f | %s | %.0f | %s |\n", name, cpu, wall, speed, rss / 1024, ratio }'
done <"$scratch/names"
