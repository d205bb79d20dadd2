"""One instance of the substitute hypervisor, from power-on to power-off.

Used by `hypervisor.py`, which calls `step` with the state in the API. As on a real
worker there are three ways to end: the agent exits and the termination unit terminates
the instance; the API terminates it while the agent is running; or neither works and
power-off does, because the shutdown behavior is terminate. Must never block: many
machines share one loop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imds import Metadata, serve

SHUT = ("shutting-down", "terminated")
TERMINATION_SECONDS_MAX = 30.0
GRACE_SECONDS = 2.0


class Machine:
    """One instance: its metadata service, its files and its current process."""

    def __init__(self, metadata: Metadata, agent: str, home: Path, environment: dict[str, str]) -> None:
        """Power on: start the metadata service and the agent."""
        self.metadata, self.agent, self.home = metadata, agent, home
        hipaa = home / "hipaa"
        hipaa.mkdir(parents=True, exist_ok=True)
        self.server, address = serve(metadata)
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": address,
            "SCE_HIPAA": str(hipaa),
        } | environment
        self.exit: int | None = None
        self.killed = self.powered_off = False
        self.deadline = 0.0
        self.process = self.start("work")
        self.next: Callable[[str], None] | None = self.working

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Run the agent; it is killed when the hypervisor exits, however that happens."""
        name = "agent" if command == "work" else command
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.agent, command, "--instance"],
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def step(self, api_state: str) -> None:
        """Advance by one step; `api_state` is the instance's state in DescribeInstances."""
        if self.next:
            self.next(api_state)

    def working(self, api_state: str) -> None:
        """The agent works until it exits or the instance is terminated."""
        self.exit = self.process.poll()
        if self.exit is not None:
            self.process = self.start("terminate")
            self.deadline = time.monotonic() + TERMINATION_SECONDS_MAX
            self.next = self.terminating
        elif api_state in SHUT:
            self.kill()
            self.exit, self.killed = self.process.wait(), True
            self.end()

    def terminating(self, api_state: str) -> None:
        """The termination unit runs, for a limited time."""
        status = self.process.poll()
        if status is None and time.monotonic() < self.deadline:
            return
        self.kill()
        if api_state in SHUT:
            self.end()
        else:
            self.deadline = time.monotonic() + (GRACE_SECONDS if status == 0 else 0)
            self.next = self.halting

    def halting(self, api_state: str) -> None:
        """No process is left; the power goes off if the API call did not terminate the instance."""
        if api_state in SHUT:
            self.end()
        elif time.monotonic() >= self.deadline:
            self.powered_off = True

    def kill(self) -> None:
        """Kill the current process and its children."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()

    def end(self) -> None:
        """Shut down the instance's metadata service."""
        self.next = None
        self.server.shutdown()
        self.server.server_close()

    def report(self) -> dict[str, Any]:
        """Return what the tests may read about it."""
        return {
            "state": "running" if self.next else "ended",
            "exit": self.exit,
            "killed": self.killed,
            "powered_off": self.powered_off,
            "imds_v1_refused": self.metadata.v1_refused,
        }
