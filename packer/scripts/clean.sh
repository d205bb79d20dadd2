#!/bin/sh
# Removes what belongs to the build machine and not to machines that start from
# its image: identity, keys, caches, logs. Packer runs it as root near the end:
# afterward no new ssh connection is possible; the open one continues. Must
# never touch /usr/share/sce/manifest.json.
set -eu
# shellcheck source=role.sh
. "$(dirname "$0")/role.sh"

# Regenerated at the first boot of a machine.
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/systemd/credential.secret

# The build's key is one of them; cloud-init installs the right one.
cut -d: -f6 /etc/passwd | sort -u | while read -r home; do
    rm -f "$home/.ssh/authorized_keys" "$home/.bash_history"
done

# Empty, not missing: without the file, the next boot counts as the first one,
# and systemd would enable the units of Debian's presets.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id

if command -v cloud-init >/dev/null; then
    cloud-init clean --logs
fi

apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/journal/*
# Truncated, not removed: wtmp and similar logs are written only if they exist.
find /var/log -type f -exec truncate --size 0 {} +
