"""The interface of a resource type for Ministack's CloudFormation, and clients of its own API.

Used by the other stacks_*.py. Must never call anything but the emulator that it runs
in.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region

Props = dict[str, Any]
# A physical id, and the attributes for Fn::GetAtt.
Made = tuple[str, Props]


class Kind(NamedTuple):
    """A type that the emulator does not support."""

    create: Callable[[Props], str]
    update: Callable[[str, Props, Props], None]
    delete: Callable[[str, Props], None]
    attributes: Callable[[str], Props]
    # Properties that cannot be changed: a change replaces the resource.
    replacing: tuple[str, ...]
    tagged: bool = True
    # Called before a delete if the template requires it.
    snapshot: Callable[[str, Props], None] | None = None

    def handlers(self) -> Props:
        """Return Ministack's form of the handlers."""

        def create(_logical_id: str, props: Props, _stack: str) -> Made:
            physical_id = self.create(props)
            return physical_id, self.attributes(physical_id)

        def update(physical_id: str, old: Props, new: Props, _stack: str) -> Made:
            self.update(physical_id, old, new)
            return physical_id, self.attributes(physical_id)

        def delete(physical_id: str, props: Props) -> None:
            try:
                self.delete(physical_id, props)
            except ClientError as error:
                # It was deleted already.
                if "NotFound" not in error.response["Error"]["Code"]:
                    raise

        more = {"snapshot": self.snapshot} if self.snapshot else {}
        return {"create": create, "update": update, "delete": delete, **more}


def api(service: str) -> Any:
    """Return a client of this emulator, for the account and region of the current stack."""
    return client(service, get_account_id(), get_region())


@functools.cache
def client(service: str, account: str, region: str) -> Any:
    """Create a client; Ministack uses the access key id as the account."""
    session = boto3.Session(account, "test", region_name=region)
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
    return session.client(service, endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}", config=config)


def picked(props: Props, *names: str) -> Props:
    """Return the given properties that exist."""
    return {name: props[name] for name in names if name in props}


def nothing(_physical_id: str, _old: Props, _new: Props) -> None:
    """Update a resource that cannot be changed."""
