# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts: where the tree is, how to become root, how to install packages.
# shellcheck shell=bash
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root: run it as root or install sudo"
  fi
}

# install_packages LIST...: installs what is missing of the packages named in the lists.
install_packages() {
  local missing=() package
  for package in $(sed 's/#.*//' "$@"); do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${missing[@]}" >/tmp/brim-apt.$$ 2>&1 || { cat /tmp/brim-apt.$$; die "apt-get failed"; }
  rm -f /tmp/brim-apt.$$
}

jobs_for_build() { # three jobs at most: a compiler takes about a gigabyte
  local n; n=$(nproc)
  [ "$n" -gt 3 ] && n=3
  printf '%s' "$n"
}

# build PRESET [TARGET...]
build() {
  local preset=$1; shift
  cmake --preset "$preset" >"/tmp/brim-cmake.$$" 2>&1 || { cat "/tmp/brim-cmake.$$"; die "cmake failed"; }
  rm -f "/tmp/brim-cmake.$$"
  if [ $# -gt 0 ]; then set -- --target "$@"; fi
  cmake --build --preset "$preset" -j "$(jobs_for_build)" "$@"
}
