#!/bin/bash
# The main job in private network namespaces, on a fresh Debian 12, as root: installs what is
# needed, builds, shows it, cleans up. Rules, routes and services of this machine stay as they are.
#   contrib/quickstart.sh            a box without a proxy, whose kernel balances the services
#   contrib/quickstart.sh --proxy    a VM with a real Envoy beside it
set -euo pipefail
# shellcheck source=tests/setup.sh
. "$(dirname "$0")/../tests/setup.sh"

case "$*" in
  "") demo=edge_demo.py ;;
  --proxy) demo=demo.py ;;
  *) die "$0: '$*' is not understood: no argument, or --proxy" ;;
esac
need_root_on_debian
install_packages "${build_packages[@]}" "${mesh_packages[@]}"
[ $demo = edge_demo.py ] || install_envoy
echo "building, in build/ (a minute or two the first time)"
build build
exec /usr/bin/python3 "$root/tests/e2e/$demo"
