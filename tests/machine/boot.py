"""Boots the worker machine in QEMU, from power-on to its own power-off.

Used by `run.py`. Software emulation, about a minute per boot: two NVMe disks as
EBS presents them, Debian's cloud kernel, a network in which everything is counted
(`network.py`), an emulator for AWS (`cloud.py`). Cases: the whole job; a volume
that is not blank; a control without the address filter and the wipe, which proves
that the first case could fail; and the workbench's volume. Must never stop a
machine itself: one that does not power off in time is a failure.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cloud
import image
import images
import network
import root
from cloud import VOLUME_GIB, Cloud, Instance
from common import LacksError, need_programs, run, run_logged, show, show_order, tail, work_directory
from images import PACKER
from install import drop_in, enable, for_tests, mask, to_console, variant
from network import OUTER, Network
from root import write

SECONDS_MAX = 420.0
SYSTEM_SERIAL, VOLUME_SERIAL = "vol00000000000000000", "vol0123456789abcdef0"
GIB = 1 << 30
ROWS, OBJECTS = 300, 3
MACHINE = (
    ("-accel", "tcg,thread=multi,tb-size=512"),
    ("-cpu", "max,la57=off"),
    ("-machine", "q35"),
    ("-smp", "2"),
    ("-m", "1024"),
    ("-netdev", f"tap,id=wire,ifname={OUTER},script=no,downscript=no"),
    ("-device", "virtio-net-pci,netdev=wire,romfile="),
)
KERNEL = "root=/dev/nvme0n1 rw console=ttyS0 quiet net.ifnames=0 mitigations=off systemd.gpt_auto=0"
OFF = "reboot: Power down"
NOT_BLANK = re.compile(r"sce-agent\[\d+\]:.*blank", re.IGNORECASE)
# Reads /hipaa as the researcher, and powers the machine off.
SEE = """[Unit]
After=hipaa.mount
SuccessAction=poweroff
FailureAction=poweroff

[Service]
Type=oneshot
User=admin
ExecStart=/bin/bash -c "{see}"
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
"""
# Addresses inside and outside the VPC's range, by TCP and by UDP as for a name server.
ATTEMPTS = ("tcp/10.9.9.9/80", "tcp/8.8.8.8/443", "udp/9.9.9.9/53")


@dataclass(frozen=True)
class Markers:
    """Texts that occur only in a patient's data: one in an object, one written by the unit itself."""

    object: str
    unit: str

    def counts(self, disk: Path) -> dict[str, int]:
        """Return how often each text occurs on a disk."""
        return {text: image.marker_count(disk, text.encode()) for text in (self.object, self.unit)}


@dataclass(frozen=True)
class Machine:
    """One machine's disks, and its console output."""

    kernel: Path
    system: Path
    volume: Path
    console: Path

    def boot(self, wire: Network) -> None:
        """Boot from power-on to power-off."""
        disks: list[str | Path] = []
        for name, disk, serial in (("system", self.system, SYSTEM_SERIAL), ("volume", self.volume, VOLUME_SERIAL)):
            disks += ["-drive", f"if=none,id={name},file={disk},format=raw,cache=unsafe,discard=unmap"]
            disks += ["-device", f"nvme,serial={serial},drive={name}"]
        flags = ["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-monitor", "none"]
        options = [text for option in MACHINE for text in option]
        kernel: list[str | Path] = ["-kernel", self.kernel, "-append", KERNEL]
        command = wire.inside(["qemu-system-x86_64", *flags, *options, *kernel, *disks])
        code = run_logged(command, self.console, SECONDS_MAX)
        said = self.said()
        show(code == 0 and OFF in said, "the machine powered off by itself", f"exit {code}\n{tail(self.console)}")
        show_order(said)

    def said(self) -> str:
        """Return the whole console output."""
        return self.console.read_text(errors="replace")


