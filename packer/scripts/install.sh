#!/bin/sh
# Installs a role's packages and files on a Debian 12 machine and enables its
# units. Packer runs it as root on the build machine; it can be run repeatedly.
# Must never start a service: it also runs without systemd.
set -eu
here=$(dirname "$0")
# shellcheck source=role.sh
. "$here/role.sh"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# Only on a booted machine: cloud-init uses apt, too.
if [ -d /run/systemd/system ] && command -v cloud-init >/dev/null; then
    cloud-init status --wait >/dev/null || true
fi

# Packages start their services unless this policy forbids it. An existing
# policy is kept.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

debs=
for name in $own; do
    set -- "$here/../packages/${name}"_*.deb
    if [ $# -ne 1 ] || [ ! -f "$1" ]; then
        echo "packages: exactly one ${name}_*.deb is needed; build it again in an empty directory" >&2
        exit 1
    fi
    debs="$debs $1"
done

apt() {
    apt-get -qq -y -o DPkg::Lock::Timeout=300 -o APT::Install-Recommends=false \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
apt update
apt dist-upgrade
# shellcheck disable=SC2086 # lists of words, none with a space
apt install $packages $debs

for tree in $trees; do
    (cd "$here/../files/$tree" && find . -type f) | while read -r file; do
        # Skip cloud-init's settings if it is not installed.
        case "$file" in ./etc/cloud/*) [ -d /etc/cloud ] || continue ;; esac
        install -D -m 644 "$here/../files/$tree/$file" "/$file"
    done
done

# Debian ships this unit without enabling it.
install -m 644 /usr/share/systemd/tmp.mount /etc/systemd/system/tmp.mount
# shellcheck disable=SC2086
systemctl --quiet enable $enabled
