# One more server for the DNS bench (see CONTRIBUTING.md): `SERVERS_DIR=tests/bench SERVERS=meshgate`,
# with MESHGATE_DNS the program. It has a thread for each core that taskset leaves it, so $T is not
# needed. The names are lines of a hosts file; with MESHGATE_NAMES=records they are [[record]]s of the
# configuration. AAAA of them is NODATA, as with the other servers.
# shellcheck shell=bash disable=SC2034
FEATURES="local tcp cached uncached"
prepare() {
  {
    cat <<E
[proxy]
enabled = false
[dns]
listen = ["127.0.0.1:$PORT"]
user = $(id -u)
admin = "unix:$W/dns.sock"
upstreams = ["127.0.0.1:$UPPORT"]
[vip]
state = "$W/vips.toml"
[mesh]
ttl = "60s"
E
    if [ "${MESHGATE_NAMES:-hosts}" = records ]; then
      awk '{ printf "[[record]]\nname = \"%s\"\ntype = \"A\"\nvalue = \"%s\"\n", $2, $1 }' "$D/hosts.mesh"
    else
      printf '[[hosts]]\nfile = "%s"\n' "$D/hosts.mesh"
    fi
  } >"$W/meshgate.toml"
}
start() { exec "${MESHGATE_DNS:?path of the meshgate-dns program}" serve --config "$W/meshgate.toml"; }
reload() {
  [ "${MESHGATE_NAMES:-hosts}" = records ] || return 0 # the file is followed
  printf '[[record]]\nname = "%s"\ntype = "A"\nvalue = "%s"\n' "$1" "$2" >>"$W/meshgate.toml"
  kill -HUP "$SPID"
}