@dataclass(frozen=True)
class Case:
    """One machine about to boot, with its cloud."""

    name: str
    wire: Network
    cloud: Cloud
    markers: Markers
    root: Path
    home: Path

    def attempts(self) -> None:
        """Have the agent's own unit write a marker and try to connect out, in its sandbox and as its user."""
        # In two pieces: the file with these lines is on the system disk, where the marker must not
        # be found.
        begin, end = self.markers.unit[:8], self.markers.unit[8:]
        mark = f"/bin/bash -c 'printf %%s%%s {begin} {end} >/hipaa/marker && sync /hipaa/marker'"
        tries = [f"ExecStartPre=-/usr/bin/timeout 2 /bin/bash -c 'echo >/dev/{to}'" for to in ATTEMPTS]
        drop_in(self.root, "sce-agent.service", "90-attempts", f"ExecStartPre={mark}", *tries)

    def machine(self, volume: Path) -> Machine:
        """Return the machine, with a new system disk."""
        system = image.make_ext4(self.root, self.home / "system.img")
        return Machine(root.kernel(self.root), system, volume, self.home / "console.log")

    def blank_volume(self) -> Path:
        """Return a new volume of the size in the launch data."""
        return image.blank(self.home / "volume.img", VOLUME_GIB * GIB)


def need() -> None:
    """Require what booting needs."""
    root.need()
    image.need()
    network.need()
    network.need_tap()
    cloud.need()
    need_programs({"qemu-system-x86_64": "qemu-system-x86"})
    if "nvme" not in run(["qemu-system-x86_64", "-device", "help"]).stdout:
        raise LacksError("this QEMU has no NVMe device")


@contextmanager
def case(name: str, installed: Path) -> Iterator[Case]:
    """Provide a cloud with data in it, and a root directory that may be modified."""
    print(f"  {name}", flush=True)
    with work_directory() as home, Network(home) as wire, Cloud(wire, home) as of:
        markers = Markers(f"PHI-OBJ-{secrets.token_hex(8)}", f"PHI-UNIT-{secrets.token_hex(8)}")
        of.put(ROWS, OBJECTS, markers.object)
        altered = variant(installed, home / "root")
        for_tests(altered, of.gateways)
        yield Case(name, wire, of, markers, altered, home)


def whole_job(installed: Path) -> None:
    """A run on a real machine: same results as the embedded default, no stray packets, no traces."""
    with case("the whole job", installed) as this:
        this.attempts()
        run_id, instance = launch(this)
        show(instance.allowed().get("volume_gib") == VOLUME_GIB, f"the launch data: {instance.allowed()}")
        machine = this.machine(this.blank_volume())
        machine.boot(this.wire)
        job_is_done(this, run_id, instance, machine)
        requests, counted = this.cloud.requests(), this.wire.counters()
        show(requests.get("ec2.TerminateInstances") == 1, "and it requested that itself", requests)
        show('"locked":true' in machine.said(), "the agent's memory is locked", agent_said(machine.said()))
        show(counted["endpoints"] > 0 and counted["gateways"] > 0, f"packets counted: {counted}", counted)
        show(counted["stray"] == 0, f"of {len(ATTEMPTS)} attempts to connect out, none got through", this.wire.strays())
        # Not finding the markers means something only if the search can find what is there.
        show(image.marker_count(machine.system, b"PRETTY_NAME=") > 0, "the search finds known text")
        for what, disk in (("system disk", machine.system), ("volume", machine.volume)):
            counts = this.markers.counts(disk)
            show(not any(counts.values()), f"no plaintext on the {what} after power-off", counts)


def agent_said(said: str) -> str:
    """Return the agent's own lines."""
    return "\n".join(line for line in said.splitlines() if "sce-agent[" in line)


def not_blank(installed: Path) -> None:
    """A volume with data on it: it is not modified, and no unit is processed."""
    with case("a volume that is not blank", installed) as this:
        launch(this)
        files = this.home / "files"
        files.mkdir()
        (files / "something").write_text("existing data\n")
        volume = this.blank_volume()
        run(["mkfs.ext4", "-q", "-F", "-d", files, volume])
        before = image.digest(volume)
        machine = this.machine(volume)
        machine.boot(this.wire)
        why = NOT_BLANK.search(machine.said())
        show(why is not None, f"the reason: {why and why[0]}", tail(machine.console))
        show(image.digest(volume) == before, "the volume is unchanged")
        show(not this.cloud.requests(), "no request was sent to AWS", this.cloud.requests())


