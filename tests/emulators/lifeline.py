"""Ends a helper process when the test that started it is gone.

Used by `proxy.py`, `hypervisor.py` and `start.py`: the test holds the write end
of their stdin, so its death, however sudden, is an end of file here. Must never
read anything else into stdin, nor write to stdout.
"""

from __future__ import annotations

import os
import signal
import threading
import time

GRACE_SECONDS = 5.0


def _wait_for_end() -> None:
    # os.read and not sys.stdin: its lock would upset the interpreter's exit.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def follow_stdin() -> None:
    """From now on, stdin at its end is a SIGTERM, and soon after a hard exit."""
    threading.Thread(target=_wait_for_end, daemon=True).start()
