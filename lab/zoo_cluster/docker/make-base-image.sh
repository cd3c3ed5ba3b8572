#!/usr/bin/env bash
# Makes a base image for the lab's containers from Debian packages: for machines that have an engine and a Debian mirror,
# but no registry to pull an image from.
#
#   sudo ./make-base-image.sh [TAG]        default TAG: zk-lab/base:jre17
#
#   SUITE   release of Debian, default bookworm
#   MIRROR  where the packages come from; default: what debootstrap itself would take
#
# Needs root, debootstrap (apt-get install debootstrap) and a running engine. About a minute and 400 MB.
set -euo pipefail
tag=${1:-zk-lab/base:jre17}
suite=${SUITE:-bookworm}

refuse() {
  echo "make-base-image.sh: $1" >&2
  exit 69
}
[ "$(id -u)" -eq 0 ] || refuse "debootstrap needs root: run this with sudo"
command -v debootstrap >/dev/null 2>&1 || refuse "there is no debootstrap: apt-get install debootstrap"
docker version >/dev/null 2>&1 || refuse "no engine answers: is dockerd running?"

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
echo "make-base-image.sh: installing Debian $suite with Java 17 into $root"
log=$root.log
if ! debootstrap --variant=minbase --include=openjdk-17-jre-headless "$suite" "$root" ${MIRROR:+"$MIRROR"} >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  rm -f "$log"
  refuse "debootstrap failed; its last words are above"
fi
rm -f "$log"
# Nobody installs from these, and they are a third of it all.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
tar -C "$root" --one-file-system -c . | docker import \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
  --change 'LABEL zk.lab.base=1' \
  - "$tag"
echo "make-base-image.sh: made $tag"
