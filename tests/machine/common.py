"""Shared by all modules of the machine tests: paths, programs, verdicts.

Used by all of `tests/machine`. Every program started here ends with the test,
however the test ends: children are killed when their parent exits, and helpers of
`tests/emulators` also see the end of their stdin. Must never ignore a failure, nor
a missing requirement.
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
# Programs for administrators are not in every user's PATH.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

Command = Sequence[str | Path]


class LacksError(Exception):
    """This machine lacks what a step needs; reported instead of skipping the step."""


class FailedError(Exception):
    """An expectation does not hold."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of every program here: ours, without the tester's settings and credentials."""
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
    """Run a program until it ends; any exit code but `exits` (None: any) is a failure."""
    stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(
        bound(command), env=environment(env), cwd=cwd, capture_output=True, text=True, check=False, **stdin
    )
    if exits is not None and done.returncode != exits:
        said = (done.stdout + done.stderr).strip()
        raise FailedError(f"{shown(command)}: exit code {done.returncode}, not {exits}\n{said}")
    return done


def bound(command: Command) -> list[str]:
    """Return the command, to be killed when its parent exits."""
    return ["setpriv", "--pdeathsig", "KILL", *map(str, command)]


def shown(command: Command) -> str:
    """Return a command as shown in messages."""
    text = " ".join(map(str, command))
    return text if len(text) < 200 else f"{text[:200]}…"


class Running:
    """A helper program that runs as long as this is held."""

    def __init__(self, command: Command, log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start it and wait for its line "ready"; its stderr goes to `log`."""
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
    """Run a program with its output in `log`, and return its exit code; after `seconds`, kill it and fail."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            bound(command), env=environment(env), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise FailedError(f"did not exit by itself within {seconds:.0f} s:\n{tail(log)}") from None
        finally:
            process.kill()
            process.wait()


def tail(file: Path) -> str:
    """Return the last lines of a log."""
    text = file.read_text(errors="replace") if file.exists() else ""
    return "\n".join(text.replace("\r", "").splitlines()[-TAIL_LINES:])


def wait_until(what: str, holds: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise FailedError(f"timed out after {seconds:.0f} s: {what}")
        time.sleep(POLL_SECONDS)


def show(holds: bool, what: str, detail: object = "") -> None:
    """Print what holds; fail with the detail if it does not."""
    if not holds:
        raise FailedError(f"FAILED: {what}\n{detail}".rstrip())
    print(f"    {what}", flush=True)


def show_order(said: str) -> None:
    """Check that no units wait for each other in a cycle: systemd would drop one of them at random."""
    cycles = [line.strip() for line in said.splitlines() if "ordering cycle" in line]
    show(not cycles, "no unit has an ordering cycle", "\n".join(cycles))


def need_root() -> None:
    """Require root: nothing here works without it."""
    if os.geteuid() != 0:
        raise LacksError("root is required: namespaces, file ownership, booting")


def need_programs(packages: Mapping[str, str]) -> None:
    """Require programs, each with the Debian package that contains it."""
    path = environment()["PATH"]
    missing = [program for program in packages if not shutil.which(program, path=path)]
    if missing:
        wanted = sorted({packages[program] for program in missing})
        raise LacksError(f"not installed: {', '.join(missing)}; apt install {' '.join(wanted)}")


def need_files(**made_by: str) -> None:
    """Require files of the build, named by keyword, each with the command that creates it."""
    places = {"sce": BINARIES / "sce", "sce_agent": BINARIES / "sce-agent", "emulators": PYTHON}
    for name, by in made_by.items():
        if not places[name].exists():
            raise LacksError(f"{places[name].relative_to(WORKSPACE)} does not exist: {by}")


@contextmanager
def work_directory() -> Iterator[Path]:
    """Provide a directory on a real file system, removed afterward, and remove those of killed runs."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for left in TARGET.glob("work-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"work-{os.getpid()}-", dir=TARGET) as name:
        yield Path(name)
