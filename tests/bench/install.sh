#!/bin/bash
# install.sh [ROUNDS]: the whole-process time of `meshgate-redirect install` beside `nft -f` of the
# same rules, interleaved, in a private network namespace; as root, after a build. Ratios are what
# counts: the machine's other work is in all of them.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export MESHGATE_REDIRECT=${MESHGATE_REDIRECT:-${MESHGATE_BUILD:-$root/build}/src/meshgate-redirect/meshgate-redirect}
exec unshare --net /usr/bin/python3 "$root/tests/bench/install.py" "${1:-21}"
