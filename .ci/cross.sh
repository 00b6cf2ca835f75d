#!/usr/bin/env bash
# Installs what builds the addon for other processors, and what runs it here, from Debian's packages.
set -euo pipefail

if hash aarch64-linux-gnu-g++ qemu-aarch64 2>/dev/null; then
  echo "cross compiler: $(aarch64-linux-gnu-g++ --version | head -1)"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "the addon for arm64 needs Debian's packages g++-aarch64-linux-gnu and qemu-user (no apt-get here)" >&2
  exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
timeout 300 $sudo apt-get update -qq
timeout 600 $sudo apt-get install -y -qq --no-install-recommends g++-aarch64-linux-gnu qemu-user >/dev/null
echo "cross compiler: $(aarch64-linux-gnu-g++ --version | head -1)"
