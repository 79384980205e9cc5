#!/bin/sh
# faults_test.sh PROGRAM: an install that fails or is killed at any of its messages to the kernel
# leaves rules that are whole, the old or the new, and the next install and uninstall put everything
# right.
set -u
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null || ! command -v nft >/dev/null ||
  ! strace -o /dev/null true 2>/dev/null; then
  echo "needs root, network namespaces, nft and strace"
  exit 77
fi
if [ "${MESHGATE_INSIDE:-}" = "" ]; then
  MESHGATE_INSIDE=yes exec unshare -n -m sh "$0" "$@"
fi

program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '[proxy]\nuser = 5678\n[vip]\nipv6 = "fd00:fd00::/64"\n' >"$folder/old.toml"
printf '[proxy]\nuser = 5678\n[vip]\nipv4 = "241.0.0.0/8"\n[redirect]\ninbound.enabled = false\n' \
  >"$folder/new.toml"
failures=0
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # it cannot look for leaks below strace
ip link set lo up

install() { "$program" install --config "$folder/$1.toml" 2>/dev/null; }
everything() {
  nft list ruleset
  ip address show dev lo | sed 's/valid_lft.*//'
  ip route show table all
  ip -6 route show table all
}
# The rules in force: those of tables that are not dormant, whatever their name.
in_force() {
  nft list ruleset | sed 's/meshgate-bridge/meshgate/' |
    awk '/^table/ { text = "" } { text = text $0 "\n" } /flags dormant/ { dormant = 1 }
         /^}/ { if (!dormant) printf "%s", text; dormant = 0 }'
}
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

nothing=$(everything)
install new
new_rules=$(in_force)
"$program" uninstall
install old
old=$(everything)
old_rules=$(in_force)

# try FAULT STEP: the message number n, n + STEP, ... meets the fault.
try() {
  number=1
  while :; do
    strace -o /dev/null -e trace=sendto,sendmsg -e "inject=sendto,sendmsg:$1:when=$number" \
      "$program" install --config "$folder/new.toml" >/dev/null 2>&1
    status=$?
    rules=$(in_force)
    [ "$rules" = "$old_rules" ] || [ "$rules" = "$new_rules" ] ||
      fail "$1 at message $number leaves neither ruleset: $rules"
    [ $status != 0 ] || break
    install old
    [ "$(everything)" = "$old" ] || fail "the install after $1 at message $number repairs nothing"
    number=$((number + $2))
    [ $number -lt 200 ] || { fail "no install comes to its end" && break; }
  done
  [ $number -gt 5 ] || fail "$1 met only $number messages"
  [ "$rules" = "$new_rules" ] || fail "the install without a fault does not install"
  "$program" uninstall
  [ "$(everything)" = "$nothing" ] || fail "uninstall leaves: $(everything)"
  install old
}

try error=ENOBUFS 1
try error=ENOBUFS:signal=KILL 3
strace -o /dev/null -e trace=sendto,sendmsg -e inject=sendto,sendmsg:signal=KILL:when=30 \
  "$program" install --config "$folder/new.toml" >/dev/null 2>&1
"$program" uninstall
[ "$(everything)" = "$nothing" ] || fail "uninstall after a kill leaves: $(everything)"

[ $failures = 0 ] && echo "ok"
exit $((failures > 0))
