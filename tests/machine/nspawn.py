"""Boots the worker's system in a container, for every way in which it can end.

Used by `run.py`. The same root, units and programs as in `boot.py`, in seconds; but
no disk: the volume's unit does nothing and /hipaa is a tmpfs. In each case the system
must power off by itself, and the console must give the reason. Must never test the
address filter or the volume: containers have neither, `boot.py` has both.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cloud
import images
import network
import root
from cloud import Cloud, Instance
from common import FailedError, need_programs, run, run_logged, show, show_order, tail, work_directory
from install import UNITS, drop_in, enable, for_tests, variant
from network import Network
from root import write

SECONDS_MAX = 180.0
ROWS, OBJECTS = 60, 2
LIFETIME_SECONDS = 3
READ = "s3.GetObject"
REFUSED = {"fault": "error", "status": 400, "code": "AccessDeniedException", "message": "not authorized"}
# A container outlives a killed systemd-nspawn; in a separate process namespace, everything ends
# with the first process. Other processes' files in /proc are not visible there, so the network
# namespace is bound to a file first.
TOGETHER = (
    *("unshare", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c"),
    'mount --bind "$1" "$2" && mount -t proc proc /proc && shift 2 && exec "$@"',
    "sh",
)
OFF = re.compile(r"Shutting down\.|Reached target poweroff\.target|System Power Off")


@dataclass(frozen=True)
class Container:
    """One system about to boot, with its cloud."""

    wire: Network
    cloud: Cloud
    root: Path
    home: Path
    run_id: str
    instance: Instance

    def agent(self, *lines: str) -> None:
        """Override settings of the agent's unit."""
        drop_in(self.root, "sce-agent.service", "99-case", *lines)

    def instead(self, command: str, *lines: str) -> None:
        """Run a command instead of the agent, in its sandbox."""
        self.agent("ExecStart=", f"ExecStart={command}", *lines)

    def hipaa(self, what: str = "tmpfs", kind: str = "tmpfs", owner: int | None = None) -> None:
        """Set what is mounted at /hipaa: by default, a tmpfs that the agent owns."""
        owner = user(self.root, "sce") if owner is None else owner
        options = "nodev,nosuid,noexec" + (f",mode=0700,uid={owner},size=64M" if kind == "tmpfs" else "")
        unit = (self.root / UNITS / "hipaa.mount").read_text()
        for name, value in (("What", what), ("Type", kind), ("Options", options)):
            unit, found = re.subn(f"^{name}=.*$", f"{name}={value}", unit, flags=re.MULTILINE)
            if found != 1:
                raise FailedError(f"hipaa.mount has {found} lines of {name}=")
        write(self.root, "etc/systemd/system/hipaa.mount", unit)

    def boot(self) -> str:
        """Boot until the container powers off by itself, and return its console output."""
        console = self.home / "console.log"
        options = ["--quiet", "--register=no", "--keep-unit", "--link-journal=no", "--capability=CAP_NET_ADMIN"]
        wire = self.home / "wire"
        wire.touch()
        command = ["systemd-nspawn", *options, f"--network-namespace-path={wire}", f"--directory={self.root}", "--boot"]
        code = run_logged([*TOGETHER, self.wire.container, wire, *command], console, SECONDS_MAX)
        said = console.read_text(errors="replace")
        show(code == 0 and OFF.search(said) is not None, "powered off by itself", f"exit {code}\n{tail(console)}")
        show_order(said)
        return said


def need() -> None:
    """Require what booting a container needs."""
    root.need()
    network.need()
    cloud.need()
    need_programs({"systemd-nspawn": "systemd-container"})


def user(of: Path, name: str) -> int:
    """Return a user's id in a root directory."""
    for line in (of / "etc" / "passwd").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split(":")[2])
    raise FailedError(f"no user {name} is installed")


