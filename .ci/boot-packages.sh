#!/usr/bin/env bash
# Brings what the boot tests need, from Debian's packages: qemu is installed (it has many libraries), firmware, boot
# loaders, a kernel and a static busybox are unpacked into a folder.
#   .ci/boot-packages.sh [FOLDER]      default: .cache/boot
set -euo pipefail
. "$(dirname "$0")/debian.sh"

folder=${1:-"$(cd "$(dirname "$0")/.." && pwd)/.cache/boot"}
install=(qemu-system-x86 ipxe-qemu qemu-system-arm libefivar1 libdevmapper1.02.1 libnetfilter-conntrack3 libidn2-0
  libnftables1 iproute2 util-linux)
unpack=(ipxe ovmf pxelinux syslinux-common grub-common grub-efi-amd64-bin grub-pc-bin u-boot-qemu u-boot-tools
  dnsmasq-base busybox-static)

if [ -f "$folder/complete" ] && hash qemu-system-x86_64 qemu-system-aarch64 2>/dev/null; then
  echo "boot test packages: $folder"
  exit 0
fi
install_packages 900 "the boot tests need Debian's packages: ${install[*]} ${unpack[*]}" "${install[@]}"
# The package that is called linux-image-cloud-amd64 is empty and depends on the kernel of the day.
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
rm -rf "$folder"
mkdir -p "$folder/debs"
chmod 755 "$folder" "$folder/debs"
(cd "$folder/debs" && timeout 900 apt-get download -qq "${unpack[@]}" "$kernel")
for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
rm -rf "$folder/debs"
cp "$folder"/root/boot/vmlinuz-* "$folder/root/boot/vmlinuz"
# It is a link to an absolute path, which leads out of the folder.
ln -sf ../../../boot/ipxe.efi "$folder/root/usr/lib/ipxe/ipxe.efi"
touch "$folder/complete"
echo "boot test packages: $folder"
