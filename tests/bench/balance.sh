#!/bin/bash
# balance.sh [ROUNDS]: connections and bytes through a VIP that the kernel translates, beside direct
# ones, haproxy (tcp mode) and Envoy, all to the same two back ends; as root, after a build and
# `ninja -C build tests/bench/bench-balance`. haproxy and Envoy are left out where they are missing.
# Ratios are what counts: read the rows of one run.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export MESHGATE_BUILD=${MESHGATE_BUILD:-$root/build}
PYTHONPATH=$root/tests/e2e exec /usr/bin/python3 "$root/tests/bench/balance.py" "${1:-7}"
