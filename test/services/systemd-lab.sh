#!/usr/bin/env bash
# Runs a unit of packaging/systemd (ntftp.service, or ntftp.socket with the service behind it) under a systemd of its own: process 1 of new namespaces (processes, mounts,
# network, cgroups), on an overlay of this machine's files, so that nothing of it outlives the test.
#
#   unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup --mount-proc systemd-lab.sh CHECKOUT RESULTS UNIT
#
# RESULTS gets: status (of the process), client.log (a GET and a PUT), server.log.
set -euo pipefail
checkout=$1 results=$2 unit=$3

mount --make-rprivate /
layers=$results/layers
mkdir "$layers"
mount -t tmpfs tmpfs "$layers"
root=$layers/root
mkdir "$layers/upper" "$layers/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root/results" "$root/usr/lib/ntftp" "$root/srv/tftp"
mount --bind "$results" "$root/results"
# As a package would install it: outside of /home and /root, which the unit hides.
mount --bind "$checkout" "$root/usr/lib/ntftp"
printf '#!/bin/sh\nexec node /usr/lib/ntftp/dist/src/cli/main.js "$@"\n' >"$root/usr/bin/ntftp"
chmod +x "$root/usr/bin/ntftp"
echo hello >"$root/srv/tftp/hello"
# Without the machine's other units: no sysinit.target, no network to wait for; the end of the service ends systemd.
units=$root/etc/systemd/system
sed -e 's/^\[Unit\]/[Unit]\nDefaultDependencies=no\nSuccessAction=exit\nFailureAction=exit/' \
  -e '/^Wants=network-online/d;/^After=network-online/d;s/^Restart=.*/Restart=no/' \
  -e 's/^\[Service\]/[Service]\nStandardOutput=file:\/results\/server.log\nStandardError=inherit/' \
  "$checkout/packaging/systemd/ntftp.service" >"$units/ntftp.service"
if [ "$unit" = ntftp.socket ]; then
  mkdir "$units/ntftp.service.d"
  sed -e 's/192\.0\.2\.1/127.0.0.1/' "$checkout/packaging/systemd/socket-activated.conf" >"$units/ntftp.service.d/a.conf"
  sed -e 's/192\.0\.2\.1/127.0.0.1/;s/^\[Unit\]/[Unit]\nDefaultDependencies=no/' \
    "$checkout/packaging/systemd/ntftp.socket" >"$units/ntftp.socket"
fi
ip link set lo up

cat >"$root/usr/bin/ntftp-visitor" <<'VISITOR'
#!/bin/sh
cd /results
until systemctl --quiet is-active "$1"; do sleep 0.2; done
[ "$1" = ntftp.socket ] || until grep -q Listening server.log 2>/dev/null; do sleep 0.2; done
{
  echo "get: $(/usr/bin/ntftp get tftp://127.0.0.1/hello -) $?"
  /usr/bin/ntftp put /srv/tftp/hello tftp://127.0.0.1/up 2>&1
  echo "put: $?"
} >client.log
main=$(systemctl show -P MainPID ntftp)
grep -E '^(Cap|NoNewPrivs|Seccomp:)' "/proc/$main/status" >status
ps -o user:32= -p "$main" >>status
systemctl stop ntftp.service
VISITOR
chmod +x "$root/usr/bin/ntftp-visitor"
chroot "$root" setsid ntftp-visitor "$unit" &
exec chroot "$root" env container=lab /lib/systemd/systemd --system --unit="$unit" --show-status=no
