#!/usr/bin/env bash
# Installs what builds the addon for other processors, and what runs it here, from Debian's packages.
set -euo pipefail
. "$(dirname "$0")/debian.sh"

if hash aarch64-linux-gnu-g++ qemu-aarch64 2>/dev/null; then
  echo "cross compiler: $(aarch64-linux-gnu-g++ --version | head -1)"
  exit 0
fi
install_packages 600 "the addon for arm64 needs Debian's packages g++-aarch64-linux-gnu and qemu-user" \
  g++-aarch64-linux-gnu qemu-user
echo "cross compiler: $(aarch64-linux-gnu-g++ --version | head -1)"
