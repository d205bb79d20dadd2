"""What EC2 remembers of RunInstances and no emulator does.

Used by `proxy.py`: returns the first response again for the same client token, rejects
the token with other parameters, and keeps user data and tags per instance. Must never
launch: the emulator does, at most once per token.
"""

from __future__ import annotations

import asyncio
import base64
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Parameters that do not affect what is launched.
NOT_COMPARED = {"Action", "Version"}
TAG_SPECIFICATIONS_MAX = 20
TAGS_MAX = 50


class Answer(NamedTuple):
    """One complete HTTP response."""

    status: int
    reason: str | None
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Launches:
    """Requests in order, first responses by client token, instances by id."""

    requests: list[dict[str, str]] = field(default_factory=list)
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    _first: dict[str, tuple[dict[str, str], Answer]] = field(default_factory=dict)
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, form: dict[str, str], forward: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Return the response to a RunInstances request; None if its token was used with other parameters."""
        token = form.get("ClientToken")
        if not token:
            return self._remember(form, await forward())
        compared = {name: value for name, value in form.items() if name not in NOT_COMPARED}
        # Held while the emulator works, so that concurrent duplicates launch only once.
        async with self._locks[token]:
            if token in self._first:
                first, answer = self._first[token]
                return answer if first == compared else None
            answer = self._remember(form, await forward())
            if answer.status < 300:
                self._first[token] = compared, answer
            return answer

    def _remember(self, form: dict[str, str], answer: Answer) -> Answer:
        if answer.status < 300:
            launched = {
                "user_data": base64.b64decode(form.get("UserData", "")).decode(errors="replace"),
                "token": form.get("ClientToken"),
                "tags": instance_tags(form),
            }
            for element in ET.fromstring(answer.body).iter():
                if element.tag.endswith("}instanceId") or element.tag == "instanceId":
                    self.instances[element.text or ""] = launched
        return answer


def with_room(body: bytes) -> bytes:
    """Make a RunInstances request start all instances that it asks for: Moto starts the minimum."""
    most = re.search(rb"MaxCount=(\d+)", body)
    return re.sub(rb"MinCount=\d+", b"MinCount=" + most[1], body) if most else body


def instance_tags(form: dict[str, str]) -> dict[str, str]:
    """Return the tags that a RunInstances request sets on its instances."""
    tags: dict[str, str] = {}
    for n in range(1, TAG_SPECIFICATIONS_MAX + 1):
        if form.get(f"TagSpecification.{n}.ResourceType") != "instance":
            continue
        for m in range(1, TAGS_MAX + 1):
            tag = f"TagSpecification.{n}.Tag.{m}"
            if f"{tag}.Key" in form:
                tags[form[f"{tag}.Key"]] = form.get(f"{tag}.Value", "")
    return tags
