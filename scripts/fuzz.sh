#!/usr/bin/env bash
# Runs every fuzz target of the repository for a time each, one after another, and goes on after a failure.
# Usage: fuzz.sh [TIME, default 10s] [PACKAGES, default ./...]   FUZZPARALLEL: workers, default one per core
# What a target finds lies in its package's testdata/fuzz from then on, and go test runs it with the other tests.
set -uo pipefail

time=${1:-10s}
packages=${2:-./...}
failed=0
for package in $(go list "$packages"); do
    targets=$(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true)
    for target in $targets; do
        started=$SECONDS
        if output=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s ${FUZZPARALLEL:+-parallel "$FUZZPARALLEL"} "$package" 2>&1); then
            runs=$(grep -o 'execs: [0-9]*' <<<"$output" | tail -1)
            printf '%-36s %-22s ok    %s in %d s\n' "${package#*/}" "$target" "$runs" $((SECONDS - started))
        else
            printf '%-36s %-22s FAILED\n%s\n' "${package#*/}" "$target" "$output"
            failed=1
        fi
    done
done
exit $failed