@contextmanager
def container(
    name: str, installed: Path, credentials: str = "good", user_data: str | None = None
) -> Iterator[Container]:
    """Provide a cloud with a submitted run, and a root directory that may be modified."""
    print(f"  {name}", flush=True)
    with work_directory() as home, Network(home) as wire, Cloud(wire, home) as of:
        of.put(ROWS, OBJECTS, f"PHI-OBJ-{secrets.token_hex(8)}")
        run_id = of.submit()
        altered = variant(installed, home / "root")
        for_tests(altered, of.gateways)
        this = Container(wire, of, altered, home, run_id, of.launched())
        drop_in(altered, "sce-volume.service", "90-no-disk", "ExecStart=", "ExecStart=/bin/true", "ExecStop=")
        this.hipaa()
        wire.plug("veth", of.gateways)
        launched = this.instance if user_data is None else replace(this.instance, user_data=user_data)
        of.begin(launched, credentials)
        yield this


def says(said: str, pattern: str, what: str) -> None:
    """Check that a line of the console matches."""
    found = re.search(f"^.*{pattern}.*$", said, re.IGNORECASE | re.MULTILINE)
    lines = said.replace("\r", "").splitlines()
    show(found is not None, f"{what}: {found and found[0].strip()}", "\n".join(lines[-60:]))


def ended(this: Container, state: str) -> None:
    """Check the final state of the run and the instance."""
    found = this.cloud.run_state(this.run_id)
    show(found == state, f"the run is {found}", f"expected: {state}")
    left = this.cloud.state(this.instance)
    itself = this.cloud.requests().get("ec2.TerminateInstances") == 1
    show(itself and left in ("shutting-down", "terminated"), f"the instance is {left}, by its own call")


def not_worked(this: Container) -> None:
    """Check that no object was requested: the agent failed before it worked."""
    asked = this.cloud.requests()
    show(READ not in asked, "no object was opened", asked)


def success(installed: Path) -> None:
    """Work until no unit is left."""
    with container("success", installed) as this:
        this.boot()
        ended(this, "done")
        # The other cases must not have this request.
        show(READ in this.cloud.requests(), "objects were opened", this.cloud.requests())


def crash(installed: Path) -> None:
    """The agent is killed by a signal."""
    with container("the agent crashes", installed) as this:
        this.instead("/bin/bash -c 'kill -SEGV $$$$'")
        said = this.boot()
        says(said, r"sce-agent\.service: Main process exited, code=(killed|dumped), status=11/SEGV", "the reason")
        ended(this, "running")


def no_credentials(installed: Path) -> None:
    """The instance's role was removed."""
    with container("no credentials", installed, "none") as this:
        said = this.boot()
        says(said, r"sce-agent\[\d+\]:.*credentials", "the reason")
        not_worked(this)
        show(this.cloud.run_state(this.run_id) == "running", "the run is still available to other workers")


def refused_credentials(installed: Path) -> None:
    """The instance's role has no permissions."""
    with container("refused credentials", installed) as this:
        this.cloud.fault({"service": "*", "operation": "*", "times": -1, **REFUSED})
        said = this.boot()
        says(said, r"sce-agent\[\d+\]:.*AccessDenied", "the reason")
        not_worked(this)


def lifetime(installed: Path) -> None:
    """The agent hangs longer than the unit's maximum runtime."""
    with container("lifetime exceeded", installed) as this:
        this.instead("/bin/sleep infinity", f"RuntimeMaxSec={LIFETIME_SECONDS}")
        said = this.boot()
        says(said, r"sce-agent\.service: Service reached runtime time limit", "the reason")
        ended(this, "running")


def mount_fails(installed: Path) -> None:
    """/hipaa cannot be mounted."""
    with container("/hipaa cannot be mounted", installed) as this:
        this.hipaa(what="/dev/null", kind="xfs")
        said = this.boot()
        says(said, r"hipaa\.mount: .*(fail|exit)", "the reason")
        not_worked(this)


def not_a_mount(installed: Path) -> None:
    """/hipaa is a directory of the system disk, and no unit requires the mount."""
    with container("/hipaa is not a mount", installed) as this:
        without_mount(this.root)
        said = this.boot()
        says(said, r"sce-agent.*no volume is mounted", "the reason")
        not_worked(this)


