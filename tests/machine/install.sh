#!/bin/sh
# Debian's packages that tests/machine needs, those that are not there yet. Run by
# `make test-machine`, as root. Must never take away a package of this machine
# but an emulator's that conflicts with Debian's own.
set -eu
missing=
has() { # PROGRAM PACKAGE
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1" >/dev/null || missing="$missing $2"
}
has packer packer
has qemu-system-x86_64 qemu-system-x86
has systemd-nspawn systemd-container
has systemd-analyze systemd
has mmdebstrap mmdebstrap
has nft nftables
has ip iproute2
has sfdisk fdisk
has mkfs.xfs xfsprogs
has mkfs.ext4 e2fsprogs
has losetup mount
has zstd zstd
has ssh-keygen openssh-client
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not installed:$missing; run as root" >&2
    exit 1
fi
echo "installs:$missing"
apt-get -qq update
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >/dev/null
