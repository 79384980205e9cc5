#!/bin/bash
# Installs what the tests need, builds, and runs them all.
set -eu
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends g++ meson ninja-build pkg-config cmake doctest-dev >/dev/null
[ -e build/build.ninja ] || meson setup build
ninja -C build
result=0
meson test -C build --print-errorlogs || result=$?
count() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" build/meson-logs/testlog.txt | tail -1; }
failed=$(( $(count Fail) + $(count Timeout) ))
echo "$(count Ok) passed, $failed failed"
exit "$result"
