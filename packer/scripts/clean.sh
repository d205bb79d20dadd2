#!/bin/sh
# Takes away what belongs to the machine that was built on and not to those that
# start from its image: identity, keys, caches, logs. Packer runs it as root,
# almost last: no new ssh connection is possible after it, the open one lives on.
# Must never touch /usr/share/sce/manifest.json.
set -eu
# shellcheck source=role.sh
. "$(dirname "$0")/role.sh"

# Made anew when a machine first starts.
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/systemd/credential.secret

# The build's own key is one of them; cloud-init brings the right one.
cut -d: -f6 /etc/passwd | sort -u | while read -r home; do
    rm -f "$home/.ssh/authorized_keys" "$home/.bash_history"
done

# Empty, not missing: without the file the next start counts as the very first,
# and systemd would enable whatever Debian's presets say.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id

if command -v cloud-init >/dev/null; then
    cloud-init clean --logs
fi

apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/journal/*
# Emptied, not removed: wtmp and its like are written only where they exist.
find /var/log -type f -exec truncate --size 0 {} +
