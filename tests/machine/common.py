"""What every module of the machine's tests needs: places, programs, verdicts.

Used by all of `tests/machine`. Whatever is started here ends with the test,
however that ends: children get a kill when their parent is gone, and helpers of
`tests/emulators` see their stdin end as well. Must never pass over a failure,
nor over something that this machine has not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKSPACE = HERE.parent.parent
EMULATORS = HERE.parent / "emulators"
BINARIES = WORKSPACE / "target" / "release"
PYTHON = WORKSPACE / "target" / "venv" / "emulators" / "bin" / "python"
TARGET = WORKSPACE / "target" / "machine"
POLL_SECONDS = 0.1
STOP_SECONDS_MAX = 15.0
TAIL_LINES = 40
# Programs that administrators run are not in everybody's PATH.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

Command = Sequence[str | Path]


class LacksError(Exception):
    """This machine has not what a step needs; said instead of skipping the step."""


class FailedError(Exception):
    """Something is not as it must be."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of every program here: ours, without settings and credentials of the person testing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCE_", "AWS_"))}
    path = f"{kept.get('PATH', os.defpath)}:{SBIN}"
    return kept | {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"} | dict(more or {})


def run(
    command: Command,
    *,
    given: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    exits: int | None = 0,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; anything but the exit code `exits` (None: any) fails."""
    stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(
        bound(command), env=environment(env), cwd=cwd, capture_output=True, text=True, check=False, **stdin
    )
    if exits is not None and done.returncode != exits:
        said = (done.stdout + done.stderr).strip()
        raise FailedError(f"{shown(command)}: exit code {done.returncode}, not {exits}\n{said}")
    return done


def bound(command: Command) -> list[str]:
    """The command, to be killed when its parent is gone."""
    return ["setpriv", "--pdeathsig", "KILL", *map(str, command)]


def shown(command: Command) -> str:
    """A command as messages have it."""
    text = " ".join(map(str, command))
    return text if len(text) < 200 else f"{text[:200]}…"


class Running:
    """A helper program that runs as long as this is held."""

    def __init__(self, command: Command, log: Path, env: Mapping[str, str] | None = None) -> None:
        """Starts it and waits for its line "ready"; its stderr goes to `log`."""
        self.log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                bound(command), env=environment(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
        assert self.process.stdout
        if self.process.stdout.readline().strip() != b"ready":
            self.stop()
            raise FailedError(f"{shown(command)} does not start:\n{tail(log)}")

    def stop(self) -> None:
        """End it: stdin first, as the helpers expect, then by force."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def run_logged(command: Command, log: Path, seconds: float, env: Mapping[str, str] | None = None) -> int:
    """Run a program with its output in `log`; its exit code. Killed, and a failure, after `seconds`."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            bound(command), env=environment(env), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise FailedError(f"did not end by itself within {seconds:.0f} s:\n{tail(log)}") from None
        finally:
            process.kill()
            process.wait()


def tail(file: Path) -> str:
    """The last lines of a log."""
    text = file.read_text(errors="replace") if file.exists() else ""
    return "\n".join(text.replace("\r", "").splitlines()[-TAIL_LINES:])


def wait_until(what: str, holds: Callable[[], bool], seconds: float) -> None:
    """Wait for a state of something outside; a failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise FailedError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(POLL_SECONDS)


def show(holds: bool, what: str, detail: object = "") -> None:
    """A line for what holds; a failure with the detail for what does not."""
    if not holds:
        raise FailedError(f"NOT SO: {what}\n{detail}".rstrip())
    print(f"    {what}", flush=True)


def show_order(said: str) -> None:
    """Units that wait for each other in a ring: systemd drops one of them, and which one is chance."""
    cycles = [line.strip() for line in said.splitlines() if "ordering cycle" in line]
    show(not cycles, "no unit waits for itself", "\n".join(cycles))


def need_root() -> None:
    """Nothing here works without."""
    if os.geteuid() != 0:
        raise LacksError("root is needed: namespaces, file ownership, booting")


def need_programs(packages: Mapping[str, str]) -> None:
    """Programs, each with the Debian package that brings it."""
    path = environment()["PATH"]
    missing = [program for program in packages if not shutil.which(program, path=path)]
    if missing:
        wanted = sorted({packages[program] for program in missing})
        raise LacksError(f"not installed: {', '.join(missing)}; apt install {' '.join(wanted)}")


def need_files(**made_by: str) -> None:
    """Files of the build, named by keyword, each with what makes it."""
    places = {"sce": BINARIES / "sce", "sce_agent": BINARIES / "sce-agent", "emulators": PYTHON}
    for name, by in made_by.items():
        if not places[name].exists():
            raise LacksError(f"{places[name].relative_to(WORKSPACE)} is not there: {by}")


@contextmanager
def work_directory() -> Iterator[Path]:
    """A directory on a real file system, gone afterwards; those of killed runs go first."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for left in TARGET.glob("work-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"work-{os.getpid()}-", dir=TARGET) as name:
        yield Path(name)
