#!/bin/sh
# Builds the launcher: build/sampan-launcher (static) and build/sampan-launcher-asan (address and undefined-behaviour sanitizers).
# Only what is older than its sources is built. Usage: build-native.sh [--sanitized]
set -eu
cd "$(dirname "$0")/.."
mkdir -p build

warnings='-Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual -Wundef -Wimplicit-fallthrough -Wvla'
common="-std=c11 -D_GNU_SOURCE -Inative $warnings"
hardened='-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -Wl,-z,relro,-z,now,-z,noexecstack'

stale() {
  ! [ -e "$1" ] || [ -n "$(find native scripts/build-native.sh -newer "$1" \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' \) -print -quit)" ]
}

# Written under another name first: a running launcher keeps the old file, and a broken build leaves nothing half made.
build() {
  output=$1
  shift
  stale "$output" || return 0
  # shellcheck disable=SC2086 # one word a flag
  ${CC:-cc} $common "$@" native/*.c -o "$output.new.$$"
  mv "$output.new.$$" "$output"
}

# shellcheck disable=SC2086 # one word a flag
build build/sampan-launcher -O2 $hardened -static -ffunction-sections -Wl,--gc-sections -s
if [ "${1:-}" = --sanitized ]; then
  build build/sampan-launcher-asan -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
fi
