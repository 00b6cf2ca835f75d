#!/usr/bin/env bash
# Installs the browser that the tests of the live page drive: Debian's package `chromium`.
set -euo pipefail

if [ -x /usr/bin/chromium ]; then
  echo "browser: $(/usr/bin/chromium --version 2>/dev/null)"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "the tests of the live page need Chromium as /usr/bin/chromium (no apt-get here)" >&2
  exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
timeout 300 $sudo apt-get -o DPkg::Lock::Timeout=200 update -qq
timeout 900 $sudo apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends chromium >/dev/null
echo "browser: $(/usr/bin/chromium --version 2>/dev/null)"
