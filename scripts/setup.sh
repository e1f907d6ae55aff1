#!/bin/sh
# Makes a fresh clone ready: the JavaScript dependencies and the launcher; with --tests also the Debian packages that tests compare with.
# Needs node with npm, a C compiler, and root for --tests. Safe to repeat; does nothing when all is there.
set -eu
cd "$(dirname "$0")/.."

if ! [ -x node_modules/.bin/bun ] || ! cmp -s package-lock.json node_modules/.sampan-lock; then
  npm ci --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.sampan-lock
fi

sh scripts/build-native.sh

# What tests use as oracles and fixtures: package, then a program or file that shows it is there.
test_packages='busybox-static:/bin/busybox erofs-utils:/usr/bin/fsck.erofs iproute2:/sbin/ip nftables:/usr/sbin/nft
  attr:/usr/bin/getfattr libcap2-bin:/sbin/setcap zstd:/usr/bin/zstd procps:/bin/ps python3:/usr/bin/python3 mmdebstrap:/usr/bin/mmdebstrap'

install_missing() {
  missing=''
  for entry in $1; do
    [ -e "${entry#*:}" ] || missing="$missing ${entry%%:*}"
  done
  [ -n "$missing" ] || return 0
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

case "${1:-}" in
  --tests) install_missing "$test_packages" ;;
  --demo) install_missing 'busybox-static:/bin/busybox' ;;
esac
