#!/bin/sh
# verbs_test.sh PROGRAM: what the verbs do to a network namespace, how they end and what they say.
set -u
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null || ! command -v nft >/dev/null; then
  echo "needs root, network namespaces and nft"
  exit 77
fi
if [ "${MESHGATE_INSIDE:-}" = "" ]; then
  MESHGATE_INSIDE=yes exec unshare -n -m sh "$0" "$@"
fi

program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cp "$program" "$folder/meshgate-redirect" # where everybody can reach it
program=$folder/meshgate-redirect
config=$folder/meshgate.toml
ip link set lo up
# The machine's own configuration, if it has one, is not meant here.
[ ! -d /etc/meshgate ] || mount -t tmpfs none /etc/meshgate
failures=0

cat >"$config" <<'TOML'
[proxy]
user = 5678
[redirect.inbound]
exclude_ports = [22]
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
[vip]
ipv6 = "fd00:fd00::/64"
TOML

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# run STATUS WORDS...: the program ends with that status; its output is in $out and $err.
run() {
  wanted=$1
  shift
  "$@" >"$folder/out" 2>"$folder/err"
  got=$?
  out=$(cat "$folder/out")
  err=$(cat "$folder/err")
  [ $got = "$wanted" ] || fail "$* ended with $got, not $wanted: $out $err"
}
meshgate() {
  status=$1
  shift
  run "$status" "$program" "$@" --config "$config"
}
contains() { # contains TEXT PART
  case $1 in *"$2"*) ;; *) fail "'$2' is not in: $1" ;; esac
}
everything() { # all that install may touch, with handles
  nft -a list ruleset
  ip address show dev lo
  ip route show table all
  ip -6 route show table all
}
is() { # is WHAT BEFORE AFTER
  [ "$2" = "$3" ] || fail "$1 changed: $3"
}

empty=$(everything)
meshgate 3 status
contains "$out" absent
meshgate 2 diff
contains "$out" "+ address ::6/128 dev lo"
case $out in *"
- "*) fail "diff of nothing removes something: $out" ;; esac
meshgate 0 uninstall
meshgate 0 check
is "nothing" "$empty" "$(everything)"

# --dry-run: the same twice, without privilege, and what install makes of it
meshgate 0 install --dry-run
first=$out
run 0 setpriv --reuid 65534 --clear-groups "$program" install --dry-run --config "$config"
is "--dry-run" "$first" "$out"
is "nothing" "$empty" "$(everything)"
listed() { nft list ruleset | grep -v '^	comment "meshgate '; }
echo "$first" | nft -f - || fail "nft refuses the dry run"
by_nft=$(listed)
nft delete table inet meshgate
meshgate 0 install
contains "$err" "nobody listens on TCP port 15001"
is "the table" "$by_nft" "$(listed)"
meshgate 0 install --dry-run --format json
meshgate 0 install --dry-run --format iptables
contains "$out" "-A MESHGATE_INBOUND -p tcp --dport 22 "
contains "$out" "# ip6tables-restore --noflush"

# a second install changes nothing and says nothing
installed=$(everything)
meshgate 0 install
is "a no-op" "$installed" "$(everything)"
is "messages of a no-op" "" "$err"
meshgate 0 install --verbose
contains "$err" "already installed"
meshgate 0 diff
is "diff" "" "$out"
meshgate 0 status

# what was changed is seen and repaired
for change in "nft flush ruleset" "nft add rule inet meshgate output return" \
  "nft delete element inet meshgate excluded_inbound_ports { 22 }" \
  "ip -6 address delete ::6/128 dev lo" "ip route delete 240.0.0.0/4 dev lo" \
  "ip -6 route delete fd00:fd00::/64 dev lo" "nft add rule inet meshgate output accept"; do
  $change
  meshgate 2 diff
  [ -n "$out" ] || fail "diff says nothing of: $change"
  case $change in *"flush ruleset") meshgate 3 status ;; *) meshgate 2 status ;; esac
  contains "$out" "problem: "
  meshgate 0 install
  meshgate 0 status
  contains "$out" installed
done

# a change of the configuration, and flags over the file
meshgate 2 status --exclude-inbound-ports 22,80
meshgate 2 diff --exclude-inbound-ports 22,80
is "diff" "+ element excluded_inbound_ports { 80 }" "$out"
meshgate 0 install transparent-proxy --exclude-inbound-ports 22,80
meshgate 0 status --exclude-inbound-ports 22,80
meshgate 2 status
run 0 "$program" status # nobody says what it should be

# an ordinary user
before=$(everything)
for verb in install status diff uninstall; do
  run 77 setpriv --reuid 65534 --clear-groups "$program" $verb --config "$config"
  contains "$err" "run as root"
