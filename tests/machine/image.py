"""Disk images as plain sparse files, and what is left on them.

Used by `boot.py`. Raw images only: what a guest discards becomes a hole, and a
search sees exactly what an owner of the disk would. Must never read holes: a
disk of 10 GiB has a few MB.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from common import need_programs, run

MIB = 1 << 20
CHUNK = 8 * MIB
# Room for what a boot writes.
SLACK_MIB = 192


def need() -> None:
    """What images take."""
    need_programs({"mkfs.ext4": "e2fsprogs"})


def make_ext4(source: Path, image: Path) -> Path:
    """An ext4 file system with what is in a directory, without mounting anything."""
    size = int(run(["du", "--summarize", "--block-size=1M", "--one-file-system", source]).stdout.split()[0])
    blank(image, (size * 5 // 4 + SLACK_MIB) * MIB)
    quick = ["-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0"]
    run(["mkfs.ext4", "-q", "-F", *quick, "-d", source, image])
    return image


def blank(image: Path, size: int) -> Path:
    """A new disk of that many bytes, all of it a hole."""
    with image.open("xb") as file:
        file.truncate(size)
    return image


def copy(image: Path, to: Path) -> Path:
    """A copy that shares or leaves out what it can."""
    run(["cp", "--sparse=always", "--reflink=auto", image, to])
    return to


def extents(file: int) -> Iterator[tuple[int, int]]:
    """Beginning and end of every allocated part."""
    end = 0
    while True:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end


def data(image: Path) -> Iterator[tuple[int, bytes]]:
    """Everything allocated, in pieces, each with its place."""
    with image.open("rb") as file:
        for start, end in extents(file.fileno()):
            for at in range(start, end, CHUNK):
                yield at, os.pread(file.fileno(), min(CHUNK, end - at), at)


def marker_count(image: Path, marker: bytes) -> int:
    """How often the marker, which holds no zero byte, is anywhere on the disk."""
    assert marker and 0 not in marker
    count, tail, expected = 0, b"", 0
    for at, piece in data(image):
        # Pieces that touch are searched across their border; too short a tail to hold a whole marker.
        text = (tail if at == expected else b"") + piece
        count += text.count(marker)
        tail, expected = text[max(0, len(text) - len(marker) + 1) :], at + len(piece)
    return count


def allocated(image: Path) -> int:
    """Bytes that are not holes."""
    with image.open("rb") as file:
        return sum(end - start for start, end in extents(file.fileno()))


def digest(image: Path) -> str:
    """A digest of what is on a disk and where; pages of zeros are as good as holes."""
    sha, page = hashlib.sha256(), 4096
    for at, piece in data(image):
        for offset in range(0, len(piece), page):
            part = piece[offset : offset + page]
            if part.strip(b"\0"):
                sha.update(f"{at + offset}:".encode() + part)
    return sha.hexdigest()