def wrong_owner(installed: Path) -> None:
    """/hipaa belongs to another user."""
    with container("/hipaa has another owner", installed) as this:
        this.hipaa(owner=0)
        said = this.boot()
        says(said, r"sce-agent\[\d+\]: .*belongs to another user", "the reason")
        not_worked(this)


def without_mount(of: Path) -> None:
    """Remove the mount, and the agent unit's dependency on it, from a root directory."""
    (of / "etc/systemd/system/hipaa.mount").unlink()
    (of / UNITS / "hipaa.mount").unlink()
    unit = of / UNITS / "sce-agent.service"
    wants = re.compile(
        r"^((?:Requires|BindsTo|Wants|After|RequiresMountsFor)=.*?) ?(?:hipaa\.mount|/hipaa)\b", re.MULTILINE
    )
    text, found = wants.subn(r"\1", unit.read_text())
    if not found:
        raise FailedError("sce-agent.service does not mention hipaa.mount")
    unit.write_text(text)
    hipaa = of / "hipaa"
    hipaa.mkdir(exist_ok=True)
    shutil.chown(hipaa, user(of, "sce"))
    hipaa.chmod(0o700)


def stuck(installed: Path) -> None:
    """A local file system that the boot requires does not exist."""
    with container("the boot fails", installed) as this:
        unit = "[Mount]\nWhat=/dev/null\nWhere=/srv\nType=xfs\n\n[Install]\nRequiredBy=local-fs.target\n"
        write(this.root, "etc/systemd/system/srv.mount", unit)
        enable(this.root, "srv.mount")
        said = this.boot()
        says(said, r"emergency", "the reason")
        not_worked(this)


def not_launched(installed: Path) -> None:
    """The user data contain no addresses and no volume."""
    with container("no launch data", installed, user_data='pit = "hipaa"\n') as this:
        said = this.boot()
        says(said, r"sce-agent\[\d+\]:.*names no addresses", "the reason")
        not_worked(this)


def bastion(_installed: Path) -> None:
    """The timers and services of the bastion, in their sandboxes."""
    print("  the bastion", flush=True)
    with work_directory() as home, Network(home) as wire, Cloud(wire, home) as of:
        altered = variant(images.BASTION, home / "root")
        for_tests(altered, of.gateways, ("sce-reap.service", "sce-intake.service"))
        write(altered, "etc/sce/sce.toml", (of.project / "sce.toml").read_text())
        drop_in(altered, "sce-reap.timer", "99-soon", "OnBootSec=", "OnBootSec=1s", section="Timer")
        reap = "/usr/bin/sce reap --config /etc/sce/sce.toml --grace 1"
        drop_in(altered, "sce-reap.service", "99-soon", "ExecStart=", f"ExecStart={reap}")
        # A bastion stays on; this one powers off, so that the test can end.
        drop_in(
            altered, "sce-reap.service", "99-end", "After=sce-intake.service", "SuccessAction=poweroff", section="Unit"
        )
        of.put(ROWS, OBJECTS, f"PHI-OBJ-{secrets.token_hex(8)}")
        this = Container(wire, of, altered, home, of.submit(), of.launched())
        wire.plug("veth", of.gateways)
        of.begin(this.instance)
        said = this.boot()
        says(said, r"sce-reap\.service: Deactivated successfully", "sce reap completed")
        asked = of.requests()
        show(asked.get("sqs.ReceiveMessage", 0) > 0, "sce intake polled for uploads", f"{asked}\n{said[-3000:]}")
        show("sts.AssumeRole" in asked, "with its restricted role", asked)


CASES: tuple[Callable[[Path], None], ...] = (
    success,
    crash,
    no_credentials,
    refused_credentials,
    lifetime,
    mount_fails,
    not_a_mount,
    wrong_owner,
    stuck,
    not_launched,
    bastion,
)


def step() -> None:
    """Run all cases on the worker's root, without its kernel: a container has none."""
    images.need_built()
    with work_directory() as home:
        installed = variant(images.WORKER, home / "root")
        for heavy in ("boot", "lib/modules"):
            run(["rm", "-rf", installed / heavy])
        for each in CASES:
            each(installed)
