#!/bin/sh
# golden_iptables.sh FOLDER: both flavours of iptables-restore take every *.iptables there, and hold
# as many rules afterwards as the file has.
set -eu
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null ||
  ! command -v iptables-nft-restore >/dev/null; then
  echo "needs root, network namespaces and iptables"
  exit 77
fi
flavours=nft
if unshare -n iptables-legacy -t raw -S >/dev/null 2>&1 &&
  unshare -n ip6tables-legacy -t nat -S >/dev/null 2>&1; then
  flavours="nft legacy"
else
  echo "this kernel has no iptables-legacy: only iptables-nft is tested"
fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
# Tests, loads, and counts what is there then.
load='"$1-restore" --noflush --test "$2"; "$1-restore" --noflush "$2"; "$1-save" | grep -c "^-A" || true'
count=0
for text in "$1"/*.iptables; do
  awk -v folder="$work" '/^# iptables-restore/ { file = folder "/iptables" }
    /^# ip6tables-restore/ { file = folder "/ip6tables" } { print > file }' "$text"
  for flavour in $flavours; do
    for program in iptables ip6tables; do
      expected=$(grep -c '^-[AI]' "$work/$program" || true)
      held=$(unshare -n sh -euc "$load" load "$program-$flavour" "$work/$program") || {
        echo "$program-$flavour refuses $text" >&2
        exit 1
      }
      if [ "$held" != "$expected" ]; then
        echo "$program-$flavour holds $held rules of $text, not $expected" >&2
        exit 1
      fi
    done
  done
  count=$((count + 1))
done
[ "$count" -ge 10 ] || { echo "only $count golden files in $1" >&2; exit 1; }
