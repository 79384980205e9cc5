#!/bin/bash
# traffic.sh [ROUNDS]: the CPU time of a captured connection and of a captured DNS query beside none
# captured, beside Kuma's rules, and beside ours without counters and with unnamed ones, in a private network namespace; as root, after a build and
# `ninja -C build tests/bench/bench-traffic`. Ratios are what counts: read the rows of one run.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export MESHGATE_BUILD=${MESHGATE_BUILD:-$root/build}
exec unshare --net /usr/bin/python3 "$root/tests/bench/traffic.py" "${1:-7}"
