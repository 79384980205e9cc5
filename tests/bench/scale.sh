#!/bin/bash
# scale.sh [ROUNDS]: the whole-process time of `meshgate-redirect install` with long lists beside
# short ones, interleaved, in a private network namespace; as root, after a build. Ratios are what
# counts, of CPU time: the machine's other work is in the wall clock.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export MESHGATE_REDIRECT=${MESHGATE_REDIRECT:-${MESHGATE_BUILD:-$root/build}/src/meshgate-redirect/meshgate-redirect}
exec unshare --net /usr/bin/python3 "$root/tests/bench/scale.py" "${1:-21}"
