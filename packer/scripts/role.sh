# Contents of each role. Every script here sources this file and passes the role
# as its first argument. Must never change the machine.
# shellcheck shell=sh disable=SC2034

# own: our packages. packages: Debian's. trees: directories of `files` that are
# copied to /. enabled, masked: units.
packages="auditd"
enabled="tmp.mount auditd.service"
masked="swap.target zramswap.service dphys-swapfile.service"

people="openssh-server unattended-upgrades awscli"

role=${1:-}
case "$role" in
worker)
    own="sce-agent"
    trees="all hipaa worker"
    enabled="$enabled var-tmp.mount sce-confine.service sce-volume.service hipaa.mount"
    enabled="$enabled sce-audit.service sce-agent.service sce-terminate.service"
    # No logins and no scheduled jobs: a worker lives for hours, and its image
    # is rebuilt rather than upgraded.
    masked="$masked ssh.service ssh.socket"
    masked="$masked getty@.service getty-static.service serial-getty@.service console-getty.service"
    masked="$masked cron.service apt-daily.timer apt-daily-upgrade.timer man-db.timer"
    masked="$masked e2scrub_all.timer e2scrub_reap.service"
    ;;
bastion)
    own="sce"
    packages="$packages $people"
    trees="all people"
    enabled="$enabled ssh.service sce-reap.timer sce-intake.service"
    ;;
workbench)
    own="sce sce-agent"
    packages="$packages $people r-base-core r-cran-irkernel jupyter-notebook python3-ipykernel"
    packages="$packages python3-pandas python3-matplotlib python3-scipy"
    trees="all hipaa people workbench"
    enabled="$enabled ssh.service var-tmp.mount sce-volume.service hipaa.mount sce-audit.service"
    # Of a worker's units, only those of the volume: no agent works on units
    # here, and nothing terminates the machine. Masked, because another unit
    # could start them.
    masked="$masked sce-agent.service sce-terminate.service sce-confine.service"
    ;;
*)
    echo "usage: $0 worker|bastion|workbench" >&2
    exit 2
    ;;
esac
