"""The metadata service of one booted machine, at its own address.

    metadata.py --instance FILE --log FILE [--credentials {good,none}]

Run by `cloud.py` in the worker's namespace; imports `tests/emulators`, so that
directory is in PYTHONPATH. FILE is JSON: id, region, zone, account, user_data.
Prints "ready" when it listens and ends with its stdin. Every request is a line
in the log. Must never listen anywhere but at the service's address.
"""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from imds import Metadata, serve
from lifeline import follow_stdin
from network import METADATA

CREDENTIAL_SECONDS = 3600
PORT = 80


class WithoutCredentials(Metadata):
    """An instance whose role was taken away."""

    def paths(self) -> dict[str, str]:
        """All but the credentials."""
        return {path: text for path, text in super().paths().items() if "security-credentials" not in path}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="metadata service of one booted machine")
    parser.add_argument("--instance", type=Path, required=True, help="JSON: id, region, zone, account, user_data")
    parser.add_argument("--log", type=Path, required=True, help="where each request becomes a line")
    parser.add_argument("--credentials", choices=("good", "none"), default="good", help="of the role (good)")
    given = parser.parse_args()
    of = json.loads(given.instance.read_text())
    kind = {"good": Metadata, "none": WithoutCredentials}[given.credentials]
    metadata = kind(of["id"], of["region"], of["zone"], of["account"], of["user_data"], CREDENTIAL_SECONDS)
    with given.log.open("a", buffering=1) as log:
        metadata.log = lambda line: print(line, file=log)
        serve(metadata, METADATA, PORT)
        follow_stdin()
        print("ready", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
