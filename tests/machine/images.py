"""Builds the images of `packer` in Debian root directories, with Packer itself.

Used by `run.py`. Without AWS, Packer connects by ssh to a chroot instead of a new
instance (its null source); files, scripts and their order are the same. Debian's
Packer is older than the images require: the few keys that it does not support are
removed from a copy, and read from the original by an HCL parser. Leaves both roots
for the steps that boot them. Must never start anything of the image on this machine
except sshd, on loopback.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hcl2

import root
from common import TARGET, WORKSPACE, LacksError, Running, need_programs, run, run_logged, show, work_directory

PACKER = WORKSPACE / "packer"
PACKAGES = WORKSPACE / "target" / "debian"
WORKER, BASTION = TARGET / "worker", TARGET / "bastion"
SECONDS_MAX = 400.0
# Read by the parser, because the installed Packer supports neither.
NEWER = re.compile(r"^ *imds_support .*\n|^ *metadata_options \{[^}]*\}\n", re.MULTILINE)
SOURCE = re.compile(r'^  source "amazon-ebs\.debian" \{\n( *name += "\w+"\n)', re.MULTILINE)
NULL = """
source "null" "local" {{
  communicator         = "ssh"
  ssh_host             = "127.0.0.1"
  ssh_port             = {port}
  ssh_username         = "root"
  ssh_private_key_file = "{key}"
}}
"""
WANTED = {
    "http_endpoint": "enabled",
    "http_tokens": "required",
    "http_put_response_hop_limit": 1,
    "imds_support": "v2.0",
    "tenancy": "dedicated",
    "encrypt_boot": True,
}
# Mounts of the chroot, and its sshd; all ends with the first process.
SSHD = """
set -eu
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
cp /etc/resolv.conf "$1/etc/resolv.conf"
mkdir -p "$1/run/sshd"
cp "$3" "$1/run/key.pub"
chmod 644 "$1/run/key.pub"
chroot "$1" ssh-keygen -q -A >&2
chroot "$1" /usr/sbin/sshd -p "$2" -o ListenAddress=127.0.0.1 -o AuthorizedKeysFile=/run/key.pub \
    -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no
echo ready
exec cat
"""
# Maximum exposure, in tenths, by unit.
EXPOSURE = {
    "worker": {
        "sce-agent.service": 11,
        "sce-volume.service": 12,
        "sce-confine.service": 20,
        "sce-terminate.service": 20,
    },
    "bastion": {"sce-reap.service": 20, "sce-intake.service": 20},
}
# For each manifest: names that it must contain, and the minimum number of crates.
NAMED = {"worker": ("sce-agent", "polars", "aws-sdk-s3", "xfsprogs"), "bastion": ("sce", "aws-sdk-ec2", "awscli")}
CRATES_MIN = 200


def need() -> None:
    """Require what building needs."""
    root.need()
    need_programs(
        {"packer": "packer", "ssh-keygen": "openssh-client", "unshare": "util-linux", "systemd-analyze": "systemd"}
    )
    if len(list(PACKAGES.glob("sce*.deb"))) != 2:
        raise LacksError("target/debian does not contain the two packages: make packages")


def need_built() -> None:
    """Require the built images, for a step that boots them."""
    for built in (WORKER, BASTION):
        if not built.exists():
            raise LacksError(f"{built.relative_to(WORKSPACE)} does not exist: run the step images first")


def step() -> None:
    """Check the templates, then build the worker (twice) and the bastion."""
    with work_directory() as home:
        templates_say()
        copy = for_chroot(home)
        packer(["validate", "-var", "ssh_from=192.0.2.1/32"], copy, home)
        show(True, "packer validate accepts the Amazon sources")
        for old in (WORKER, BASTION):
            shutil.rmtree(old, ignore_errors=True)
        worker = root.unpack(home / "worker")
        build("worker", worker, copy, home)
        first = digest(worker)
        build("worker", worker, copy, home)
        changed = [name for name, kept in digest(worker).items() if first.get(name) != kept]
        show(not changed, "a second run of the scripts changes no file", changed)
        bastion = root.unpack(home / "bastion")
        build("bastion", bastion, copy, home)
        for role, of in (("worker", worker), ("bastion", bastion)):
            units_hold(role, of)
            manifest_holds(role, home / "out" / f"{role}-manifest.json")
        worker.rename(WORKER)
        bastion.rename(BASTION)


def templates_say() -> None:
    """Check the keys that the installed Packer cannot read, which are essential for an image."""
    plugins = hcl2.loads((PACKER / "plugins.pkr.hcl").read_text())
    show("hashicorp/amazon" in json.dumps(plugins), "plugins.pkr.hcl requires the Amazon plugin")
    [source] = hcl2.loads((PACKER / "images.pkr.hcl").read_text())["source"]
    [[debian]] = [of.values() for of in source.values()]
    [metadata] = debian["metadata_options"]
    found = {name: json.loads(str(value)) for name, value in metadata.items() if name.startswith("http_")}
    found |= {name: json.loads(debian[name]) for name in ("imds_support", "tenancy")}
    found["encrypt_boot"] = debian["encrypt_boot"]
    show(found == WANTED, f"images.pkr.hcl sets {found}", WANTED)


def for_chroot(home: Path) -> Path:
    """Copy the templates, with a null source next to each Amazon source, for a free port."""
    copy = home / "packer"
    shutil.copytree(PACKER, copy)
    (copy / "plugins.pkr.hcl").unlink()
    images = copy / "images.pkr.hcl"
    older, removed = NEWER.subn("", images.read_text())
    both, sources = SOURCE.subn(r'  source "null.local" {\n\1  }\n\g<0>', older)
    show((removed, sources) == (2, 3), "two keys newer than this Packer, three images", (removed, sources))
    images.write_text(both)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "key"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (home / "port").write_text(str(port))
    (copy / "null.pkr.hcl").write_text(NULL.format(port=port, key=home / "key"))
    return copy


def packer(arguments: list[str], templates: Path, home: Path) -> None:
    """Run Packer, which must succeed."""
    quiet = {"HOME": str(home), "CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1", "TMPDIR": str(home)}
    where = ["-var", f"packages={PACKAGES}", "-var", f"out={home / 'out'}"]
    log = home / "packer.log"
    code = run_logged(["packer", *arguments, *where, templates], log, SECONDS_MAX, quiet)
    if code:
        show(False, f"packer {arguments[0]} succeeds", log.read_text())


def build(role: str, of: Path, templates: Path, home: Path) -> None:
    """Run one image's provisioners in a root directory."""
    with reachable(of, home):
        packer(["build", "-var", "ssh_from=192.0.2.1/32", f"-only=null.{role}"], templates, home)
    said = (home / "packer.log").read_text()
    held = len(re.findall(r": ok ", said))
    show(held > 20 and ": FAIL " not in said, f"{role}: built, and {held} checks passed", said)


