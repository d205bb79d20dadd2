"""Tests of the worker machine, for real: builds its root and boots it.

    run.py [STEP …]

Run by hand and by `make`; as root, for it makes namespaces and boots systems.
Without a step, all. Exit 1 where something is not as it must be, and as well
where this machine lacks what a step needs: no step is ever skipped silently.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import boot
import images
import nspawn
import root
import volume
from common import FailedError, LacksError


@dataclass(frozen=True)
class Step:
    """What is said of it, what it needs, and what it does."""

    about: str
    need: Callable[[], None]
    take: Callable[[], None]


STEPS = {
    "root": Step("Debian's root, made or found", root.need, root.step),
    "volume": Step("the volume's steps, on loop devices", volume.need, volume.step),
    "images": Step("Packer's builds, into Debian roots", images.need, images.step),
    "nspawn": Step("boots in a container: every end is a power-off", nspawn.need, nspawn.step),
    "boot": Step("boots in QEMU: disks, address filter, no trace", boot.need, boot.step),
}


def main() -> None:
    """Take the steps asked for, all needs first."""
    about = "; ".join(f"{name}: {step.about}" for name, step in STEPS.items())
    parser = argparse.ArgumentParser(description="boot the worker machine and see that it keeps its promises")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{about} (all)")
    given = parser.parse_args()
    if unknown := [name for name in given.steps if name not in STEPS]:
        parser.error(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    # An exit and not a death, so that everything is taken down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = {name: step for name, step in STEPS.items() if name in given.steps or not given.steps}
    try:
        for step in chosen.values():
            step.need()
        for name, step in chosen.items():
            timed(name, step)
    except LacksError as error:
        sys.exit(f"this machine lacks something: {error}")
    except FailedError as error:
        sys.exit(str(error))


def timed(name: str, step: Step) -> None:
    """Take one step and say how long it took."""
    print(f"{name}: {step.about}", flush=True)
    began = time.monotonic()
    step.take()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
