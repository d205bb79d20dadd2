"""Substitute for EC2's hypervisor: runs an agent process per launched instance.

    hypervisor.py --proxy http://127.0.0.1:P --agent BINARY --dir DIR --pit PIT --region us-east-1

Used by the tests of the fleet, because no emulator runs what it launches. Prints
"ready" when polling. Reports in DIR/instances.json, after every change:

    {"i-…": {"state": "running" or "ended", "exit": code, -signal or null, "killed": bool,
             "powered_off": bool, "imds_v1_refused": n}}

Logs are DIR/<instance>/agent.log and terminate.log. Its own calls have the header
`x-stand-in`: the proxy does not count them and injects no faults. Must never leave a
process behind, and never launch anything itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from imds import Metadata
from lifeline import follow_stdin
from machine import SHUT, Machine

POLL_SECONDS = 0.2
ANSWER_SECONDS_MAX = 10


class Hypervisor:
    """All machines, and the API as seen through the proxy."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Start no machine yet."""
        self.options = options
        self.machines: dict[str, Machine] = {}
        self.written = ""
        # One attempt per call: the next poll is the retry.
        config = Config(
            connect_timeout=ANSWER_SECONDS_MAX, read_timeout=ANSWER_SECONDS_MAX, retries={"total_max_attempts": 1}
        )
        session = boto3.Session("test", "test", region_name=options.region)
        self.ec2 = session.client("ec2", endpoint_url=options.proxy, config=config)
        # Added after signing, so that the proxy can remove it.
        self.ec2.meta.events.register("before-send.ec2", lambda request, **_: mark(request))

    def poll(self) -> None:
        """Poll once, and act; an emulator that does not answer is polled again later."""
        try:
            with urllib.request.urlopen(f"{self.options.proxy}/-/instances", timeout=ANSWER_SECONDS_MAX) as answer:
                launched = json.load(answer)
            described = self.described()
            for instance_id in launched.keys() - self.machines.keys():
                self.boot(instance_id, launched[instance_id], described.get(instance_id))
            for instance_id, machine in self.machines.items():
                machine.step(state(described.get(instance_id)))
                if machine.next and machine.powered_off:
                    self.ec2.terminate_instances(InstanceIds=[instance_id])
        except (OSError, ValueError, BotoCoreError, ClientError) as error:
            print(f"hypervisor: retrying: {error}", file=sys.stderr, flush=True)
        self.write()

    def described(self) -> dict[str, Any]:
        """Return every instance that the API knows, by id."""
        pages = self.ec2.get_paginator("describe_instances").paginate()
        reservations = [reservation for page in pages for reservation in page["Reservations"]]
        return {
            instance["InstanceId"]: instance | {"OwnerId": reservation.get("OwnerId", "")}
            for reservation in reservations
            for instance in reservation["Instances"]
        }

    def boot(self, instance_id: str, launch: dict[str, Any], described: dict[str, Any] | None) -> None:
        """Power on a new instance of this PIT."""
        is_ours = launch["tags"].get("PIT", self.options.pit) == self.options.pit
        if not is_ours or described is None or state(described) not in ("pending", "running"):
            return
        metadata = Metadata(
            instance_id,
            self.options.region,
            described["Placement"]["AvailabilityZone"],
            described["OwnerId"],
            launch["user_data"],
            self.options.credential_seconds,
        )
        given = dict(pair.split("=", 1) for pair in self.options.env)
        environment = {"AWS_ENDPOINT_URL": self.options.proxy} | given
        self.machines[instance_id] = Machine(metadata, self.options.agent, self.options.dir / instance_id, environment)

    def write(self) -> None:
        """Write the report if it has changed; readers never see an incomplete one."""
        text = json.dumps({instance_id: machine.report() for instance_id, machine in self.machines.items()}, indent=1)
        if text != self.written:
            new = self.options.dir / "instances.json.new"
            new.write_text(text)
            new.replace(self.options.dir / "instances.json")
            self.written = text

    def stop(self) -> None:
        """Kill all running machines."""
        for machine in self.machines.values():
            machine.kill()


def mark(request: Any) -> None:
    """Mark the call as the test's own."""
    request.headers["x-stand-in"] = "1"


def state(described: dict[str, Any] | None) -> str:
    """Return the instance's state; an instance that the API no longer knows is terminated."""
    return described["State"]["Name"] if described else SHUT[-1]


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="substitute for EC2's hypervisor")
    parser.add_argument("--proxy", required=True, help="the fault proxy, http://127.0.0.1:PORT")
    parser.add_argument("--agent", required=True, help="the agent's binary")
    parser.add_argument("--dir", type=Path, required=True, help="parent of the instances' directories")
    parser.add_argument("--pit", default="hipaa", help="instances tagged with another PIT are not run (hipaa)")
    parser.add_argument("--region", default="us-east-1", help="region (us-east-1)")
    parser.add_argument("--credential-seconds", type=float, default=3600, help="lifetime of credentials (3600)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for the agent, repeatable")
    parser.add_argument("--follow-stdin", action="store_true", help="exit when stdin ends")
    return parser.parse_args()


def main() -> None:
    """Poll until SIGTERM."""
    options = parse_arguments()
    options.agent, options.dir = str(Path(options.agent).resolve()), options.dir.resolve()
    options.dir.mkdir(parents=True, exist_ok=True)
    for program in (options.agent, "setpriv"):
        if not shutil.which(program):
            sys.exit(f"hypervisor: cannot run {program}")
    if options.follow_stdin:
        follow_stdin()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    hypervisor = Hypervisor(options)
    try:
        hypervisor.poll()
        print("ready", flush=True)
        while True:
            time.sleep(POLL_SECONDS)
            hypervisor.poll()
    finally:
        hypervisor.stop()


if __name__ == "__main__":
    main()