done
is "by an ordinary user" "$before" "$(everything)"

# a bad configuration changes nothing; uninstall does not read it
bad=$folder/bad.toml
printf '[redirect]\nprot = 1\n[proxy]\nuser = "nobody-of-this-name"\n' >"$bad"
for verb in install status diff check; do
  run 65 "$program" $verb --config "$bad"
  contains "$err" "$bad:2:"
done
printf '[proxy]\nuser = "nobody-of-this-name"\n' >"$bad"
run 65 "$program" install --config "$bad"
contains "$err" "$bad:2:"
run 65 "$program" check --config "$folder/none.toml"
printf '[redirect]\nengine = "iptables"\n' >"$bad"
run 0 "$program" install --dry-run --format iptables --config "$bad"
contains "$out" "*nat"
is "by a bad configuration" "$before" "$(everything)"
printf 'no TOML' >"$bad"
run 0 "$program" uninstall --config "$bad"
is "uninstall" "$(echo "$empty" | sed 's/valid_lft.*//')" "$(everything | sed 's/valid_lft.*//')"

# after somebody flushed the ruleset, uninstall takes the rest
meshgate 0 install
nft flush ruleset
run 0 "$program" uninstall transparent-proxy
is "uninstall" "$(echo "$empty" | sed 's/valid_lft.*//')" "$(everything | sed 's/valid_lft.*//')"

# every flag of kumactl, and what is wrong with some
kuma() {
  status=$1
  shift
  run "$status" "$program" install transparent-proxy --kuma-dp-user 5678 "$@"
}
kuma 0 --dry-run --ip-family-mode dualstack --exclude-inbound-ips 10.0.0.1 \
  --exclude-outbound-ips fd00::/8 --exclude-outbound-ports-for-uids tcp:22:1000650000 \
  --vnet docker0:172.17.0.0/16 --vnet docker0:172.18.0.0/16 --redirect-all-dns-traffic \
  --wait 5 --max-retries 4
contains "$out" 1000650000
contains "$out" 172.18.0.0/16
contains "$err" "ignored: --wait, --max-retries"
kuma 2 --exclude-outbound-ips 10.0.0.1/8
contains "$err" "write 10.0.0.0/8"
kuma 2 --ebpf-enabled
contains "$err" "no eBPF mode"
kuma 65 --exclude-inbound-ports 15006
kuma 65 --redirect-inbound-port 15001
run 65 "$program" install --kuma-dp-user root
contains "$err" "cannot be root"
run 1 /usr/bin/env PATH=/nowhere "$program" install --store-firewalld
contains "$err" "there is no systemctl here"
[ -z "$(nft list ruleset)" ] || fail "a refused command line left rules"

# import says the same in TOML; install of it finds nothing to do
run 0 "$program" import kumactl -- kumactl install transparent-proxy --kuma-dp-user 5678 \
  --redirect-all-dns-traffic --vnet docker0:172.17.0.0/16 --exclude-inbound-ports 22 --wait 5
contains "$err" "ignored: --wait"
echo "$out" >"$folder/imported.toml"
run 0 "$program" install --config "$folder/imported.toml"
kuma 0 --redirect-all-dns-traffic --vnet docker0:172.17.0.0/16 --exclude-inbound-ports 22 --verbose
contains "$err" "already installed"
run 65 "$program" import kumactl -- --exclude-inbound-ports 15006

# Kuma's files, one over the other, and over TOML
cat >"$folder/kuma.yaml" <<'YAML'
kumaDPUser: "5678"
redirect:
  dns: {enabled: true, captureAll: true}
  inbound:
    excludePorts: [22]
  vnet:
    networks: ["docker0:172.17.0.0/16"]
wait: 5
YAML
echo '{"redirect": {"inbound": {"excludePorts": "22,80"}}}' >"$folder/more.json"
run 0 "$program" diff --config "$folder/kuma.yaml"
run 0 "$program" import kuma-config "$folder/kuma.yaml"
[ "$out" = "$(cat "$folder/imported.toml")" ] || fail "flags and file come to different TOML: $out"
contains "$err" "wait ($folder/kuma.yaml:8:7)"
run 2 "$program" diff --config "$folder/kuma.yaml" --config "$folder/more.json"
run 0 "$program" diff --config "$folder/more.json" --config "$folder/kuma.yaml"
run 2 "$program" diff --config "$folder/imported.toml" --config "$folder/more.json"
run 0 "$program" install --config - --verbose <"$folder/kuma.yaml"
contains "$err" "already installed"
run 2 "$program" install --config "$folder/kuma.yaml" --config "$folder/imported.toml"
contains "$err" "comes first"
echo 'redirect: {inbuond: {}}' >"$folder/more.json"
run 65 "$program" install --config "$folder/more.json"
contains "$err" "$folder/more.json:1:12: unknown key 'redirect.inbuond', did you mean 'inbound'?"

