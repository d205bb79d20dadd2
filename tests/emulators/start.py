"""Runs one of the two emulators in the foreground, on loopback only.

    start.py {ministack|moto} --port P

Used by the tests. Prints "ready" on stdout once the emulator answers and nothing else:
the emulator's own output goes to stderr. The emulator runs in this process, so that
whatever ends the process (end of stdin, SIGTERM, SIGKILL) ends the emulator. Must never
listen beyond loopback nor keep state on disk.
"""

from __future__ import annotations

import argparse
import http.client
import logging
import os
import socket
import sys
import threading
import time

from lifeline import follow_stdin

HOST = "127.0.0.1"
READY_SECONDS_MAX = 60.0
# Otherwise port 8883 is open to all interfaces; persistence is off even if the caller's environment
# enables it.
MINISTACK_ENV = {
    "BIND_HOST": HOST,
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "MINISTACK_ACCOUNT_ID": "123456789012",
    "PERSIST_STATE": "0",
    "LOCALSTACK_PERSISTENCE": "0",
    "S3_PERSIST": "0",
    "LOG_LEVEL": "WARNING",
}


def run_ministack(port: int) -> None:
    """Serve until the process ends."""
    os.environ |= MINISTACK_ENV | {"GATEWAY_PORT": str(port)}
    sys.argv = ["ministack"]
    from ministack.app import main  # reads its environment when imported

    import stacks

    stacks.register()
    main()


def run_moto(port: int) -> None:
    """Serve until the process ends."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    from moto.server import main

    main(["-H", HOST, "-p", str(port)])


def answers(port: int) -> bool:
    """Return whether a server answers HTTP there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def announce(port: int, stdout: int) -> None:
    """Print "ready" once the emulator answers; give up after a while."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not answers(port):
        if time.monotonic() > deadline:
            os._exit(1)
        time.sleep(0.05)
    os.write(stdout, b"ready\n")


def main() -> None:
    """Parse the command line and become the emulator."""
    parser = argparse.ArgumentParser(description="run an AWS emulator on loopback")
    parser.add_argument("emulator", choices=("ministack", "moto"))
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    arguments = parser.parse_args()
    # If another program used the port, it would answer instead of the emulator.
    socket.create_server((HOST, arguments.port)).close()
    stdout = os.dup(1)
    os.dup2(2, 1)
    follow_stdin()
    threading.Thread(target=announce, args=(arguments.port, stdout), daemon=True).start()
    {"ministack": run_ministack, "moto": run_moto}[arguments.emulator](arguments.port)


if __name__ == "__main__":
    main()
