"""A project on an emulator, and the one machine that it launches.

Used by `boot.py` and `nspawn.py`. Emulator, proxy, metadata service and `sce` run
in the worker's namespace; `boot.py` and `nspawn.py` boot the machine with the data
provided here. Must never launch twice: a case is one submission, one instance, one
boot.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common import BINARIES, EMULATORS, HERE, PYTHON, WORKSPACE, FailedError, Running, need_files, run
from network import EMULATOR_PORT, PROXY_PORT, Network, first_host

ACCOUNT, REGION, PIT = "123456789012", "us-east-1", "hipaa"
PROXY = f"http://127.0.0.1:{PROXY_PORT}"
VOLUME_GIB = 10
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
# Prepended to Python code for boto3: a client of the emulator that bypasses the counting proxy.
PRELUDE = f"""
import boto3, json, urllib.request
def client(service):
    return boto3.client(service, endpoint_url="http://127.0.0.1:{EMULATOR_PORT}", region_name="{REGION}",
                        aws_access_key_id="test", aws_secret_access_key="test")
def control(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request("{PROXY}/-/" + path, data)))
"""
GATEWAYS = f"""
lists = {{one["PrefixListName"]: one["Cidrs"] for one in client("ec2").describe_prefix_lists()["PrefixLists"]}}
print(json.dumps([lists["com.amazonaws.{REGION}." + service][0] for service in ("s3", "dynamodb")]))
"""
FORGET_REQUESTS = f"""
urllib.request.urlopen(urllib.request.Request("{PROXY}/-/requests", method="DELETE"))
print("null")
"""
INSTANCES = """
found = client("ec2").describe_instances()["Reservations"]
print(json.dumps({i["InstanceId"]: {"state": i["State"]["Name"], "zone": i["Placement"]["AvailabilityZone"]}
                  for r in found for i in r["Instances"]}))
