#!/bin/bash
# tests/run.sh [--full]: as root on Debian 12, installs what the tests need, builds, and runs them
# all; --full with the long counts and the long builds. The last line is "N passed, N failed".
set -u
# shellcheck source=tests/setup.sh
. "$(dirname "$0")/setup.sh"

full=no
case "${1:-}" in
  --full) full=yes; export MESHGATE_FULL=1 ;;
  "") ;;
  *) echo "usage: $0 [--full]" >&2; exit 2 ;;
esac
test_packages=(python3-pytest python3-pytest-xdist python3-jsonschema conntrack knot-dnsutils unbound
  musl-tools libc6-dev strace systemd tcpdump firewalld dbus-daemon)

results=$(mktemp -d)
declare -A builds
# A run that is broken off takes its builds along.
trap 'kill "${builds[@]}" 2>/dev/null; rm -rf "$results"' EXIT
unset MAKEFLAGS NINJA_STATUS PYTHONPATH PYTHONHOME
export PYTHONDONTWRITEBYTECODE=1

note_failure() { # note_failure SUITE WHY
  echo "$1: $2" >&2
  printf '%s' "$2" >"$results/$1.failed"
}

# Not /bin/timeout's own process group: Ctrl-C has to reach the tests, so that they clean up.
bounded() { timeout --foreground --signal=INT --kill-after=60 "$@"; }

meson_suite() { # meson_suite NAME FOLDER SECONDS MESON-TEST-OPTION...
  local name=$1 folder=$2 seconds=$3 status=0
  shift 3
  echo "== $name"
  rm -f "$root/$folder/meson-logs/testlog.json"
  # The bounds of single suites only end what hangs: a busy machine, and the sanitizers, take long.
  bounded "$seconds" /usr/bin/meson test -C "$root/$folder" --no-rebuild --print-errorlogs \
    --timeout-multiplier 4 "$@" || status=$?
  cp "$root/$folder/meson-logs/testlog.json" "$results/$name.meson.json" 2>/dev/null ||
    note_failure "$name" "no results (exit $status)"
  [ $status -lt 124 ] || note_failure "$name" "did not end within $seconds s"
}

build_sanitized() { # build_sanitized NAME SANITIZERS: in the background, behind whatever else runs
  local name=$1 sanitizers=$2
  echo "== building $name, beside the tests"
  configure "build-$name" -Doptimization=0 -Dwerror=false -Db_sanitize="$sanitizers" || return 0
  nice -n 19 ninja -C "$root/build-$name" --quiet >"$results/$name.log" 2>&1 &
  builds[$name]=$!
}

sanitized() { # sanitized NAME SUITES...: the unit tests once more, as build_sanitized made them
  local name=$1
  shift
  if [ -n "${builds[$name]:-}" ] && wait "${builds[$name]}"; then
    meson_suite "$name" "build-$name" 300 "$@"
  else
    cat "$results/$name.log" 2>/dev/null
    note_failure "$name" "the build failed"
  fi
}

pytest_suite() { # pytest_suite NAME SECONDS [PYTEST-OPTION...]
  local name=$1 seconds=$2 status=0
  shift 2
  [ -d "$root/tests/$name" ] || return 0
  echo "== $name"
  (cd "$root" && bounded "$seconds" /usr/bin/python3 -m pytest -p no:cacheprovider -q -rs "$@" \
    --junitxml="$results/$name.junit.xml" "tests/$name") || status=$?
  case $status in
    0 | 1) [ -s "$results/$name.junit.xml" ] || note_failure "$name" "no results" ;;
    *) note_failure "$name" "ended with $status (124: not within $seconds s)" ;;
  esac
}

namespace_names() { ls /run/netns 2>/dev/null; }

need_root_on_debian
install_packages "${build_packages[@]}" "${mesh_packages[@]}" "${test_packages[@]}" || die "the packages could not be installed"
unpack_packages systemd-resolved resolvconf openresolv network-manager libndp0 || die "packages could not be fetched"
install_envoy || die "Envoy could not be installed"
names_before=$(namespace_names)

echo "== building"
build build || die "the build failed"
export MESHGATE_BUILD=$root/build
long=1
[ $full = no ] || long=10
meson_suite unit build 300
build_sanitized asan address,undefined
[ $full = no ] || build_sanitized tsan thread
# Each of the four has namespaces of its own, and mostly waits for programs.
pytest_suite netns $((600 * long)) -n 4
pytest_suite dns $((300 * long))
pytest_suite e2e $((420 * long))
sanitized asan
[ $full = no ] || sanitized tsan --suite unit

[ "$(namespace_names)" = "$names_before" ] || note_failure cleanup "network namespaces left behind: $(namespace_names)"
/usr/bin/python3 "$root/tests/tally.py" "$results" "$root/tests/skips.txt"
