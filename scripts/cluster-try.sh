#!/bin/sh
# Starts a scheduler and two executors on this machine, asks them the questions in examples/queries, has them search for events,
# and stops them.
# Usage: scripts/cluster-try.sh ARCHIVE [PROGRAM]
set -eu
archive=$1
program=${2:-wirewitness}
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
pids=
stop() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap stop EXIT INT TERM

"$program" cluster scheduler --bind 127.0.0.1:50050 &
pids="$pids $!"
for port in 50051 50061; do
    "$program" cluster executor --bind 127.0.0.1:$port --folder "$folder/$port" --tasks 2 &
    pids="$pids $!"
done
# Until both have told the scheduler of themselves.
tries=0
until "$program" query --cluster df://127.0.0.1:50050 --archive "$archive" --timeout 10 \
    'SELECT count(*), min(status) FROM verdict' >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || { echo "the cluster does not answer" >&2; exit 1; }
    sleep 1
done
for question in "$root"/examples/queries/*.sql; do
    echo "== $(basename "$question" .sql)"
    "$program" query --cluster df://127.0.0.1:50050 --archive "$archive" --file "$question"
done
echo "== events"
"$program" events --dry-run --cluster df://127.0.0.1:50050 --archive "$archive"