def control(installed: Path) -> None:
    """Without filter and wipe: the traces that the first case must not find can be found."""
    with case("control: no address filter, no wipe", installed) as this:
        this.attempts()
        drop_in(this.root, "sce-agent.service", "91-no-filter", "IPAddressDeny=", "IPAddressAllow=")
        drop_in(this.root, "sce-volume.service", "91-no-wipe", "ExecStop=")
        run_id, instance = launch(this)
        machine = this.machine(this.blank_volume())
        machine.boot(this.wire)
        job_is_done(this, run_id, instance, machine)
        strays = this.wire.strays()
        show(len(strays) == len(ATTEMPTS), f"stray packets got through, to {', '.join(strays)}", this.wire.counters())
        counts = this.markers.counts(machine.volume)
        # The agent itself leaves none of the object's text: it opens objects in memory.
        show(counts[this.markers.unit] > 0, "plaintext that was written to /hipaa is on the volume", counts)
        counts = this.markers.counts(machine.system)
        show(not any(counts.values()), "and not on the system disk", counts)


def workbench(installed: Path) -> None:
    """The workbench's volume outlives it: formatted if blank, kept from then on, wiped only by hand."""
    print("  the workbench's volume, three times", flush=True)
    text = f"kept-{secrets.token_hex(8)}"
    with work_directory() as home, Network(home) as wire:
        altered = variant(installed, home / "root")
        as_workbench(altered)
        see = f"stat -c 'seen %%U %%a' /hipaa; cat /hipaa/kept 2>/dev/null; echo {text} >/hipaa/kept; sync /hipaa/kept"
        write(altered, "etc/systemd/system/see.service", SEE.format(see=see))
        enable(altered, "see.service")
        wire.plug("tap", ["192.0.2.1"])
        system = image.make_ext4(altered, home / "system.img")
        volume = image.blank(home / "volume.img", VOLUME_GIB * GIB)
        machine = Machine(root.kernel(altered), system, volume, home / "console.log")
        machine.boot(wire)
        first = machine.said()
        show("is prepared" in first and "seen admin 700" in first, "prepared, owned by admin", tail(machine.console))
        machine.boot(wire)
        again = machine.said()
        show("is kept as it was" in again and text in again, "kept the next time", tail(machine.console))
        show(image.marker_count(volume, text.encode()) > 0, "and not wiped afterward")
        # As in the runbook, with /hipaa mounted.
        drop_in(altered, "see.service", "90-wipe", "ExecStartPost=+/usr/bin/sce-agent volume wipe --yes")
        machine = replace(machine, system=image.make_ext4(altered, home / "wiping.img"))
        machine.boot(wire)
        show("is wiped" in machine.said(), "wiped by hand, though mounted", tail(machine.console))
        show(image.marker_count(volume, text.encode()) == 0, "and no text is left on it")


def as_workbench(altered: Path) -> None:
    """Turn the worker's root into one with the workbench's volume settings and user."""
    for tree in ("worker", "workbench"):
        for file in (PACKER / "files" / tree).rglob("*.conf"):
            place = altered / file.relative_to(PACKER / "files" / tree)
            if tree == "worker":
                place.unlink()
            else:
                write(altered, str(file.relative_to(PACKER / "files" / tree)), file.read_text())
    mask(altered, "sce-agent.service", "sce-terminate.service", "sce-confine.service")
    run(["chroot", altered, "useradd", "--create-home", "admin"])
    to_console(altered)


def launch(this: Case) -> tuple[str, Instance]:
    """Submit a run, and prepare network and metadata for the machine that it launched."""
    run_id = this.cloud.submit()
    instance = this.cloud.launched()
    this.wire.plug("tap", this.cloud.gateways)
    this.cloud.begin(instance)
    return run_id, instance


def job_is_done(this: Case, run_id: str, instance: Instance, machine: Machine) -> None:
    """Check what a whole job leaves in the cloud."""
    said = tail(machine.console)
    show(this.cloud.run_state(run_id) == "done", "the run is done", said)
    same = this.cloud.patients(run_id) == this.cloud.embedded_patients()
    show(same, "patients.csv equals the embedded default's, byte for byte")
    state = this.cloud.state(instance)
    show(state in ("shutting-down", "terminated"), f"the instance is {state}", said)
    v1 = [line for line in this.cloud.asked() if line.endswith(" v1")]
    show(not v1, f"metadata: {len(this.cloud.asked())} requests, none with IMDSv1", v1)


CASES = (whole_job, not_blank, control, workbench)


def step() -> None:
    """Run all cases on the worker's root."""
    images.need_built()
    for each in CASES:
        each(images.WORKER)
