"""Preparing and wiping volumes on loop devices, by the agent's own test (agent/tests/volume.rs).

Used by `run.py`, which provides what it needs: root, loop devices, the tools. Must
never pass if the test was not run.
"""

from __future__ import annotations

import re

from common import WORKSPACE, LacksError, need_programs, need_root, run, show

TEST = ["cargo", "test", "--release", "--workspace", "--locked", "--test", "volume", "--", "--ignored"]


def need() -> None:
    """Require what loop devices with file systems on them need."""
    need_root()
    need_programs(
        {
            "losetup": "mount",
            "mkswap": "util-linux",
            "swapon": "mount",
            "wipefs": "util-linux",
            "partx": "util-linux",
            "sfdisk": "fdisk",
            "mkfs.xfs": "xfsprogs",
            "mkfs.ext4": "e2fsprogs",
        }
    )
    free = run(["losetup", "--find"], exits=None)
    if free.returncode:
        raise LacksError(f"no loop device is free: {free.stderr.strip()}")


def step() -> None:
    """Run the test."""
    done = run(TEST, cwd=WORKSPACE, exits=None)
    said = done.stdout + done.stderr
    passed = re.findall(r"^test result: ok\. (\d+) passed", said, re.MULTILINE)
    show(done.returncode == 0 and passed == ["3"], "blank volumes prepared and wiped, others not modified", said)
