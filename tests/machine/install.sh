#!/bin/sh
# Installs the Debian packages that tests/machine needs and creates the device
# that QEMU's network needs. `make test-machine` runs it as root. Debian's
# qemu-system-x86 replaces a qemu-utils from backports; no other installed
# package is removed.
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
if [ "$(id -u)" = 0 ] && [ ! -e /dev/net/tun ]; then
    mkdir -p /dev/net
    mknod /dev/net/tun c 10 200
fi
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not installed:$missing; run as root" >&2
    exit 1
fi
echo "installing:$missing"
apt-get -qq update || echo "some package sources are not available" >&2
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >/dev/null
