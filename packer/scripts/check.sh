#!/bin/sh
# Checks everything that the other scripts are responsible for, by reading the
# machine: one line each, `ok` or `FAIL`; exit code 1 if any check fails. Packer
# runs it last, as root. Must never change anything.
# shellcheck disable=SC2016,SC2317 # programs for awk; functions that holds and lacks call
set -eu
# shellcheck source=role.sh
. "$(dirname "$0")/role.sh"
failed=0

# holds WHAT COMMAND …: the command succeeds. lacks: the command fails.
holds() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "ok $what"; else echo "FAIL $what"; failed=1; fi
}
lacks() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "FAIL $what"; failed=1; else echo "ok $what"; fi
}
is() { [ "$(systemctl is-enabled "$1" 2>/dev/null)" = "$2" ]; }
mode() { [ "$(stat -c %a "$1")" = "$2" ]; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
# never FILE CONDITION: no line of a colon-separated file satisfies awk's
# condition.
never() { awk -F: "$2 { found = 1 } END { exit found }" "$1"; }
no_swap() { [ ! -e /etc/fstab ] || awk '!/^[ \t]*#/ && $3 == "swap" { found = 1 } END { exit found }' /etc/fstab; }
says() { grep -qxF -e "$2" "$1"; }
finds() { [ -n "$(find "$@" -print -quit 2>/dev/null)" ]; }

# What is installed.
for name in $own; do
    holds "$name is installed" installed "$name"
    holds "/usr/bin/$name can be run" test -x "/usr/bin/$name"
    holds "the manifest names $name" grep -qF "\"name\":\"$name\"" /usr/share/sce/manifest.json
done
for name in $packages; do holds "$name is installed" installed "$name"; done
for unit in $enabled; do holds "$unit is enabled" is "$unit" enabled; done
for unit in $masked; do holds "$unit is masked" is "$unit" masked; done
here=$(dirname "$0")
for tree in $trees; do
    for file in $(cd "$here/../files/$tree" && find . -type f | sort); do
        case "$file" in ./etc/cloud/*) [ -d /etc/cloud ] || continue ;; esac
        holds "${file#.} is unchanged" cmp -s "$here/../files/$tree/$file" "/$file"
    done
done

# Who can log in.
holds "no account has a password" never /etc/shadow '$2 !~ /^[!*]/'
holds "no password is stored outside of shadow" never /etc/passwd '$2 != "x"'
holds "only root has user id 0" never /etc/passwd '$3 == 0 && $1 != "root"'
holds "/etc/shadow is readable by root and its group only" mode /etc/shadow 640
holds "/etc/gshadow is readable by root and its group only" mode /etc/gshadow 640
holds "new home directories are private" says /etc/login.defs "HOME_MODE 0700"
if [ -e /etc/ssh/sshd_config ]; then
    holds "sshd reads its additional settings" says /etc/ssh/sshd_config "Include /etc/ssh/sshd_config.d/*.conf"
    lacks "no settings of sshd precede ours" finds /etc/ssh/sshd_config.d -name '0*'
fi

# Where plaintext could remain.
holds "fstab has no swap" no_swap
lacks "no tool that stores core dumps" installed systemd-coredump
if [ "$role" = worker ]; then lacks "no unattended upgrades" installed unattended-upgrades; fi

# What an image must not contain.
lacks "no ssh host keys" finds /etc/ssh -name 'ssh_host_*'
lacks "no authorized keys" finds /root /home -path '*/.ssh/authorized_keys' -size +0
holds "/etc/machine-id exists" test -f /etc/machine-id
holds "/etc/machine-id is empty" test ! -s /etc/machine-id
lacks "no package file left" finds / -xdev -name '*.deb' -type f
lacks "no package lists" finds /var/lib/apt/lists -type f
lacks "no package logs" finds /var/log/apt /var/log/dpkg.log -type f -size +0
holds "nothing prevents services from starting" test ! -e /usr/sbin/policy-rc.d
exit "$failed"
