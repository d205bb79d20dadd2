"""Ways to break a template: small edits, each of which produces one broken copy.

Used by `mutants.py` and its lists. An edit changes the tree that it is given and
must fail if its target does not exist: that is an error of the list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tree = dict[str, Any]
Edit = Callable[[Tree], None]


def walk(template: Tree, path: str) -> tuple[Any, Any]:
    """Return the parent and last key of `Resource/Property/0/…` below Resources."""
    keys: list[Any] = [int(part) if part.isdigit() else part for part in path.split("/")]
    at: Any = template["Resources"]
    for key in keys[:-1]:
        at = at[key]
    return at, keys[-1]


def drop(path: str) -> Edit:
    """Remove a resource or a property."""

    def edit(template: Tree) -> None:
        parent, key = walk(template, path)
        del parent[key]

    return edit


def put(path: str, value: Any) -> Edit:
    """Set a property, whether it exists or not."""

    def edit(template: Tree) -> None:
        parent, key = walk(template, path)
        parent[key] = value

    return edit


def add(path: str, value: Any) -> Edit:
    """Append to a list."""

    def edit(template: Tree) -> None:
        parent, key = walk(template, path)
        parent[key].append(value)

    return edit


def statements(template: Tree, resource: str) -> list[Tree]:
    """Return the statements of a policy, key policy or endpoint policy."""
    of = template["Resources"][resource]["Properties"]
    document = of.get("PolicyDocument") or of.get("KeyPolicy") or of["AssumeRolePolicyDocument"]
    return document["Statement"]


def drop_statement(resource: str, sid: str) -> Edit:
    """Remove a statement from a policy."""

    def edit(template: Tree) -> None:
        found = statements(template, resource)
        found.remove(next(one for one in found if one["Sid"] == sid))

    return edit


def change_statement(resource: str, sid: str | None, **words: Any) -> Edit:
    """Change or remove (with None) elements of a statement: the one with the Sid, or else the first."""

    def edit(template: Tree) -> None:
        found = statements(template, resource)
        one = next(one for one in found if sid is None or one.get("Sid") == sid)
        for word, value in words.items():
            if value is None:
                del one[word]
            else:
                one[word] = value

    return edit


def allow(resource: str, action: Any, target: Any, **more: Any) -> Edit:
    """Add a statement that allows something."""
    statement = {"Sid": "Added", "Effect": "Allow", "Action": action, "Resource": target} | more

    def edit(template: Tree) -> None:
        statements(template, resource).append(statement)

    return edit


def new(name: str, kind: str, **properties: Any) -> Edit:
    """Add a resource."""

    def edit(template: Tree) -> None:
        template["Resources"][name] = {"Type": kind, "Properties": properties}

    return edit
