"""The metadata service of one booted machine, at the real address.

    metadata.py --instance FILE --log FILE [--credentials {good,none}]

`cloud.py` runs it in the worker's namespace; it imports `tests/emulators`, so that
directory must be in PYTHONPATH. FILE is JSON: id, region, zone, account, user_data.
Prints "ready" when it listens and exits when its stdin ends. Every request is a
line in the log. Must never listen at any other address.
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
    """An instance whose role was removed."""

    def paths(self) -> dict[str, str]:
        """Return everything except the credentials."""
        return {path: text for path, text in super().paths().items() if "security-credentials" not in path}


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(description="metadata service of one booted machine")
    parser.add_argument("--instance", type=Path, required=True, help="JSON: id, region, zone, account, user_data")
    parser.add_argument("--log", type=Path, required=True, help="log file, one line per request")
    parser.add_argument("--credentials", choices=("good", "none"), default="good", help="role credentials (good)")
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
