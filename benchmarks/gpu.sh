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
    echo "== compile in parallel; the measurements find the kernels in torch's cache =="
    for name in layer train_step uptiling vote; do
        timeout --kill-after 5 90 "$PYTHON" -m "benchmarks.speed.$name" --device "$device" \
            --rounds 1 --budget 0.1 --out "$out/compile" >/dev/null 2>&1 &
    done
    wait
    rm -rf "$out/compile"
fi

failed=()
run() { # run NAME SECONDS
    echo "== $1 =="
    timeout --signal INT --kill-after 5 $((slower * $2)) \
        "$PYTHON" -m "benchmarks.speed.$1" --device "$device" --out "$out" "${options[@]}" ||
        failed+=("$1")
}

run layer 120
run train_step 60
run metrics 40
run linkage 30
run uptiling 40
run vote 30
run memory 70
run scaling 30

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed or cut short: ${failed[*]}"
    exit 1
fi
