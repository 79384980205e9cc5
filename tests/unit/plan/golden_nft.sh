#!/bin/sh
# golden_nft.sh FOLDER: nft takes every *.nft and *.json there, and both have the same effect. Only a
# map's `typeof` nft 1.0.6 prints in JSON and does not read: there the text stands alone.
set -eu
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null || ! command -v nft >/dev/null; then
  echo "needs root, network namespaces and nft"
  exit 77
fi
# What the kernel holds after loading, less the handles, and less the comments of sets, which nft
# 1.0.6 does not read from JSON.
effect() {
  held=$(unshare -n sh -eu -c 'nft -c "$@"; nft "$@"; nft "$@"; nft -j list ruleset' effect "$@")
  echo "$held" | sed 's/"handle": [0-9]*//g; s/"comment": "[^"]*", "\(flags\|elem\)"/"\1"/g'
}
count=0
for text in "$1"/*.nft; do
  json=${text%.nft}.json
  of_text=$(effect -f "$text")
  if grep -q '"typeof"' "$json"; then
    python3 -m json.tool "$json" >/dev/null
    continue
  fi
  of_json=$(effect -j -f "$json")
  if [ "$of_text" != "$of_json" ]; then
    echo "$text and $json are not the same to nft" >&2
    exit 1
  fi
  count=$((count + 1))
done
[ "$count" -ge 10 ] || { echo "only $count golden files in $1" >&2; exit 1; }
