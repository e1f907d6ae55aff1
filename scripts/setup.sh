#!/bin/sh
# Makes a fresh clone ready: the JavaScript dependencies and the launcher; with --tests also the Debian packages that tests compare with.
# Needs node with npm, a C compiler, and root for --tests. Safe to repeat; does nothing when all is there.
set -eu
cd "$(dirname "$0")/.."

# Bun's package would put its program in place by an install script, which npm may refuse to run: no script is run, the program put in place here.
place_bun() {
  for program in node_modules/@oven/bun-*/bin/bun; do
    if "$program" --version >/dev/null 2>&1; then
      ln -f "$program" node_modules/bun/bin/bun.exe
      ln -f "$program" node_modules/bun/bin/bunx.exe
      return 0
    fi
  done
  echo "setup: none of Bun's programs for this platform runs here: $(echo node_modules/@oven/*)" >&2
  return 1
}

if ! node_modules/.bin/bun --version >/dev/null 2>&1 || ! cmp -s package-lock.json node_modules/.sampan-lock; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  place_bun
  cp package-lock.json node_modules/.sampan-lock
fi

sh scripts/build-native.sh

# What tests use as oracles and fixtures: package, then a program or file that shows it is there.
test_packages='busybox-static:/bin/busybox erofs-utils:/usr/bin/fsck.erofs iproute2:/sbin/ip nftables:/usr/sbin/nft
  attr:/usr/bin/getfattr libcap2-bin:/sbin/setcap zstd:/usr/bin/zstd xz-utils:/usr/bin/xz procps:/bin/ps python3:/usr/bin/python3
  openssl:/usr/bin/openssl openssh-client:/usr/bin/ssh mmdebstrap:/usr/bin/mmdebstrap
  docker-registry:/usr/bin/docker-registry docker.io:/usr/sbin/dockerd docker-compose:/usr/bin/docker-compose
  podman:/usr/bin/podman buildah:/usr/bin/buildah skopeo:/usr/bin/skopeo umoci:/usr/bin/umoci
  qemu-user-static:/usr/bin/qemu-aarch64-static'

install_missing() {
  missing=''
  for entry in $1; do
    [ -e "${entry#*:}" ] || missing="$missing ${entry%%:*}"
  done
  [ -n "$missing" ] || return 0
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
}

# Plugins of the docker command line as Debian has them today: older releases have old ones or none. They are kept here, not installed.
plugins=build/docker/cli-plugins

fetch_plugins() {
  if [ -x "$plugins/docker-buildx" ] && [ -x "$plugins/docker-compose" ]; then return 0; fi
  apt=$(mktemp -d)
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$plugins"
  archive=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] ${archive:-http://deb.debian.org/debian} sid main" >"$apt/sources.list"
  newest="-qq -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false
    -o Dir::Etc::SourceList=$apt/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$apt/lists
    -o Dir::State::Status=/dev/null -o Dir::Cache=$apt"
  # shellcheck disable=SC2086 # one word an option
  (cd "$apt" && apt-get $newest update && apt-get $newest download docker-buildx docker-compose) >&2
  for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$apt/root"; done
  mv -f "$apt/root/usr/libexec/docker/cli-plugins/"* "$plugins/"
  rm -rf "$apt"
}

# A program of another architecture, for builds and containers that are emulated. It is kept here, not installed.
foreign=build/foreign

fetch_foreign() {
  if [ -x "$foreign/busybox" ]; then return 0; fi
  apt=$(mktemp -d)
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$foreign"
  other="-qq -o APT::Sandbox::User=root -o Acquire::Languages=none -o APT::Architecture=arm64 -o APT::Architectures=arm64
    -o Dir::State::Lists=$apt/lists -o Dir::State::Status=/dev/null -o Dir::Cache=$apt"
  # shellcheck disable=SC2086 # one word an option
  (cd "$apt" && apt-get $other update && apt-get $other download busybox-static) >&2
  dpkg-deb -x "$apt"/busybox-static_*.deb "$apt/root"
  mv -f "$apt/root/bin/busybox" "$foreign/busybox"
  rm -rf "$apt"
}

# Firewalls of Debian that published ports are tried beside. They are kept here, not installed: firewalld would begin to guard this machine.
firewalls=build/firewalls

fetch_firewalls() {
  if [ -x "$firewalls/usr/sbin/firewalld" ]; then return 0; fi
  apt=$(mktemp -d)
  (cd "$apt" && apt-get -qq -o APT::Sandbox::User=root download ufw firewalld python3-firewall python3-nftables python3-dbus python3-gi \
    gir1.2-glib-2.0 libgirepository-1.0-1 python3-cap-ng libcap-ng0 dbus dbus-daemon dbus-bin) >&2
  for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$apt/root"; done
  # They are laid over a root in which these are links.
  for top in lib sbin bin; do
    if [ -d "$apt/root/$top" ]; then cp -a "$apt/root/$top/." "$apt/root/usr/$top/" && rm -rf "${apt:?}/root/$top"; fi
  done
  rm -rf "$firewalls"
  mkdir -p build
  mv "$apt/root" "$firewalls"
  rm -rf "$apt"
}

case "${1:-}" in
  --tests)
    install_missing "$test_packages"
    fetch_plugins
    fetch_foreign
    fetch_firewalls
    ;;
  --demo) install_missing 'busybox-static:/bin/busybox' ;;
esac
