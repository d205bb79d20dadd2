"""Ends a helper process when the test that started it is gone.

Used by `proxy.py`, `hypervisor.py` and `start.py`: the test holds the write end of
their stdin, so when it dies, however suddenly, stdin ends. Must never interpret stdin
in any other way, nor write to stdout.
"""

from __future__ import annotations

import os
import signal
import threading
import time

GRACE_SECONDS = 5.0


def _wait_for_end() -> None:
    # os.read instead of sys.stdin, whose lock would block the interpreter's exit.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def follow_stdin() -> None:
    """From now on, the end of stdin causes a SIGTERM, and soon after a hard exit."""
    threading.Thread(target=_wait_for_end, daemon=True).start()
