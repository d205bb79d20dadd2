"""The Debian 12 root directory that the machine tests boot, like the AMI's base.

Used by `run.py` and every step that boots or provisions. The root contains what the
machine needs of Debian's own cloud image, and Debian's cloud kernel, unpacked: NVMe
and ext4 are built in, so it needs neither initrd nor boot loader. Kept in
target/machine under a hash of the recipe; remove the file to get newer packages. Must
never contain anything of this project: that is installed into an unpacked copy.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from common import TARGET, WORKSPACE, FailedError, need_programs, need_root, run, work_directory

SUITE = "bookworm"
PACKAGES = (
    "ca-certificates",
    "fdisk",
    "iproute2",
    "kmod",
    "openssh-server",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
    "util-linux",
    "xfsprogs",
)
# Runs in the new root, with its own apt. The kernel's package is unpacked and not installed,
# because its maintainer scripts would require an initrd and a boot loader. An empty machine-id
# marks an installed system that has not booted yet.
KERNEL_AND_REST = """
set -eu
cd "$1"
chroot . sh -ec '
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/.*Depends: \\(linux-image-[0-9]\\)/\\1/p")
    cd /tmp
    apt-get -qq -o APT::Sandbox::User=root download "$kernel"
    dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar --extract --directory=/ --keep-directory-symlink
    rm "$kernel"_*.deb
    depmod "$(ls /lib/modules)"
'
: >etc/machine-id
echo worker >etc/hostname
rm -rf var/cache/apt/archives/*.deb
"""
OPTIONS = (
    "--quiet",
    "--mode=root",
    "--variant=apt",
    "--format=tar",
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    f"--include={','.join(PACKAGES)}",
    f"--customize-hook={KERNEL_AND_REST}",
)


def need() -> None:
    """Require what creating and unpacking a root needs."""
    need_root()
    need_programs({"mmdebstrap": "mmdebstrap", "zstd": "zstd", "tar": "tar"})


def archive() -> Path:
    """Return the packed root, creating it if it does not exist."""
    recipe = json.dumps([SUITE, OPTIONS])
    packed = TARGET / f"root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar.zst"
    if not packed.exists():
        TARGET.mkdir(parents=True, exist_ok=True)
        new = packed.with_name("new-" + packed.name)
        run(["mmdebstrap", *OPTIONS, SUITE, new, "-"], given=sources())
        for old in TARGET.glob("root-*.tar.zst"):
            old.unlink()
        new.replace(packed)
    return packed


def step() -> None:
    """Provide the root, and check that it can be unpacked and has its kernel."""
    print(f"    {archive().relative_to(WORKSPACE)}")
    with work_directory() as home:
        print(f"    {kernel(unpack(home / 'root')).name}")


def sources() -> str:
    """Return the sources of this machine's apt, so that its mirror is used, or else Debian's own."""
    wanted = "$(CREATED_BY) $(ORIGIN) $(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    listed = run(["apt-get", "indextargets", "--format", wanted]).stdout.splitlines()
    prefix = f"Packages Debian {SUITE}"
    ours = [line.removeprefix(prefix).partition(" ")[2] for line in listed if line.startswith(prefix)]
    return "\n".join(ours or [f"deb http://deb.debian.org/debian {SUITE} main"]) + "\n"


def unpack(into: Path) -> Path:
    """Unpack a fresh root into the new directory `into`."""
    into.mkdir()
    run(["tar", "--extract", "--zstd", "--numeric-owner", "--xattrs", "--file", archive(), "--directory", into])
    return into


def kernel(root: Path) -> Path:
    """Return the only kernel in a root."""
    [image] = (root / "boot").glob("vmlinuz-*")
    return image


def write(root: Path, name: str, text: str) -> Path:
    """Write a file in a root, with its directories; never through a link that points out of it."""
    file = root / name.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.parent.resolve().is_relative_to(root.resolve()):
        raise FailedError(f"{name} points out of {root}")
    file.write_text(text)
    return file
