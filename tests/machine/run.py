"""Tests of the worker machine: builds its root and boots it.

    run.py [STEP …]

Run by hand and by `make`, as root, because it creates namespaces and boots systems.
Without arguments, runs all steps. Exits 1 if an expectation does not hold, or if this
machine lacks what a step needs: no step is ever skipped silently.
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
    """Its description, what it needs, and what it does."""

    about: str
    need: Callable[[], None]
    take: Callable[[], None]


STEPS = {
    "root": Step("Debian's root, created or cached", root.need, root.step),
    "volume": Step("preparing and wiping volumes, on loop devices", volume.need, volume.step),
    "images": Step("Packer's builds, into Debian roots", images.need, images.step),
    "nspawn": Step("boots in a container: each ends with a power-off", nspawn.need, nspawn.step),
    "boot": Step("boots in QEMU: disks, address filter, no traces", boot.need, boot.step),
}


def main() -> None:
    """Run the given steps, after checking the needs of all."""
    about = "; ".join(f"{name}: {step.about}" for name, step in STEPS.items())
    parser = argparse.ArgumentParser(description="boot the worker machine and test its guarantees")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{about} (all)")
    given = parser.parse_args()
    if unknown := [name for name in given.steps if name not in STEPS]:
        parser.error(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    # Exit instead of dying, so that everything is cleaned up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = {name: step for name, step in STEPS.items() if name in given.steps or not given.steps}
    try:
        for step in chosen.values():
            step.need()
        for name, step in chosen.items():
            timed(name, step)
    except LacksError as error:
        sys.exit(f"a requirement is missing: {error}")
    except FailedError as error:
        sys.exit(str(error))


def timed(name: str, step: Step) -> None:
    """Run one step and print how long it took."""
    print(f"{name}: {step.about}", flush=True)
    began = time.monotonic()
    step.take()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
