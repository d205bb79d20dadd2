#!/bin/sh
# Removes what a role does not need and files alone cannot remove: passwords,
# swap, units, permissive modes. Packer runs it as root after install.sh, which
# installs the settings in `files`; it can be run repeatedly. Must never stop a
# running service: the build's own connection is one.
set -eu
# shellcheck source=role.sh
. "$(dirname "$0")/role.sh"
export DEBIAN_FRONTEND=noninteractive

# Lock the password of every account. A password field that begins with ! or *
# is locked already.
awk -F: '$2 !~ /^[!*]/ { print $1 }' /etc/shadow | while read -r account; do
    usermod --password '!' "$account"
done

# No swap: memory holds plaintext. swap.target is masked below.
if [ -e /etc/fstab ] && awk '!/^[ \t]*#/ && $3 == "swap" { found = 1 } END { exit !found }' /etc/fstab; then
    awk '/^[ \t]*#/ || $3 != "swap"' /etc/fstab >/etc/fstab.new
    cat /etc/fstab.new >/etc/fstab
    rm /etc/fstab.new
fi

# It would upgrade packages during an analysis.
if [ "$role" = worker ] && [ -n "$(dpkg-query -W -f '${Version}' unattended-upgrades 2>/dev/null)" ]; then
    apt-get -qq -y -o DPkg::Lock::Timeout=300 purge unattended-upgrades
fi

# Units that do not exist are masked too, in case a package is installed later.
# shellcheck disable=SC2086
systemctl --quiet mask $masked

sed -i 's/^#\{0,1\}HOME_MODE[[:space:]].*/HOME_MODE 0700/' /etc/login.defs
chmod 640 /etc/shadow /etc/gshadow
chmod 700 /root