# the environment stands between files and flags
export KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT=16006
export KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_PORT=5300
run 0 "$program" import kumactl --redirect-dns-port 5301
contains "$out" "port = 16006"
contains "$out" "port = 5301"
run 2 "$program" diff --config "$folder/imported.toml"
contains "$out" 16006
run 2 "$program" status
run 0 "$program" uninstall
unset KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT KUMA_TRANSPARENT_PROXY_REDIRECT_DNS_PORT
export KUMA_TRANSPARENT_PROXY_DRY_RUN=true
kuma 0
contains "$out" "table inet meshgate"
[ -z "$(nft list ruleset)" ] || fail "KUMA_TRANSPARENT_PROXY_DRY_RUN=true installed"
kuma 0 --dry-run=false
run 0 "$program" uninstall
unset KUMA_TRANSPARENT_PROXY_DRY_RUN
export KUMA_TRANSPARENT_PROXY_REDIRECT_INBUOND_PORT=1
kuma 65
contains "$err" "did you mean KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT?"
unset KUMA_TRANSPARENT_PROXY_REDIRECT_INBUOND_PORT

# uninstall --dry-run says what would go, and nothing goes
meshgate 0 install
before=$(everything)
run 0 "$program" uninstall transparent-proxy --dry-run --verbose
contains "$out" "- "
contains "$out" "::6"
is "uninstall --dry-run" "$before" "$(everything)"
meshgate 0 uninstall
run 0 "$program" uninstall --dry-run
[ -z "$out" ] || fail "nothing is installed, and uninstall --dry-run says: $out"

# a foreign table of our name
nft add table inet meshgate
before=$(everything)
meshgate 1 install
contains "$err" "did not make"
meshgate 1 uninstall
meshgate 2 status
is "a foreign table" "$before" "$(everything)"
nft delete table inet meshgate

# IPv6 off: a notice
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
meshgate 0 install
contains "$err" "IPv6 is off"
meshgate 0 status
echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo down && ip link set lo up
meshgate 0 install
meshgate 0 status
meshgate 0 uninstall

# ports and families of the machine's Dataplane, unless the file or a flag says others
mkdir "$folder/resources"
cat >"$folder/resources/dataplane.yaml" <<'YAML'
type: Dataplane
mesh: default
name: web-1
networking:
  address: 192.0.2.1
  transparentProxying: { redirectPortInbound: 15106, redirectPortOutbound: 15101, ipFamilyMode: IPv4 }
YAML
cat >"$folder/resources.toml" <<TOML
[mesh]
resources = "$folder/resources"
[proxy]
user = 5678
TOML
run 0 "$program" install --dry-run --config "$folder/resources.toml"
contains "$out" "redirect to :15106"
contains "$out" "redirect to :15101"
contains "$out" "meta nfproto ipv6 return"
run 0 "$program" install --dry-run --config "$folder/resources.toml" --redirect-inbound-port 15206
contains "$out" "redirect to :15206"
printf '[redirect.outbound]\nport = 15301\n' >>"$folder/resources.toml"
run 0 "$program" install --dry-run --config "$folder/resources.toml"
contains "$out" "redirect to :15106"
contains "$out" "redirect to :15301"
sed -i 's/15106/0x/' "$folder/resources/dataplane.yaml"
run 65 "$program" install --dry-run --config "$folder/resources.toml"
contains "$err" "networking.transparentProxying.redirectPortInbound: port must be in the range [1, 65535]"

# the words of a usage error
run 2 "$program"
run 2 "$program" instal
contains "$err" "did you mean 'install'"
run 2 "$program" install --redirect-dns --redirect-all-dns-traffic
run 2 "$program" install --confirm soon
run 0 "$program" --version
contains "$out" "meshgate-redirect "
run 0 "$program" --help
contains "$out" "Usage: meshgate-redirect"
for word in ip-family-mode redirect-inbound= redirect-inbound-port redirect-outbound-port \
  exclude-outbound-ports-for-uids exclude-inbound-ips exclude-outbound-ips vnet \
  drop-invalid-packets iptables-logs skip-dns-conntrack-zone-split \
  redirect-inbound-insert-instead-of-append redirect-outbound-insert-instead-of-append; do
  contains "$out" "--$word"
done
contains "$out" "import kuma-config FILE"
run 0 "$program" -h
contains "$out" "Usage: meshgate-redirect"

[ $failures = 0 ] && echo "ok"
exit $((failures > 0))