@contextmanager
def reachable(of: Path, home: Path) -> Iterator[None]:
    """Make a root directory reachable by ssh."""
    name_servers = of / "etc" / "resolv.conf"
    before = name_servers.read_text() if name_servers.exists() else None
    inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SSHD, "sh"]
    sshd = Running([*inside, of, (home / "port").read_text(), home / "key.pub"], home / "sshd.log")
    try:
        yield
    finally:
        sshd.stop()
        # Files of the build in /run must not become part of the image.
        for left in (of / "run").iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        name_servers.unlink()
        if before is not None:
            name_servers.write_text(before)


def digest(of: Path) -> dict[str, str]:
    """Return mode and digest of every file of settings and programs."""
    found = {}
    for tree in ("etc", "usr"):
        for folder, _, names in os.walk(of / tree):
            for name in names:
                file = Path(folder, name)
                mode = file.lstat().st_mode
                what = os.readlink(file).encode() if stat.S_ISLNK(mode) else file.read_bytes()
                found[str(file.relative_to(of))] = f"{mode:o} {hashlib.sha256(what).hexdigest()}"
    return found


def units_hold(role: str, of: Path) -> None:
    """Check that our units have no ordering cycles or unknown settings, and are sandboxed."""
    verified = run(["chroot", of, "systemd-analyze", "verify", "multi-user.target"], exits=None)
    said = verified.stdout + verified.stderr
    ours = [line for line in said.splitlines() if re.search(r"sce-|hipaa|var-tmp|ordering cycle", line)]
    show(not ours, f"{role}: systemd-analyze verify reports nothing about our units", "\n".join(ours))
    for unit, tenths in EXPOSURE[role].items():
        file = of / "usr/lib/systemd/system" / unit
        judged = run(["systemd-analyze", "security", "--offline=true", f"--threshold={tenths}", file], exits=None)
        verdict = judged.stdout.strip().splitlines()[-1]
        show(judged.returncode == 0, f"{verdict} (allowed: {tenths / 10})", judged.stdout)


def manifest_holds(role: str, file: Path) -> None:
    """Check that the list of the image's contents is complete and readable."""
    manifest = json.loads(file.read_text())
    parts = manifest["components"]
    names = {part["name"] for part in parts}
    crates = [part for part in parts if part.get("purl", "").startswith("pkg:cargo/")]
    lacking = [name for name in NAMED[role] if name not in names]
    whole = manifest["bomFormat"] == "CycloneDX" and len(crates) >= CRATES_MIN and not lacking
    show(whole, f"{role}: its manifest has {len(parts)} components, {len(crates)} of them crates", lacking)
