#!/usr/bin/env bash
# Fetches the programs the interoperability tests talk to, from Debian's packages, into a folder.
#   .ci/packages.sh [FOLDER]      default: .cache/interop
# tftpd-hpa and atftpd can't be installed together and start daemons when they are, so nothing is installed but
# libraries and shells: packages are unpacked, and the tests run the binaries from the folder.
set -euo pipefail
. "$(dirname "$0")/debian.sh"

folder=${1:-"$(cd "$(dirname "$0")/.." && pwd)/.cache/interop"}
packages=(tftpd-hpa tftp-hpa atftpd atftp dnsmasq-base busybox curl)
libraries=(libwrap0 libpcre3 libcurl4 libnettle8 libnetfilter-conntrack3 libidn2-0 libreadline8 libnftables1)
# Shells that the command is completed in, what checks manual pages, and what runs units.
programs=(zsh fish groff-base systemd)

if [ -f "$folder/complete" ] && hash zsh fish groff systemd-analyze 2>/dev/null; then
  echo "interoperability programs: $folder"
  exit 0
fi
need="the interoperability tests need Debian's packages: ${packages[*]}"
install_packages 600 "$need" "${libraries[@]}" "${programs[@]}"
mkdir -p "$folder/debs"
chmod 755 "$folder" "$folder/debs"
(cd "$folder/debs" && timeout 600 apt-get download -qq "${packages[@]}")
for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
touch "$folder/complete"
echo "interoperability programs: $folder"
