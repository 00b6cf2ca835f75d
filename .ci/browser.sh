#!/usr/bin/env bash
# Installs the browser that the tests of the live page drive: Debian's package `chromium`.
set -euo pipefail
. "$(dirname "$0")/debian.sh"

if [ -x /usr/bin/chromium ]; then
  echo "browser: $(/usr/bin/chromium --version 2>/dev/null)"
  exit 0
fi
install_packages 900 "the tests of the live page need Chromium as /usr/bin/chromium" chromium
echo "browser: $(/usr/bin/chromium --version 2>/dev/null)"