"""


def need() -> None:
    """Require what must have been built."""
    need_files(sce="cargo build --release", sce_agent="cargo build --release", emulators="make venv")


@dataclass(frozen=True)
class Instance:
    """The metadata of the machine to boot."""

    id: str
    region: str
    zone: str
    account: str
    user_data: str

    def allowed(self) -> dict[str, Any]:
        """Return the settings of the machine in its user data."""
        return tomllib.loads(self.user_data).get("machine", {})


class Cloud:
    """One environment on one emulator, in a network."""

    def __init__(self, network: Network, home: Path) -> None:
        """Start nothing yet."""
        need()
        self.network, self.home = network, home
        self.project, self.plain = home / "project", home / "plain"
        self.metadata: Running | None = None
        self.metadata_log = home / "metadata.log"
        self.helpers: list[Running] = []
        # Addresses of S3's and DynamoDB's endpoints.
        self.gateways: list[str] = []

    def __enter__(self) -> Cloud:
        """Start the emulator and create the environment; on failure, stop what was started."""
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every program."""
        self.end_metadata()
        for helper in reversed(self.helpers):
            helper.stop()

    def build(self) -> None:
        """Create an environment with worker volumes of VOLUME_GIB, and a project in it."""
        self.start("start.py", "ministack", "--port", EMULATOR_PORT)
        self.start("proxy.py", "--port", PROXY_PORT, "--to", f"http://127.0.0.1:{EMULATOR_PORT}", "--follow-stdin")
        self.set_up()
        self.project.mkdir()
        self.sce("init", "--aws", ACCOUNT, "--region", REGION)
        quicken(self.project / "sce.toml")
        # Addresses in the ranges of the emulator's prefix lists.
        self.gateways = [first_host(cidr) for cidr in self.python(GATEWAYS)]

    def start(self, script: str, *args: str | int) -> None:
        """Start a program of `tests/emulators`, in the namespace."""
        command = self.network.inside([PYTHON, EMULATORS / script, *map(str, args)])
        self.helpers.append(Running(command, self.home / f"{script}.log"))

    def set_up(self) -> None:
        """Create what the environment's template creates on AWS, and restore what the emulator drops."""
        template = self.home / "environment.yaml"
        template.write_text(with_volume((WORKSPACE / "provision" / "environment.yaml").read_text()))
        make: list[str | Path] = [
            PYTHON,
            EMULATORS / "environment.py",
            "--endpoint",
            PROXY,
            "--pit",
            PIT,
            "--account",
            ACCOUNT,
        ]
        made = json.loads(self.network.run(*make, "--region", REGION, "--launch-template", template))
        self.fault(*whole_templates(made["key"]))

    def fault(self, *rules: dict[str, Any]) -> None:
        """Set rules of the proxy (`tests/emulators/faults.py`)."""
        self.python(f"control('faults', {list(rules)!r}); print('null')")

    def python(self, code: str) -> Any:
        """Return the JSON that a little Python prints; `client` and `control` are defined."""
        return json.loads(self.network.run(PYTHON, "-c", PRELUDE + code))

    def sce(self, *args: str | Path) -> str:
        """Return what `sce` prints, in the project."""
        env = CREDENTIALS | {"AWS_ENDPOINT_URL": PROXY, "SCE_LOG": "warn"}
        return run(self.network.inside([BINARIES / "sce", *args]), env=env, cwd=self.project).stdout

    def put(self, rows: int, objects: int, marker: str) -> None:
        """Put pseudo-data, and one object whose only patient is called `marker`, into the data bucket."""
        run([BINARIES / "sce", "synth", "--out", self.plain, "--visits", str(rows), "--objects", str(objects)])
        (self.plain / "part-900000.csv").write_text(marked((self.plain / "part-000001.csv").read_text(), marker))
        self.sce("put", self.plain)

    def submit(self) -> str:
        """Submit a run of everything, which launches one machine, and return its id."""
        submitted = self.sce("run", "--workers", "1", "--detach", "--output", "json")
        return json.loads(submitted.splitlines()[-1])["run"]

    def launched(self) -> Instance:
        """Return the only live instance, which has not been booted."""
        launched, described = self.python("print(json.dumps(control('instances')))"), self.python(INSTANCES)
        living = [one for one in launched if described[one]["state"] in ("pending", "running")]
        if len(living) != 1:
            raise FailedError(f"one launched instance expected, not {living}")
        zone = described[living[0]]["zone"]
        return Instance(living[0], REGION, zone, ACCOUNT, launched[living[0]]["user_data"])

    def state(self, instance: Instance) -> str:
        """Return the instance's state in EC2."""
        described = self.python(INSTANCES)
        return described[instance.id]["state"] if instance.id in described else "terminated"

    def begin(self, instance: Instance, credentials: str = "good") -> None:
        """Start the metadata service for a machine about to boot; requests are counted from here."""
        self.end_metadata()
        about = self.home / "instance.json"
        about.write_text(json.dumps(asdict(instance)))
        self.metadata_log.unlink(missing_ok=True)
        serve: list[str | Path] = [PYTHON, HERE / "metadata.py", "--instance", about, "--log", self.metadata_log]
        command = self.network.inside([*serve, "--credentials", credentials])
        self.metadata = Running(command, self.home / "metadata.err", {"PYTHONPATH": str(EMULATORS)})
        self.python(FORGET_REQUESTS)

    def end_metadata(self) -> None:
        """Stop the metadata service."""
        if self.metadata:
            self.metadata.stop()
            self.metadata = None

    def asked(self) -> list[str]:
        """Return the requests to the metadata service, from its log."""
        return self.metadata_log.read_text().splitlines()

    def requests(self) -> dict[str, int]:
        """Return the number of calls through the proxy since `begin`, as `service.Operation`."""
        by = self.python("print(json.dumps(control('requests')['by']))")
        return {f"{service}.{name}": count for service, names in by.items() for name, count in names.items()}

    def run_state(self, run_id: str) -> str:
        """Return the state of a run."""
        lines = [json.loads(line) for line in self.sce("runs", "--output", "json").splitlines()]
        return next(line["state"] for line in lines if line["run"] == run_id)

    def patients(self, run_id: str) -> bytes:
        """Return patients.csv of the opened results."""
        out = self.home / f"out-{run_id}"
        self.sce("results", run_id, "--out", out, "--in-the-clear")
        return (out / "patients.csv").read_bytes()

    def embedded_patients(self) -> bytes:
        """Return patients.csv of the embedded default for the same files."""
        home, sce = self.home / "embedded", BINARIES / "sce"
        home.mkdir()
        run([sce, "init"], cwd=home)
        run([sce, "key", "new", "homer.key"], cwd=home)
        run([sce, "put", self.plain], cwd=home)
        ended = json.loads(run([sce, "run", "--output", "json"], cwd=home).stdout.splitlines()[-1])
        run([sce, "results", ended["run"], "--out", "out"], cwd=home)
        return (home / "out" / "patients.csv").read_bytes()


def quicken(settings: Path) -> None:
    """Have workers poll for work, and exit, after a second."""
    unset = "#: poll_milliseconds = 500"
    text = settings.read_text()
    if unset not in text:
        raise FailedError(f"sce.toml no longer has the line {unset!r}")
    settings.write_text(text.replace(unset, "poll_milliseconds = 1000"))


def marked(csv: str, patient: str) -> str:
    """Return the same rows, all of one patient."""
    header, *rows = csv.splitlines()
    place = header.split(",").index("ID")
    cells = [row.split(",") for row in rows]
    return "\n".join([header, *(",".join([*row[:place], patient, *row[place + 1 :]]) for row in cells), ""])


def with_volume(template: str) -> str:
    """Return the environment's template with a smaller volume: the minimum that it allows."""
    head, of, rest = template.partition("\n  VolumeGiB:\n")
    default = "\n    Default: 100\n"
    if not of or default not in rest:
        raise FailedError("environment.yaml no longer has a VolumeGiB of 100")
    return head + of + rest.replace(default, f"\n    Default: {VOLUME_GIB}\n", 1)


def whole_templates(key: str) -> list[dict[str, Any]]:
    """Return rules that restore what Ministack drops of a launch template: tenancy and keys, as in `tests/kit`."""
    about = {"service": "ec2", "operation": "DescribeLaunchTemplateVersions", "fault": "replace", "times": -1}
    tenancy = r"\1<placement><tenancy>dedicated</tenancy></placement><instanceType>"
    return [
        about | {"pattern": "(?s)(.*)<instanceType>", "with": tenancy},
        about | {"pattern": "<ebs>", "with": f"<ebs><kmsKeyId>{key}</kmsKeyId>"},
    ]
