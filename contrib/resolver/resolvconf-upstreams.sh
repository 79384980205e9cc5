#!/bin/sh
# A subscriber of Debian's resolvconf: the name servers of all interfaces, without meshgate-dns itself,
# for meshgate-dns to ask. See resolvconf.conf beside it.
set -eu

target=/run/meshgate-upstreams.conf
cd /run/resolvconf/interface
for record in $(/lib/resolvconf/list-records); do
  [ "$record" = lo.meshgate ] || grep -E '^[[:space:]]*(nameserver|search|domain|options)[[:space:]]' "$record" || :
done >"$target.new"
mv "$target.new" "$target"
