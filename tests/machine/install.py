"""What the tests add to an image's root directory.

Used by `boot.py` and `nspawn.py`. Added are a static address instead of DHCP, the
emulator's addresses instead of AWS's, and the journal on the console. Must never
weaken the machine: cases that do so use their own drop-ins, named accordingly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common import FailedError, run
from network import ENDPOINTS, NETWORKD
from root import write

UNITS = "usr/lib/systemd/system"
WORKERS = ("sce-confine.service", "sce-agent.service", "sce-terminate.service")
CONSOLE = "[Journal]\nForwardToConsole=yes\nMaxLevelConsole=info\n"


def enable(root: Path, *names: str) -> None:
    """Enable units."""
    run(["systemctl", f"--root={root}", "enable", *names])


def for_tests(root: Path, gateways: Sequence[str], asking: Sequence[str] = WORKERS) -> None:
    """Set the test's addresses and console for the units that call AWS; S3 and DynamoDB are at the gateways."""
    for unit in asking:
        if not (root / UNITS / unit).exists():
            raise FailedError(f"{unit} is not installed")
        s3, dynamodb = gateways
        drop_in(
            root,
            unit,
            "10-emulator",
            *(
                f"Environment=AWS_ENDPOINT_URL{of}=http://{address}"
                for of, address in (("", ENDPOINTS), ("_S3", s3), ("_DYNAMODB", dynamodb))
            ),
        )
    write(root, "etc/systemd/network/10-worker.network", NETWORKD)
    to_console(root)
    enable(root, "systemd-networkd.service", "systemd-networkd-wait-online.service")


def to_console(root: Path) -> None:
    """Forward the journal to the console."""
    write(root, "etc/systemd/journald.conf.d/console.conf", CONSOLE)


def mask(root: Path, *names: str) -> None:
    """Prevent units from starting."""
    run(["systemctl", f"--root={root}", "mask", *names])


def drop_in(root: Path, unit: str, name: str, *lines: str, section: str = "Service") -> None:
    """Add to a unit; `name` must be 90 or higher to be read after the drop-in that the machine writes at launch."""
    write(root, f"etc/systemd/system/{unit}.d/{name}.conf", "\n".join([f"[{section}]", *lines, ""]))


def variant(root: Path, to: Path) -> Path:
    """Copy a root directory for one case."""
    run(["cp", "--archive", "--reflink=auto", root, to])
    return to
