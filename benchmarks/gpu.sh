#!/usr/bin/env bash
# All benchmarks on one GPU in under ten minutes; results as JSON in the folder OUT.
#
#   benchmarks/gpu.sh               on CUDA, full sizes, into benchmarks/results/gpu
#   DEVICE=cpu benchmarks/gpu.sh    on the CPU, small sizes, into runs/benchmarks
#
# A script that exceeds its time is interrupted and keeps the rows it has.
set -u
cd "$(dirname "$0")/.."
export PYTHONPATH="src:.${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
device=${DEVICE:-cuda}
if [ -z "${PYTHON:-}" ]; then
    if [ -x .venv/bin/python ]; then PYTHON=.venv/bin/python; else PYTHON=python3; fi
fi
if [ "$device" = cpu ]; then
    options=(--quick --rounds 3)
    out=${OUT:-runs/benchmarks}
    slower=5 # the C++ compiler, on few cores
else
    options=(--rounds 5 --budget 5)
    out=${OUT:-benchmarks/results/gpu}
    slower=1
fi

failed=()
run() { # run NAME SECONDS
    echo "== $1 =="
    timeout --signal INT --kill-after 10 $((slower * $2)) \
        "$PYTHON" -m "benchmarks.speed.$1" --device "$device" --out "$out" "${options[@]}" ||
        failed+=("$1")
}

run layer 140
run train_step 70
run metrics 20
run linkage 40
run uptiling 60
run vote 40
run memory 50
run scaling 40

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed or cut short: ${failed[*]}"
    exit 1
fi
