"""Disk images as plain sparse files, and the search for remaining data on them.

Used by `boot.py`. Raw images only: what a guest discards becomes a hole, and a
search sees exactly what an owner of the disk would. Must never read holes: a disk
of 10 GiB contains a few MB.
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
# Space for what a boot writes.
SLACK_MIB = 192


def need() -> None:
    """Require what images need."""
    need_programs({"mkfs.ext4": "e2fsprogs"})


def make_ext4(source: Path, image: Path) -> Path:
    """Create an ext4 file system with the contents of a directory, without mounting anything."""
    size = int(run(["du", "--summarize", "--block-size=1M", "--one-file-system", source]).stdout.split()[0])
    blank(image, (size * 5 // 4 + SLACK_MIB) * MIB)
    quick = ["-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0"]
    run(["mkfs.ext4", "-q", "-F", *quick, "-d", source, image])
    return image


def blank(image: Path, size: int) -> Path:
    """Create a disk of that many bytes, all of it a hole."""
    with image.open("xb") as file:
        file.truncate(size)
    return image


def copy(image: Path, to: Path) -> Path:
    """Copy an image, sharing or omitting what is possible."""
    run(["cp", "--sparse=always", "--reflink=auto", image, to])
    return to


def extents(file: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of every allocated range."""
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
    """Yield everything allocated, in pieces with their offsets."""
    with image.open("rb") as file:
        for start, end in extents(file.fileno()):
            for at in range(start, end, CHUNK):
                yield at, os.pread(file.fileno(), min(CHUNK, end - at), at)


def marker_count(image: Path, marker: bytes) -> int:
    """Return how often the marker, which has no zero byte, occurs on the disk."""
    assert marker and 0 not in marker
    count, tail, expected = 0, b"", 0
    for at, piece in data(image):
        # Search across the border of adjacent pieces; the tail is too short to contain a whole
        # marker.
        text = (tail if at == expected else b"") + piece
        count += text.count(marker)
        tail, expected = text[max(0, len(text) - len(marker) + 1) :], at + len(piece)
    return count


def allocated(image: Path) -> int:
    """Return the number of bytes that are not holes."""
    with image.open("rb") as file:
        return sum(end - start for start, end in extents(file.fileno()))


def digest(image: Path) -> str:
    """Return a digest of the disk's contents and their offsets; pages of zeros count as holes."""
    sha, page = hashlib.sha256(), 4096
    for at, piece in data(image):
        for offset in range(0, len(piece), page):
            part = piece[offset : offset + page]
            if part.strip(b"\0"):
                sha.update(f"{at + offset}:".encode() + part)
    return sha.hexdigest()
